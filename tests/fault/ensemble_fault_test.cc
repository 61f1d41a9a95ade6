// A device without a spare is lost, hangs or slows down at each stage of a hybrid of four, in real and in virtual time,
// with a plan that was compiled beforehand and with one made at the loss: 1,000 samples each, every one ends exactly
// once and right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <vector>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "hanging_place.h"
#include "run/ensemble.h"
#include "run/test_devices.h"
#include "run/test_samples.h"

namespace consort {
namespace {

using test::Devices;
using test::HangingPlace;
using test::PlanOn;
using test::RunMany;
using test::SubmitOne;
using test::TargetsOf;
using test::WaitFor;
using test::Without;

constexpr int kStages = 4;
constexpr int kSamples = 1000;
constexpr int kMostSamples = 1'000'000;  // until the fault is seen
constexpr int kLastSamples = 50;
constexpr int kFaultyCall = 60;
constexpr TimeNs kMs = 1'000'000;
constexpr TimeNs kDeadlineNs = 500 * kMs;
constexpr TimeNs kSlowNs = 2 * kMs;
constexpr char kFaulty[] = "faulty";

enum class Fault { kLoss, kHang, kSlowDown };
enum class Time { kReal, kVirtual };
using Parameters = std::tuple<Fault, int, Time, Replanning>;

class EnsembleFault : public testing::TestWithParam<Parameters> {
 protected:
  Fault fault() const { return std::get<0>(GetParam()); }
  int stage() const { return std::get<1>(GetParam()); }
  bool is_virtual() const { return std::get<2>(GetParam()) == Time::kVirtual; }
  Replanning replanning() const { return std::get<3>(GetParam()); }
  Clock& clock() { return is_virtual() ? virtual_clock_ : Clock::Real(); }

  void SetUp() override {
    if (is_virtual()) member_.emplace(virtual_clock_, "main");
    place_ = std::make_shared<HangingPlace>(clock());
    devices_ = std::make_unique<Devices>(clock());
    // In virtual time calls take as long as they would on a device.
    if (is_virtual()) devices_->call_ns = 100'000;
    devices_->fault(kFaulty) = [&clock = clock(), fault = fault(), place = place_](int call) {
      if (call < kFaultyCall) return;
      if (fault == Fault::kLoss) throw Error(ErrorCode::kDeviceLost, "unplugged");
      if (fault == Fault::kHang) place->Hang();
      if (fault == Fault::kSlowDown) clock.SleepUntil(clock.NowNs() + kSlowNs);
    };
  }

  // Hung calls end before what they use does.
  void TearDown() override {
    place_->Open();
    if (is_virtual()) clock().SleepUntil(clock().NowNs() + kMs);
  }

  // Two replicas, one, two, one. The first of the stage in question goes wrong at its 60th call.
  Plan Hybrid() const {
    std::vector<std::vector<std::string>> stages = {{"a", "b"}, {"c"}, {"d", "e"}, {"f"}};
    stages[static_cast<size_t>(stage())][0] = kFaulty;
    return PlanOn(stages);
  }

  VirtualClock virtual_clock_;
  std::optional<ClockMember> member_;
  std::shared_ptr<HangingPlace> place_;
  std::unique_ptr<Devices> devices_;
};

std::string NameOf(const testing::TestParamInfo<Parameters>& info) {
  static const char* const kFaults[] = {"Loss", "Hang", "SlowDown"};
  return std::string(kFaults[static_cast<int>(std::get<0>(info.param))]) + "AtStage" +
         std::to_string(std::get<1>(info.param)) + (std::get<2>(info.param) == Time::kVirtual ? "InVirtualTime" : "") +
         (std::get<3>(info.param) == Replanning::kBeforehand ? "Prepared" : "");
}

INSTANTIATE_TEST_SUITE_P(Everywhere, EnsembleFault,
                         testing::Combine(testing::Values(Fault::kLoss, Fault::kHang, Fault::kSlowDown),
                                          testing::Range(0, kStages), testing::Values(Time::kReal, Time::kVirtual),
                                          testing::Values(Replanning::kAtTheLoss, Replanning::kBeforehand)),
                         NameOf);

TEST_P(EnsembleFault, EverySampleEndsOnceAndRight) {
  {
    Ensemble ensemble(
        Hybrid(), [this](const Plan& plan) { return devices_->Prepare(plan); },
        {.session = {.stage_deadline_ns = kDeadlineNs, .clock = &clock()},
         .replan = [](const Plan& running, const std::vector<std::string>& lost) { return Without(running, lost); },
         .replanning = replanning()});
    int samples = kSamples;
    EXPECT_EQ(RunMany(ensemble, samples, kStages).right, samples);
    // A busy machine may give all of them to the other replica, or run them before the plan is there.
    while (fault() != Fault::kSlowDown && ensemble.report().takeovers.empty() && samples < kMostSamples) {
      EXPECT_EQ(RunMany(ensemble, kSamples, kStages).right, kSamples);
      samples += kSamples;
    }
    EXPECT_EQ(RunMany(ensemble, kLastSamples, kStages).right, kLastSamples);
    samples += kLastSamples;
    const EnsembleReport report = ensemble.report();
    EXPECT_EQ(report.started, samples);
    EXPECT_EQ(report.delivered, samples);
    EXPECT_EQ(report.failed, 0);
    EXPECT_EQ(report.takeovers.size(), fault() == Fault::kSlowDown ? 0u : 1u);
    for (const Takeover& takeover : report.takeovers) {
      EXPECT_EQ(takeover.prepared, replanning() == Replanning::kBeforehand);
      std::printf("taken over in %.3f ms, first result after %.3f ms of %s time, %d samples moved\n",
                  static_cast<double>(takeover.taken_over_ns) / 1e6,
                  static_cast<double>(takeover.first_result_ns) / 1e6,
                  is_virtual() ? "virtual" : "real", static_cast<int>(report.moved));
    }
    for (const auto& targets : TargetsOf(report.plan)) {
      if (fault() == Fault::kSlowDown) continue;
      EXPECT_THAT(targets, testing::Not(testing::Contains(kFaulty)));
    }
    place_->Open();
  }
}

// Every device but the last fails in turn, each time with samples everywhere.
TEST(EnsembleFaults, ALossAtEveryPlanUntilOneDeviceIsLeft) {
  for (const Replanning replanning : {Replanning::kAtTheLoss, Replanning::kBeforehand}) {
    Devices devices(Clock::Real());
    for (const char* const target : {"a", "b", "c"}) devices.LoseAt(target, 100);
    Ensemble ensemble(
        PlanOn({{"a"}, {"b"}, {"c"}, {"d"}}), [&](const Plan& plan) { return devices.Prepare(plan); },
        {.session = {.max_attempts = 5},
         .replan =
             [](const Plan&, const std::vector<std::string>& lost) {
               std::vector<std::vector<std::string>> stages(4);
               for (std::vector<std::string>& stage : stages) {
                 for (const char* const target : {"a", "b", "c", "d"}) {
                   if (stage.empty() && std::count(lost.begin(), lost.end(), target) == 0) stage.push_back(target);
                 }
               }
               return PlanOn(stages);
             },
         .replanning = replanning});
    EXPECT_EQ(RunMany(ensemble, kSamples, kStages).right, kSamples);
    for (int round = 0; round < kSamples && ensemble.report().takeovers.size() < 3; ++round) {
      EXPECT_EQ(RunMany(ensemble, kLastSamples, kStages).right, kLastSamples);
    }
    EXPECT_EQ(ensemble.report().takeovers.size(), 3u);
    EXPECT_EQ(ensemble.report().failed, 0);
  }
}

// Several threads submit and wait while devices come and go.
TEST(EnsembleFaults, ManyThreadsLoseNothingWhileADeviceComesAndGoes) {
  Devices devices(Clock::Real());
  devices.fault(kFaulty) = [](int call) {
    if (call % 150 == 0) throw Error(ErrorCode::kDeviceLost, "unplugged");
  };
  devices.reopen(kFaulty) = [](std::shared_ptr<Executable> again) { return again; };
  Ensemble ensemble(
      PlanOn({{"a"}, {kFaulty}, {"c"}}), [&](const Plan& plan) { return devices.Prepare(plan); },
      {.session = {.probe_interval_ns = kMs},
       .replan = [](const Plan& running, const std::vector<std::string>& lost) { return Without(running, lost); },
       .replanning = Replanning::kBeforehand});
  std::atomic<int> right = 0;
  std::atomic<int> samples = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      // And on, until the device has come back.
      for (int i = 0; i < kSamples || (ensemble.report().takeovers.size() < 2 && i < kMostSamples / 10); ++i) {
        const auto value = static_cast<float>(thread * kSamples + i % kSamples);
        ++samples;
        right += WaitFor(ensemble, SubmitOne(ensemble, value)) == test::ChainValue(value, 3) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, samples);
  EXPECT_EQ(ensemble.report().failed, 0);
  EXPECT_GE(ensemble.report().takeovers.size(), 2u);
}

}  // namespace
}  // namespace consort
