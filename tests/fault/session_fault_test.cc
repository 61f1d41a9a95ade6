// A device is lost, hangs or slows down at each stage of a hybrid of four, in real and in virtual time: 1,000 samples
// each, every one ends exactly once and right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "run/session.h"
#include "run/test_programs.h"

namespace consort {
namespace {

using test::ArithmeticProgram;
using test::ChainStage;
using test::ChainValue;
using test::Filled;
using test::MakeReplica;

constexpr int kStages = 4;
constexpr int kSamples = 1000;
constexpr int kFaultyCall = 60;
constexpr TimeNs kMs = 1'000'000;
constexpr TimeNs kDeadlineNs = 500 * kMs;
constexpr TimeNs kSlowNs = 2 * kMs;
constexpr TimeNs kHangNs = 3'600'000 * kMs;

enum class Fault { kLoss, kHang, kSlowDown };
enum class Time { kReal, kVirtual };

// Where hung calls stand until the test is over. Shared with them.
class HangingPlace {
 public:
  explicit HangingPlace(Clock& clock) : clock_(clock) {}
  void Hang() {
    std::unique_lock lock(mutex_);
    ++inside_;
    while (!open_) clock_.Wait(lock, opened_, clock_.NowNs() + kHangNs);
    --inside_;
    clock_.NotifyAll(left_);
  }
  // Lets everybody out and waits until nobody is left.
  void Open() {
    std::unique_lock lock(mutex_);
    open_ = true;
    clock_.NotifyAll(opened_);
    while (inside_ > 0) clock_.Wait(lock, left_, clock_.NowNs() + kMs);
  }

 private:
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable left_;
  bool open_ = false;
  int inside_ = 0;
};

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
  std::deque<std::pair<Ticket, float>> under_way;
  int right = 0;
  const auto finish = [&] {
    Buffer output;
    session->Wait(under_way.front().first, {&output, 1});
    right += output.as<float>()[3] == ChainValue(under_way.front().second, kStages) ? 1 : 0;
    under_way.pop_front();
  };
  for (int i = 0; i < kSamples; ++i) {
    if (static_cast<int>(under_way.size()) == session->max_in_flight()) finish();
    const Buffer input = Filled(static_cast<float>(i));
    under_way.emplace_back(session->Submit({&input, 1}), static_cast<float>(i));
  }
  while (!under_way.empty()) finish();

  EXPECT_EQ(right, kSamples);
  const SessionReport report = session->report();
  EXPECT_EQ(report.started, kSamples);
  EXPECT_EQ(report.delivered, kSamples);
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
