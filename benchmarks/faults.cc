// Devices that are lost, hang, slow down or give wrong numbers under a hybrid of four stages: what becomes of the
// samples, and how long until they flow again.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consort/error.h"
#include "hanging_place.h"
#include "run/ensemble.h"
#include "run/session.h"
#include "run/test_devices.h"
#include "run/test_programs.h"

namespace consort {
namespace {

using test::Devices;
using test::HangingPlace;

constexpr int kStages = 4;
constexpr int kMostSamples = 100'000;  // until the fault is seen
constexpr int kMoreSamples = 50;
constexpr double kMs = 1e6;
constexpr double kGoalMs = 100;
constexpr char kFaulty[] = "faulty";

struct Arguments {
  int samples = 1000;
  int rounds = 5;
  int faulty_call = 60;
  double call_us = 100;
  double slow_ms = 2;
  double deadline_ms = 250;
  double compile_ms = 20;
};

enum class Fault { kLoss, kHang, kSlowDown };
constexpr Fault kFaults[] = {Fault::kLoss, Fault::kHang, Fault::kSlowDown};
const char* ToString(Fault fault) {
  return fault == Fault::kLoss ? "loss" : fault == Fault::kHang ? "hang" : "slow-down";
}

// What steps in.
enum class Rescue { kSpare, kPreparedPlan, kPlanAtTheLoss };
constexpr Rescue kRescues[] = {Rescue::kSpare, Rescue::kPreparedPlan, Rescue::kPlanAtTheLoss};
const char* ToString(Rescue rescue) {
  return rescue == Rescue::kSpare          ? "spares"
         : rescue == Rescue::kPreparedPlan ? "plan prepared beforehand"
                                           : "plan made at the loss";
}

TimeNs ToNs(double ms) { return static_cast<TimeNs>(ms * kMs); }

// --- Samples -----------------------------------------------------------------------------------------------------

// What became of samples 0, 1, … that were sent one after the other.
struct Samples {
  int sent = 0;
  int delivered = 0;
  int failed = 0;
  std::vector<uint64_t> wrong;  // delivered with a wrong result
  TimeNs last_ns = 0;
  TimeNs longest_gap_ns = 0;  // between two ends in a row

  void EndAt(TimeNs now_ns) {
    if (last_ns > 0) longest_gap_ns = std::max(longest_gap_ns, now_ns - last_ns);
    last_ns = now_ns;
  }
};

bool IsRight(const Buffer& output, int sample) {
  const float expected = test::ChainValue(static_cast<float>(sample), kStages);
  const auto values = output.as<float>();
  return !values.empty() && std::all_of(values.begin(), values.end(), [&](float value) { return value == expected; });
}

// `Runner` is a Session or an Ensemble. Keeps it full.
template <typename Runner>
void Send(Runner& runner, int count, Samples& samples) {
  std::deque<std::pair<Ticket, int>> under_way;
  const auto finish = [&] {
    const auto [ticket, sample] = under_way.front();
    under_way.pop_front();
    Buffer output;
    try {
      runner.Wait(ticket, {&output, 1});
      ++samples.delivered;
      if (!IsRight(output, sample)) samples.wrong.push_back(static_cast<uint64_t>(sample));
    } catch (const Error&) {
      ++samples.failed;
    }
    samples.EndAt(Clock::Real().NowNs());
  };
  for (int i = 0; i < count; ++i) {
    if (static_cast<int>(under_way.size()) == runner.max_in_flight()) finish();
    const Buffer input = test::Filled(static_cast<float>(samples.sent));
    under_way.emplace_back(runner.Submit({&input, 1}), samples.sent);
    ++samples.sent;
  }
  while (!under_way.empty()) finish();
}

// --- Loss, hang and slow-down --------------------------------------------------------------------------------------

// A device that goes wrong, and those that do not. Two replicas, one, two, one.
class Hybrid {
 public:
  Hybrid(const Arguments& arguments, Fault fault, int stage)
      : place_(std::make_shared<HangingPlace>(Clock::Real())), devices_(Clock::Real()) {
    devices_.call_ns = ToNs(arguments.call_us / 1e3);
    devices_.fault(kFaulty) = [fault, first = arguments.faulty_call, slow_ns = ToNs(arguments.slow_ms),
                               place = place_](int call) {
      if (call < first) return;
      if (fault == Fault::kLoss) throw Error(ErrorCode::kDeviceLost, "unplugged");
      if (fault == Fault::kHang) place->Hang();
      if (fault == Fault::kSlowDown) Clock::Real().SleepUntil(Clock::Real().NowNs() + slow_ns);
    };
    std::vector<std::vector<std::string>> stages = {{"a", "b"}, {"c"}, {"d", "e"}, {"f"}};
    stages[static_cast<size_t>(stage)][0] = kFaulty;
    plan_ = test::PlanOn(stages);
  }

  const Plan& plan() const { return plan_; }
  PreparedPlan Prepare(const Plan& plan) { return devices_.Prepare(plan); }
  PreparedPlan PrepareWithSpares() {
    PreparedPlan prepared = devices_.Prepare(plan_);
    for (int stage = 0; stage < kStages; ++stage) {
      prepared.stages[static_cast<size_t>(stage)].spares.push_back(
          devices_.Compile(stage, fmt::format("spare{}", stage)));
    }
    return prepared;
  }
  // Hung calls end.
  void Release() { place_->Open(); }

 private:
  std::shared_ptr<HangingPlace> place_;
  Devices devices_;
  Plan plan_;
};

struct Rescued {
  Samples samples;
  int64_t ended = 0;  // as the session or the ensemble counts
  int64_t losses = 0;
  int64_t again = 0;                  // calls that were made again, or samples that began anew
  std::optional<double> recovery_ms;  // absent: nothing was lost
};

Rescued RunOnSpares(const Arguments& arguments, Fault fault, int stage) {
  Hybrid hybrid(arguments, fault, stage);
  Rescued rescued;
  {
    Session session(hybrid.PrepareWithSpares(), {.stage_deadline_ns = ToNs(arguments.deadline_ms)});
    Send(session, arguments.samples, rescued.samples);
    while (fault != Fault::kSlowDown && session.losses() == 0 && rescued.samples.sent < kMostSamples)
      Send(session, kMoreSamples, rescued.samples);
    const SessionReport report = session.report();
    rescued.ended = report.delivered + report.failed;
    rescued.losses = static_cast<int64_t>(report.losses.size());
    rescued.again = report.retries;
    if (rescued.losses > 0) rescued.recovery_ms = static_cast<double>(report.longest_recovery_ns) / kMs;
  }
  hybrid.Release();
  return rescued;
}

Rescued RunReplanned(const Arguments& arguments, Fault fault, int stage, Replanning replanning) {
  Hybrid hybrid(arguments, fault, stage);
  Rescued rescued;
  std::atomic<int> prepared = 0;
  const auto prepare = [&](const Plan& plan) {
    if (prepared++ > 0) Clock::Real().SleepUntil(Clock::Real().NowNs() + ToNs(arguments.compile_ms));
    return hybrid.Prepare(plan);
  };
  Ensemble ensemble(
      hybrid.plan(), prepare,
      {.session = {.stage_deadline_ns = ToNs(arguments.deadline_ms)},
       .replan = [](const Plan& running, const std::vector<std::string>& lost) { return test::Without(running, lost); },
       .replanning = replanning});
  Send(ensemble, arguments.samples, rescued.samples);
  while (fault != Fault::kSlowDown && ensemble.report().takeovers.empty() && rescued.samples.sent < kMostSamples)
    Send(ensemble, kMoreSamples, rescued.samples);
  Send(ensemble, kMoreSamples, rescued.samples);
  const EnsembleReport report = ensemble.report();
  rescued.ended = report.delivered + report.failed;
  rescued.losses = static_cast<int64_t>(report.takeovers.size());
  rescued.again = report.moved;
  for (const Takeover& takeover : report.takeovers)
    rescued.recovery_ms =
        std::max(rescued.recovery_ms.value_or(0), static_cast<double>(takeover.first_result_ns) / kMs);
  hybrid.Release();
  return rescued;
}

Rescued RunCase(const Arguments& arguments, Rescue rescue, Fault fault, int stage) {
  if (rescue == Rescue::kSpare) return RunOnSpares(arguments, fault, stage);
  return RunReplanned(arguments, fault, stage,
                      rescue == Rescue::kPreparedPlan ? Replanning::kBeforehand : Replanning::kAtTheLoss);
}

// Of the rounds of a case, or of several cases.
struct Sum {
  int64_t sent = 0;
  int64_t once = 0;  // samples that were delivered, where the runner counts no more ends than samples
  int64_t wrong = 0;
  int64_t losses = 0;
  int64_t again = 0;
  std::vector<double> recoveries_ms;
  std::vector<double> gaps_ms;

  void Add(const Rescued& rescued) {
    sent += rescued.samples.sent;
    once += rescued.samples.delivered - std::max<int64_t>(0, rescued.ended - rescued.samples.sent);
    wrong += static_cast<int64_t>(rescued.samples.wrong.size());
    losses += rescued.losses;
    again += rescued.again;
    if (rescued.recovery_ms) recoveries_ms.push_back(*rescued.recovery_ms);
    gaps_ms.push_back(static_cast<double>(rescued.samples.longest_gap_ns) / kMs);
  }
  void Add(const Sum& other) {
    sent += other.sent;
    once += other.once;
    wrong += other.wrong;
    losses += other.losses;
    again += other.again;
    recoveries_ms.insert(recoveries_ms.end(), other.recoveries_ms.begin(), other.recoveries_ms.end());
    gaps_ms.insert(gaps_ms.end(), other.gaps_ms.begin(), other.gaps_ms.end());
  }
  bool is_sound() const { return once == sent && wrong == 0; }
};

std::string Spread(std::vector<double> values) {
  if (values.empty()) return fmt::format("{:>8} {:>8} {:>8}", "-", "-", "-");
  std::sort(values.begin(), values.end());
  return fmt::format("{:>8.3f} {:>8.3f} {:>8.3f}", values.front(), values[values.size() / 2], values.back());
}

void Print(const std::string& name, const Sum& sum) {
  fmt::print("  {:<20} {:>8} {:>8} {:>6} {:>7} {:>6} | {} | {}\n", name, sum.sent, sum.once, sum.wrong, sum.losses,
             sum.again, Spread(sum.recoveries_ms), Spread(sum.gaps_ms));
  std::fflush(stdout);
}

bool RunRescue(const Arguments& arguments, Rescue rescue) {
  fmt::print("{}\n  {:<20} {:>8} {:>8} {:>6} {:>7} {:>6} | {:^26} | {:^26}\n", ToString(rescue), "", "samples", "once",
             "wrong", "losses", rescue == Rescue::kSpare ? "again" : "moved", "recovery, ms", "longest gap, ms");
  fmt::print("  {:<58}   {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8}\n", "", "least", "median", "most", "least", "median",
             "most");
  Sum all;
  for (const Fault fault : kFaults) {
    for (int stage = 0; stage < kStages; ++stage) {
      Sum sum;
      for (int round = 0; round < arguments.rounds; ++round) sum.Add(RunCase(arguments, rescue, fault, stage));
      Print(fmt::format("{} at stage {}", ToString(fault), stage), sum);
      all.Add(sum);
    }
  }
  Print("all", all);
  if (rescue == Rescue::kPreparedPlan && !all.recoveries_ms.empty()) {
    const double most_ms = *std::max_element(all.recoveries_ms.begin(), all.recoveries_ms.end());
    fmt::print("  goal, every recovery under {:g} ms: {}\n", kGoalMs, most_ms < kGoalMs ? "met" : "MISSED");
  }
  return all.is_sound();
}

// --- Wrong numbers -------------------------------------------------------------------------------------------------

struct Checked {
  Samples samples;
  int spoiled = 0;  // calls of the wrong device with wrong numbers
  bool found = false;
  std::vector<uint64_t> suspects;
  int unlisted = 0;  // wrong results that are not among the suspects
};

// From its nth call on every result of the first replica of the stage is wrong. Two spares for each stage.
Checked RunWrong(const Arguments& arguments, int stage, int every) {
  auto spoiled = std::make_shared<std::atomic<int>>(0);
  const auto device = [&](int index, const std::string& name) {
    test::ArithmeticProgram::Options program = test::ChainStage(index);
    program.before = [call_ns = ToNs(arguments.call_us / 1e3)] {
      if (call_ns > 0) Clock::Real().SleepUntil(Clock::Real().NowNs() + call_ns);
    };
    if (name == kFaulty) {
      program.after = [spoiled, first = arguments.faulty_call,
                       calls = std::make_shared<std::atomic<int>>(0)](Binding& binding) {
        if (++*calls < first) return;
        ++*spoiled;
        for (float& value : binding.output(0).as<float>()) value += 1;
      };
    }
    return test::MakeReplica(program, {.name = name});
  };
  PreparedPlan plan;
  for (int index = 0; index < kStages; ++index) {
    PreparedStage& prepared = plan.stages.emplace_back();
    prepared.replicas.push_back(device(index, index == stage ? kFaulty : "sound"));
    if (index % 2 == 0) prepared.replicas.push_back(device(index, "sound too"));
    for (const char* const spare : {"spare", "other spare"}) prepared.spares.push_back(device(index, spare));
  }
  Checked checked;
  Session session(std::move(plan), {.verify = {.every = every}});
  Send(session, arguments.samples, checked.samples);
  const SessionReport report = session.report();
  checked.spoiled = *spoiled;
  checked.found = !report.losses.empty();
  checked.suspects = report.suspects;
  for (const uint64_t sample : checked.samples.wrong)
    checked.unlisted += std::count(checked.suspects.begin(), checked.suspects.end(), sample) > 0 ? 0 : 1;
  return checked;
}

bool RunEvery(const Arguments& arguments, int every) {
  fmt::print("wrong numbers, every {}call of a replica repeated elsewhere\n",
             every == 1 ? "" : fmt::format("{}th ", every));
  fmt::print("  {:<10} {:>8} {:>9} {:>7} {:>6} {:>15} {:>9} {:>22}\n", "", "samples", "delivered", "failed", "found",
             "calls till then", "delivered", "suspects, wrong ones");
  fmt::print("  {:<10} {:>8} {:>9} {:>7} {:>6} {:>15} {:>9} {:>22}\n", "", "", "", "", "", "", "wrong",
             "not among them");
  bool is_sound = true;
  for (int stage = 0; stage < kStages; ++stage) {
    const Checked checked = RunWrong(arguments, stage, every);
    const size_t wrong = checked.samples.wrong.size();
    fmt::print("  {:<10} {:>8} {:>9} {:>7} {:>6} {:>15} {:>9} {:>17}, {:>3}\n", fmt::format("stage {}", stage),
               checked.samples.sent, checked.samples.delivered, checked.samples.failed, checked.found ? "yes" : "NO",
               checked.spoiled, wrong, checked.suspects.size(), checked.unlisted);
    std::fflush(stdout);
    is_sound = is_sound && checked.found && checked.samples.failed == 0 && checked.unlisted == 0;
    is_sound = is_sound && (every > 1 || wrong == 0);
  }
  return is_sound;
}

bool RunAll(const Arguments& arguments) {
  fmt::print(
      "Four stages on 2, 1, 2 and 1 devices, real clock. Every call takes {:g} us (slept). From its {}th call on one\n"
      "device is lost, hangs (held to be lost after {:g} ms) or takes {:g} ms longer. Compiling a plan takes {:g} ms\n"
      "(slept). {} rounds of {} samples and some more, until the fault was seen. Recovery: from when the loss was noticed\n"
      "until the sample had passed the stage (spares) or until the first result of the new plan; a hang is noticed at its\n"
      "deadline. Gap: between two results in a row.\n\n",
      arguments.call_us, arguments.faulty_call, arguments.deadline_ms, arguments.slow_ms, arguments.compile_ms,
      arguments.rounds, arguments.samples);
  bool is_sound = true;
  for (const Rescue rescue : kRescues) is_sound = RunRescue(arguments, rescue) && is_sound;
  for (const int every : {1, 100}) is_sound = RunEvery(arguments, every) && is_sound;
  fmt::print("{}\n", is_sound ? "every sample ended once, and as it should" : "SAMPLES WERE LOST OR WRONG");
  return is_sound;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  consort::Arguments arguments;
  CLI::App program(
      "Loss, hang and slow-down at each stage of a hybrid of four, with spares, a plan prepared beforehand and one "
      "made at the loss; and wrong numbers, with every call and every 100th checked. Exit code 1: a sample was lost "
      "or wrong.");
  program.add_option("--samples", arguments.samples, "of each round")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--rounds", arguments.rounds, "of each case")->check(CLI::PositiveNumber)->capture_default_str();
  program.add_option("--faulty-call", arguments.faulty_call, "the first call of the device that goes wrong")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--call-us", arguments.call_us, "what a call takes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program.add_option("--slow-ms", arguments.slow_ms, "what a call of a slow device takes longer")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program.add_option("--deadline-ms", arguments.deadline_ms, "of a call")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--compile-ms", arguments.compile_ms, "what compiling a plan takes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI11_PARSE(program, argc, argv);
  try {
    return consort::RunAll(arguments) ? 0 : 1;
  } catch (const consort::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
