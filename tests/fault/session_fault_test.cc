// A device is lost, hangs or slows down at each stage of a hybrid of four, in real and in virtual time: 1,000 samples
// each, every one ends exactly once and right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <tuple>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "hanging_place.h"
#include "run/session.h"
#include "run/test_programs.h"
#include "run/test_samples.h"

namespace consort {
namespace {

using test::ArithmeticProgram;
using test::ChainStage;
using test::HangingPlace;
using test::MakeReplica;
using test::RunMany;

constexpr int kStages = 4;
constexpr int kSamples = 1000;
constexpr int kMostSamples = 1'000'000;  // until the fault is seen
constexpr int kFaultyCall = 60;
constexpr TimeNs kMs = 1'000'000;
constexpr TimeNs kDeadlineNs = 500 * kMs;
constexpr TimeNs kSlowNs = 2 * kMs;

enum class Fault { kLoss, kHang, kSlowDown };
enum class Time { kReal, kVirtual };

class SessionFault : public testing::TestWithParam<std::tuple<Fault, int, Time>> {
 protected:
  Fault fault() const { return std::get<0>(GetParam()); }
  int stage() const { return std::get<1>(GetParam()); }
  bool is_virtual() const { return std::get<2>(GetParam()) == Time::kVirtual; }

  Clock& clock() { return is_virtual() ? virtual_clock_ : Clock::Real(); }

  // The first replica of the stage in question goes wrong at its 60th call.
  PreparedReplica Device(int stage_index, bool faulty) {
    ArithmeticProgram::Options program = ChainStage(stage_index);
    program.before = [&clock = clock(), is_virtual = is_virtual(), fault = fault(), place = place_, faulty,
                      calls = std::make_shared<std::atomic<int>>(0)] {
      // In virtual time calls take as long as they would on a device.
      if (is_virtual) clock.SleepUntil(clock.NowNs() + 100'000);
      if (!faulty || ++*calls < kFaultyCall) return;
      if (fault == Fault::kLoss) throw Error(ErrorCode::kDeviceLost, "unplugged");
      if (fault == Fault::kHang) place->Hang();
      if (fault == Fault::kSlowDown) clock.SleepUntil(clock.NowNs() + kSlowNs);
    };
    return MakeReplica(program, {.name = faulty ? "faulty" : "sound", .clock = &clock()});
  }

  // Two replicas, one, two, one; and a spare for each stage.
  PreparedPlan Hybrid() {
    PreparedPlan plan;
    for (int i = 0; i < kStages; ++i) {
      PreparedStage prepared;
      prepared.replicas.push_back(Device(i, /*faulty=*/i == stage()));
      if (i % 2 == 0) prepared.replicas.push_back(Device(i, /*faulty=*/false));
      prepared.spares.push_back(Device(i, /*faulty=*/false));
      plan.stages.push_back(std::move(prepared));
    }
    return plan;
  }

  VirtualClock virtual_clock_;
  std::optional<ClockMember> member_;
  std::shared_ptr<HangingPlace> place_;
};

std::string NameOf(const testing::TestParamInfo<std::tuple<Fault, int, Time>>& info) {
  static const char* const kFaults[] = {"Loss", "Hang", "SlowDown"};
  return std::string(kFaults[static_cast<int>(std::get<0>(info.param))]) + "AtStage" +
         std::to_string(std::get<1>(info.param)) + (std::get<2>(info.param) == Time::kVirtual ? "InVirtualTime" : "");
}

INSTANTIATE_TEST_SUITE_P(Everywhere, SessionFault,
                         testing::Combine(testing::Values(Fault::kLoss, Fault::kHang, Fault::kSlowDown),
                                          testing::Range(0, kStages), testing::Values(Time::kReal, Time::kVirtual)),
                         NameOf);

TEST_P(SessionFault, EverySampleEndsOnceAndRight) {
  if (is_virtual()) member_.emplace(virtual_clock_, "main");
  place_ = std::make_shared<HangingPlace>(clock());
  std::optional<Session> session(std::in_place, Hybrid(),
                                 SessionOptions{.stage_deadline_ns = kDeadlineNs, .clock = &clock()});
  int samples = kSamples;
  EXPECT_EQ(RunMany(*session, samples, kStages).right, samples);
  // A busy machine may give all of them to the other replica.
  while (fault() != Fault::kSlowDown && session->report().losses.empty() && samples < kMostSamples) {
    EXPECT_EQ(RunMany(*session, kSamples, kStages).right, kSamples);
    samples += kSamples;
  }
  const SessionReport report = session->report();
  EXPECT_EQ(report.started, samples);
  EXPECT_EQ(report.delivered, samples);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.losses.size(), fault() == Fault::kSlowDown ? 0u : 1u);
  EXPECT_EQ(report.retries, fault() == Fault::kSlowDown ? 0 : 1);
  std::printf("recovered in %.3f ms of %s time\n", static_cast<double>(report.longest_recovery_ns) / 1e6,
              is_virtual() ? "virtual" : "real");
  session.reset();
  place_->Open();
  if (is_virtual()) clock().SleepUntil(clock().NowNs() + kMs);
}

}  // namespace
}  // namespace consort
