// Every way to share a batch among emulated devices: what a session's Run takes, executables warm, over the ideal, the
// slowest device's own time for its samples. `data_parallel --help` has the options. Devices compute no numbers; their
// times come from cost models.
//   virtual clock  ideal: what the cost model says                      goal: at most 1.02 times
//   real clock     ideal: the device's executable called by itself      goal: 1.05 times + 0.2 ms in the median,
//                                                                       1.15 times + 1 ms at worst
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock_thread.h"
#include "consort/error.h"
#include "emulate/virtual_clock.h"
#include "measure/statistics.h"
#include "run/session.h"
#include "support/ensemble.h"

namespace consort {
namespace {

struct Arguments {
  std::string platform = "seed";
  std::vector<std::string> networks = {"seed-dense", "seed-alexnet"};
  int64_t batch = 20;
  int64_t step = 2;
  double seconds = 1;  // of runs by the real clock, for each division
  bool all = false;
};

constexpr int kFewestRuns = 3;
constexpr int kMostRuns = 50;

using Samples = std::vector<int64_t>;  // of each device

struct Timed {
  double ideal_s = 0;
  std::vector<double> runs_s;

  double median_s() const { return Median(runs_s); }
  double worst_s() const { return *std::max_element(runs_s.begin(), runs_s.end()); }
};

struct Division {
  Samples samples;
  Timed by_virtual;
  Timed by_real;
};

// All ways to share `steps` among `devices`, the last device's share falling first.
void Share(int64_t steps, size_t devices, Samples& begun, std::vector<Samples>& all) {
  if (devices == 1) {
    all.push_back(begun);
    all.back().push_back(steps);
    return;
  }
  for (int64_t given = 0; given <= steps; ++given) {
    begun.push_back(given);
    Share(steps - given, devices - 1, begun, all);
    begun.pop_back();
  }
}

std::vector<Samples> WaysToShare(int64_t batch, int64_t step, size_t devices) {
  std::vector<Samples> all;
  Samples begun;
  Share(batch / step, devices, begun, all);
  for (Samples& samples : all) {
    for (int64_t& of_device : samples) of_device *= step;
  }
  return all;
}

// One stage; devices without samples are left out, and one that has them all takes whole calls.
Draft DraftOf(const Samples& samples, int64_t batch, OpId ops) {
  Draft draft{.batch = batch, .stages = {{.begin = 0, .end = ops}}};
  for (size_t device = 0; device < samples.size(); ++device) {
    if (samples[device] == 0) continue;
    draft.stages[0].replicas.push_back({.device = static_cast<int>(device),
                                        .share = static_cast<double>(samples[device]) / static_cast<double>(batch),
                                        .samples = samples[device] == batch ? 0 : samples[device]});
  }
  return draft;
}

std::vector<Buffer> InputsOf(const std::vector<Port>& ports) {
  std::vector<Buffer> inputs;
  for (const Port& port : ports) {
    inputs.push_back(Buffer::Allocate(port.spec));
    std::fill_n(static_cast<char*>(inputs.back().data()), inputs.back().size_bytes(), '\0');
  }
  return inputs;
}

template <typename Work>
double Seconds(Clock& clock, Work&& work) {
  const TimeNs start_ns = clock.NowNs();
  work();
  return 1e-9 * static_cast<double>(clock.NowNs() - start_ns);
}

// A device's own time: its executable is called by itself. The middle of some calls.
double Alone(Executable& executable, Clock& clock, int calls) {
  const auto binding = std::make_shared<Binding>(executable.signature());
  std::vector<Buffer> inputs = InputsOf(executable.signature().inputs);
  for (size_t port = 0; port < inputs.size(); ++port)
    binding->SetInput(static_cast<int>(port), std::move(inputs[port]));
  consort::Run(executable, binding);
  std::vector<double> seconds;
  for (int call = 0; call < calls; ++call)
    seconds.push_back(Seconds(clock, [&] { consort::Run(executable, binding); }));
  return Median(seconds);
}

int CallsIn(double seconds, double call_s) {
  return std::clamp(static_cast<int>(seconds / call_s), kFewestRuns, kMostRuns);
}

std::vector<double> TimedRuns(Session& session, Clock& clock, int runs) {
  const std::vector<Buffer> inputs = InputsOf(session.inputs());
  std::vector<Buffer> outputs(session.outputs().size());
  session.Run(inputs, outputs);  // the first finds cold memory
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) seconds.push_back(Seconds(clock, [&] { session.Run(inputs, outputs); }));
  return seconds;
}

Session SessionOf(PreparedPlan prepared, Clock& clock) {
  return Session(std::move(prepared), {.max_in_flight = 1, .trace_capacity = 0, .clock = &clock});
}

double SlowestCall(const Plan& plan) {
  double slowest_s = 0;
  for (const Replica& replica : plan.stages.at(0).replicas) slowest_s = std::max(slowest_s, replica.call_s);
  return slowest_s;
}

Timed ByVirtualClock(test::Ensemble& ensemble, const Plan& plan) {
  VirtualClock clock;
  const ClockMember member(clock, "benchmark");
  Session session = SessionOf(ensemble.Compiled(plan, clock), clock);
  return {SlowestCall(plan), TimedRuns(session, clock, kFewestRuns)};
}

// What each device takes for so many samples by itself, by the real clock. Asked once for each.
using OwnTimes = std::map<std::pair<std::string, int64_t>, double>;

Timed ByRealClock(test::Ensemble& ensemble, const Plan& plan, double seconds, OwnTimes& own_times) {
  Clock& clock = Clock::Real();
  PreparedPlan prepared = ensemble.Compiled(plan, clock);
  const int runs = CallsIn(seconds, SlowestCall(plan));
  Timed timed;
  for (const PreparedReplica& replica : prepared.stages.at(0).replicas) {
    const auto [known, added] = own_times.try_emplace({replica.name, replica.samples});
    if (added) known->second = Alone(*replica.executable, clock, std::min(runs, 10));
    timed.ideal_s = std::max(timed.ideal_s, known->second);
  }
  Session session = SessionOf(std::move(prepared), clock);
  timed.runs_s = TimedRuns(session, clock, runs);
  return timed;
}

std::string NameOf(const Samples& samples) {
  std::string name;
  for (const int64_t of_device : samples) name += fmt::format("{}{}", name.empty() ? "" : " + ", of_device);
  return name;
}

void PrintDivision(const Division& division) {
  const Timed& real = division.by_real;
  fmt::print("  {:<14} | {:>10.3f} {:>10.3f} {:>7.4f} | {:>10.3f} {:>10.3f} {:>7.4f} {:>10.3f} {:>7.4f} {:>4}\n",
             NameOf(division.samples), 1e3 * division.by_virtual.ideal_s, 1e3 * division.by_virtual.median_s(),
             division.by_virtual.median_s() / division.by_virtual.ideal_s, 1e3 * real.ideal_s, 1e3 * real.median_s(),
             real.median_s() / real.ideal_s, 1e3 * real.worst_s(), real.worst_s() / real.ideal_s, real.runs_s.size());
}

// A figure of every run of every division.
template <typename Figure>
std::vector<double> OfAllRuns(const std::vector<Division>& divisions, Timed Division::*by, Figure&& figure) {
  std::vector<double> values;
  for (const Division& division : divisions) {
    for (const double run_s : (division.*by).runs_s) values.push_back(figure(run_s, (division.*by).ideal_s));
  }
  return values;
}

double Largest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }
double Ratio(double run_s, double ideal_s) { return run_s / ideal_s; }
double Excess(double run_s, double ideal_s) { return run_s - ideal_s; }

// How many divisions, by their middle run and by their worst one, take longer than factor × ideal + more.
std::string Beyond(const std::vector<Division>& divisions, Timed Division::*by, double factor, double more_s) {
  int middle = 0;
  int worst = 0;
  std::string names;
  for (const Division& division : divisions) {
    const Timed& timed = division.*by;
    const double most_s = factor * timed.ideal_s + more_s;
    if (timed.median_s() > most_s) ++middle;
    if (timed.worst_s() <= most_s) continue;
    ++worst;
    if (worst <= 8) names += fmt::format("{}{}", names.empty() ? ": " : "; ", NameOf(division.samples));
  }
  return fmt::format("beyond {:.2f} x ideal + {:.1f} ms: {} of {} by their middle run, {} by their worst{}", factor,
                     1e3 * more_s, middle, divisions.size(), worst, names);
}

void PrintSummary(const std::vector<Division>& divisions, Timed Division::*by, const std::string& clock) {
  const std::vector<double> ratios = OfAllRuns(divisions, by, Ratio);
  const std::vector<double> excesses = OfAllRuns(divisions, by, Excess);
  fmt::print("  {} clock, {} runs of {} divisions: ratio to the ideal {:.4f} in the median, {:.4f} at most; beyond it "
             "{:.3f} ms in the median, {:.3f} ms at most\n",
             clock, ratios.size(), divisions.size(), Median(ratios), Largest(ratios), 1e3 * Median(excesses),
             1e3 * Largest(excesses));
}

void RunNetwork(const Arguments& arguments, const std::string& network) {
  test::Ensemble ensemble({.network = network, .platform = arguments.platform, .make = {.batch = arguments.batch}});
  const auto ops = static_cast<OpId>(ensemble.graph().ops().size());
  std::string devices;
  for (const PlanDevice& device : ensemble.costs().devices()) devices += (devices.empty() ? "" : " + ") + device.name;
  fmt::print("{}, {} samples on {}\n", network, arguments.batch, devices);
  if (arguments.all)
    fmt::print("  {:<14} | {:>10} {:>10} {:>7} | {:>10} {:>10} {:>7} {:>10} {:>7} {:>4}\n", "samples", "ideal ms",
               "virtual", "", "ideal ms", "real", "", "worst", "", "runs");
  std::vector<Division> divisions;
  OwnTimes own_times;
  for (const Samples& samples : WaysToShare(arguments.batch, arguments.step, ensemble.costs().devices().size())) {
    const std::optional<Plan> plan = ensemble.PlanOf(DraftOf(samples, arguments.batch, ops));
    if (!plan) {
      fmt::print("  {}: left out, a device cannot run it\n", NameOf(samples));
      continue;
    }
    divisions.push_back(
        {samples, ByVirtualClock(ensemble, *plan), ByRealClock(ensemble, *plan, arguments.seconds, own_times)});
    if (arguments.all) PrintDivision(divisions.back());
    std::fflush(stdout);
  }
  if (divisions.empty()) return;
  PrintSummary(divisions, &Division::by_virtual, "virtual");
  fmt::print("    {}\n", Beyond(divisions, &Division::by_virtual, 1.02, 0));
  PrintSummary(divisions, &Division::by_real, "real");
  fmt::print("    {}\n", Beyond(divisions, &Division::by_real, 1.05, 0.2e-3));
  fmt::print("    {}\n", Beyond(divisions, &Division::by_real, 1.15, 1e-3));
  std::fflush(stdout);
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  consort::Arguments arguments;
  CLI::App program(
      "Every way to share a batch among the emulated devices of a platform: a session's Run over the slowest device's "
      "own time. Device times are modelled; sessions, queues and waits are real.");
  program.add_option("--network", arguments.networks, "networks of the zoo")->delimiter(',')->capture_default_str();
  program.add_option("--platform", arguments.platform, "a shipped platform")->capture_default_str();
  program.add_option("--batch", arguments.batch, "samples")->check(CLI::PositiveNumber)->capture_default_str();
  program.add_option("--step", arguments.step, "samples are given in steps of so many; 1: every division")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--seconds", arguments.seconds, "of runs by the real clock, for each division")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_flag("--all", arguments.all, "a line for each division");
  CLI11_PARSE(program, argc, argv);
  try {
    if (arguments.batch % arguments.step != 0)
      throw consort::Error(consort::ErrorCode::kInvalidArgument, "--batch is to be a multiple of --step");
    for (const std::string& network : arguments.networks) consort::RunNetwork(arguments, network);
  } catch (const consort::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
