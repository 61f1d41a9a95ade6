// How precisely the real clock waits: 1,000 sleeps from 0.1 to 10 ms, evenly spread over the logarithm of their length
// and shuffled, with the error of each. Beside them, what bare sleeps of the kernel do, which is what chooses the end
// that is spent awake (src/base/clock.cc), and how long this process's threads waited for a core meanwhile.
//
//   clock_precision [waits]
//
// Ends with 1 when the median error is above 1 % or the 99th percentile above max(5 %, 100 µs).
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

#include "consort/clock.h"
#include "measure/scheduler_records.h"

namespace consort {
namespace {

constexpr double kShortestNs = 1e5;
constexpr double kLongestNs = 1e7;
constexpr double kMedianBound = 0.01;
constexpr double kTailBound = 0.05;
constexpr double kTailBoundNs = 1e5;
constexpr double kDisturbedNs = 5e4;

struct Sample {
  double asked_ns = 0;
  double late_ns = 0;
  double stolen_ns = 0;  // of this wait: the thread could have run, and others held the core
  double error() const { return late_ns / asked_ns; }
  // 1: as late as the 99th percentile may be.
  double share_of_bound() const { return late_ns / std::max(kTailBound * asked_ns, kTailBoundNs); }
};

double Percentile(std::vector<double> values, double percent) {
  const size_t rank =
      std::min(values.size() - 1, static_cast<size_t>(percent / 100 * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

std::vector<double> Lengths(int count) {
  std::vector<double> lengths;
  for (int i = 0; i < count; ++i) {
    lengths.push_back(kShortestNs * std::pow(kLongestNs / kShortestNs, (i + 0.5) / count));
  }
  std::shuffle(lengths.begin(), lengths.end(), std::mt19937(1));
  return lengths;
}

void BareSleepUntil(TimeNs deadline_ns) {
  const timespec deadline = {.tv_sec = deadline_ns / 1'000'000'000, .tv_nsec = deadline_ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
}

// Time that threads of this process could have run and did not.
double WaitedSince(const SchedulerRecords& records, const std::vector<ThreadRecord>& before) {
  double waited_ns = 0;
  for (const ThreadActivity& activity : records.Since(before)) waited_ns += static_cast<double>(activity.did.waited_ns);
  return waited_ns;
}

template <typename Sleep>
std::vector<Sample> Measure(const SchedulerRecords& records, const std::vector<double>& lengths, Sleep sleep) {
  std::vector<Sample> samples;
  for (const double length : lengths) {
    const std::vector<ThreadRecord> before = records.Read();
    const TimeNs deadline_ns = Clock::Real().NowNs() + static_cast<TimeNs>(length);
    sleep(deadline_ns);
    const TimeNs end_ns = Clock::Real().NowNs();
    samples.push_back({length, static_cast<double>(end_ns - deadline_ns), WaitedSince(records, before)});
  }
  return samples;
}

template <typename Figure>
std::vector<double> Map(const std::vector<Sample>& samples, Figure figure) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(figure(sample));
  return values;
}

void Print(const char* name, const std::vector<Sample>& samples) {
  const std::vector<double> errors = Map(samples, [](const Sample& s) { return 100 * s.error(); });
  const std::vector<double> late_us = Map(samples, [](const Sample& s) { return s.late_ns / 1e3; });
  fmt::print("{:<12} {:>5}  {:>9.4f} % {:>9.3f} %  {:>8.2f} {:>8.1f} {:>8.1f}\n", name, samples.size(),
             Percentile(errors, 50), Percentile(errors, 99), Percentile(late_us, 50), Percentile(late_us, 99),
             Percentile(late_us, 100));
}

std::vector<Sample> Between(const std::vector<Sample>& samples, double low_ns, double high_ns) {
  std::vector<Sample> between;
  std::copy_if(samples.begin(), samples.end(), std::back_inserter(between),
               [&](const Sample& s) { return s.asked_ns >= low_ns && s.asked_ns < high_ns; });
  return between;
}

// Prints whether the bounds are kept.
bool Judge(const char* name, const std::vector<Sample>& samples) {
  const double median = Percentile(Map(samples, [](const Sample& s) { return s.error(); }), 50);
  const double tail = Percentile(Map(samples, [](const Sample& s) { return s.share_of_bound(); }), 99);
  const bool kept = median <= kMedianBound && tail <= 1;
  fmt::print("{}: {}, median error {:.4f} % (bound 1 %), 99th percentile {:.1f} % of its bound, max(5 %, 100 µs)\n",
             name, kept ? "kept" : "MISSED", 100 * median, 100 * tail);
  return kept;
}

int Main(int count) {
  const std::vector<double> lengths = Lengths(count);
  std::vector<double> few(lengths.begin(), lengths.begin() + std::min(count, 200));
  const SchedulerRecords records;

  fmt::print("{:<12} {:>5}  {:>11} {:>11}  {:>8} {:>8} {:>8}\n", "sleeps", "count", "error p50", "p99", "late µs p50",
             "p99", "max");
  Print("kernel", Measure(records, few, BareSleepUntil));
  prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  Print("slack 1 ns", Measure(records, few, BareSleepUntil));

  const TimeNs start_ns = Clock::Real().NowNs();
  const std::vector<Sample> samples =
      Measure(records, lengths, [](TimeNs deadline_ns) { Clock::Real().SleepUntil(deadline_ns); });
  const auto took_ns = static_cast<double>(Clock::Real().NowNs() - start_ns);
  Print("0.1 to 1 ms", Between(samples, kShortestNs, 1e6));
  Print("1 to 10 ms", Between(samples, 1e6, kLongestNs * 2));
  Print("all", samples);
  std::vector<Sample> undisturbed;
  double stolen_ns = 0;
  for (const Sample& sample : samples) {
    stolen_ns += sample.stolen_ns;
    if (sample.stolen_ns < kDisturbedNs) undisturbed.push_back(sample);
  }
  if (records.available() && !undisturbed.empty()) Print("undisturbed", undisturbed);
  if (records.available()) {
    fmt::print(
        "stolen: {:.3f} ms of {:.0f} ms ({:.3f} %) this thread waited for a core that others held; more than "
        "50 µs in {} waits, which 'undisturbed' leaves out\n",
        stolen_ns / 1e6, took_ns / 1e6, 100 * stolen_ns / took_ns, samples.size() - undisturbed.size());
  } else {
    fmt::print("stolen: not known, the kernel keeps no scheduler records\n");
  }
  if (!undisturbed.empty() && undisturbed.size() < samples.size()) Judge("undisturbed", undisturbed);
  return Judge("all", samples) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) { return consort::Main(argc > 1 ? std::max(10, std::atoi(argv[1])) : 1000); }
