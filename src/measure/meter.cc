#include "measure/meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace consort {
namespace {

constexpr size_t kMostKept = 2048;
constexpr int kFewestBlocks = 5;      // fewer do not tell how far a median holds
constexpr int64_t kBlocksPerRun = 4;  // times the least number of blocks, where the number of queries is given
constexpr TimeNs kStretchNs = 5'000'000;
constexpr double kSettled = 0.03;
constexpr int kOverheadBlocks = 11;

// Median of whole nanoseconds; `scratch` keeps its capacity.
double MedianOf(const std::vector<TimeNs>& durations, std::vector<double>& scratch) {
  scratch.assign(durations.begin(), durations.end());
  const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>(scratch.size() / 2);
  std::nth_element(scratch.begin(), middle, scratch.end());
  return *middle;
}

double PerSecond(int64_t count, TimeNs time_ns) {
  return time_ns <= 0 ? 0 : static_cast<double>(count) * 1e9 / static_cast<double>(time_ns);
}

// Queries for at least one stretch; the median of their durations.
double Stretch(const std::function<void()>& query, WarmUp& warm_up) {
  BlockSamples samples;
  std::vector<double> scratch;
  OneAtATime(query)(kStretchNs, kMaxQueriesPerBlock, samples);
  warm_up.queries += static_cast<int64_t>(samples.latencies_ns.size());
  return MedianOf(samples.latencies_ns, scratch);
}

bool Agree(double a, double b, double c) {
  const auto [low, high] = std::minmax({a, b, c});
  return high <= low * (1 + kSettled);
}

// Times and rates are not negative, whatever Student's interval says.
Interval NotNegative(Interval interval) {
  interval.low = std::max(0.0, interval.low);
  return interval;
}

}  // namespace

BlockRunner OneAtATime(std::function<void()> query, int64_t batch) {
  return [query = std::move(query), batch](TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) {
    Clock& clock = Clock::Real();
    const int64_t most = std::clamp<int64_t>(max_queries, 1, kMaxQueriesPerBlock);
    samples.latencies_ns.reserve(static_cast<size_t>(most));
    samples.latencies_ns.clear();
    const TimeNs start = clock.NowNs();
    TimeNs last = start;
    for (int64_t i = 0; i < most && last - start < budget_ns; ++i) {
      query();
      const TimeNs now = clock.NowNs();
      samples.latencies_ns.push_back(now - last);
      last = now;
    }
    samples.inferences = batch * static_cast<int64_t>(samples.latencies_ns.size());
    samples.wall_ns = last - start;
  };
}

double MeterSummary::discarded_share() const {
  const TimeNs all = clean_ns + discarded_ns;
  return all == 0 ? 0 : static_cast<double>(discarded_ns) / static_cast<double>(all);
}

Meter::Meter(NoiseGate& gate, const MeterOptions& options) : gate_(gate), options_(options) {}

void Meter::BeginSegment() {
  medians_ns_.emplace_back();
  rates_.emplace_back();
  gate_.FindChildren();
}

bool Meter::RunBlock(const BlockRunner& runner) {
  if (medians_ns_.empty()) BeginSegment();
  gate_.Begin();
  runner(options_.block_ns * growth_, MostQueries(), samples_);
  const NoiseReading reading = gate_.End();
  last_median_ns_ = samples_.latencies_ns.empty() ? 0 : MedianOf(samples_.latencies_ns, scratch_);
  for (const TimeNs latency : samples_.latencies_ns) everything_.Add(latency);
  if (!reading.clean) {
    ++discarded_blocks_;
    discarded_by_probe_ += reading.delay_share <= gate_.limits().delay_share;
    discarded_ns_ += samples_.wall_ns;
    return false;
  }
  Keep();
  return true;
}

// What is left to do, in blocks small enough that every load has several.
int64_t Meter::MostQueries() const {
  if (options_.queries == 0) return kMaxQueriesPerBlock;
  const int64_t share = std::max<int64_t>(1, options_.queries / (kBlocksPerRun * std::max(1, options_.min_blocks)));
  return std::clamp<int64_t>(options_.queries - queries_, 1, share);
}

// Means of pairs, within each segment.
void Meter::MergeNeighbours() {
  kept_ = 0;
  for (ByLoad* values : {&medians_ns_, &rates_}) {
    for (std::vector<double>& load : *values) {
      const size_t pairs = load.size() / 2;
      for (size_t i = 0; i < pairs; ++i) load[i] = (load[2 * i] + load[2 * i + 1]) / 2;
      if (load.size() > 1) load.resize(pairs);
    }
  }
  for (const std::vector<double>& load : medians_ns_) kept_ += load.size();
  growth_ *= 2;
}

void Meter::Keep() {
  for (const TimeNs latency : samples_.latencies_ns) latencies_.Add(latency);
  ++clean_blocks_;
  if (++kept_ > kMostKept) MergeNeighbours();
  medians_ns_.back().push_back(last_median_ns_);
  rates_.back().push_back(PerSecond(samples_.inferences, samples_.wall_ns));
  queries_ += static_cast<int64_t>(samples_.latencies_ns.size());
  inferences_ += samples_.inferences;
  clean_ns_ += samples_.wall_ns;
}

void Meter::RunSegment(const BlockRunner& runner, int segments) {
  BeginSegment();
  const auto enough_blocks = static_cast<size_t>((options_.min_blocks + segments - 1) / segments);
  const int segments_left = std::max(1, segments + 1 - static_cast<int>(medians_ns_.size()));
  const int64_t enough_queries = queries_ + (options_.queries - queries_) / segments_left;
  const TimeNs enough_ns = clean_ns_ + options_.time_ns / segments;
  const auto enough = [&] {
    if (options_.queries > 0) return queries_ >= enough_queries;
    return clean_ns_ >= enough_ns && medians_ns_.back().size() >= enough_blocks;
  };
  const TimeNs clean_before = clean_ns_;
  const TimeNs start_ns = Clock::Real().NowNs();
  while (!enough()) {
    RunBlock(runner);
    const auto block_ns = static_cast<double>(std::max(options_.block_ns, samples_.wall_ns));
    const double wanted = options_.queries > 0 ? static_cast<double>(clean_ns_ - clean_before) + 10 * block_ns
                                               : static_cast<double>(options_.time_ns) / segments;
    // Elapsed, not only timed: blocks of a few microseconds would never use up their patience.
    const auto spent = static_cast<double>(Clock::Real().NowNs() - start_ns);
    if (spent > options_.patience * std::max(wanted, options_.min_blocks * block_ns / segments)) return;
  }
}

MeterSummary Meter::Summarise() const {
  MeterSummary summary{.latencies = latencies_,
                       .everything = everything_,
                       .between_runs = options_.between_runs,
                       .queries = queries_,
                       .inferences = inferences_,
                       .clean_blocks = clean_blocks_,
                       .discarded_blocks = discarded_blocks_,
                       .discarded_by_probe = discarded_by_probe_,
                       .clean_ns = clean_ns_,
                       .discarded_ns = discarded_ns_};
  if (summary.clean_blocks == 0) {
    summary.unstable = fmt::format("none of {} blocks had its cores to itself", discarded_blocks_);
    return summary;
  }
  const auto between_runs = [&](const Interval& within) {
    return NotNegative(WithBetweenRuns(within, options_.between_runs));
  };
  summary.median_ns = between_runs(MedianOverLoads(latencies_.PercentileNs(50), medians_ns_));
  summary.throughput = between_runs(MedianOverLoads(Median(Flatten(rates_)), rates_));
  summary.load_medians_ns = MediansOfLoads(medians_ns_);
  summary.unstable = WhyUnstable(summary);
  return summary;
}

std::string Meter::WhyUnstable(const MeterSummary& summary) const {
  if (summary.discarded_share() > options_.max_discarded) {
    return fmt::format("{:.0f} % of the time was discarded, because the cores were not free",
                       100 * summary.discarded_share());
  }
  if (summary.clean_blocks < kFewestBlocks) {
    return fmt::format("{} clean blocks are too few to know how far the median holds; measure longer (-t, -n)",
                       summary.clean_blocks);
  }
  const double half_width = summary.median_ns.relative_half_width();
  if (half_width <= options_.max_half_width) return "";
  const bool loads_differ = MeanOfIndependent(summary.load_medians_ns).relative_half_width() > options_.max_half_width;
  return fmt::format(
      "the median is known to ±{:.0f} % only; {}", 100 * half_width,
      loads_differ ? "medians differ from load to load: load the model more often (--loads)" : "measure longer (-t)");
}

WarmUp Warm(const std::function<void()>& query, TimeNs min_ns, TimeNs max_ns) {
  Clock& clock = Clock::Real();
  const TimeNs start = clock.NowNs();
  WarmUp warm_up;
  query();
  warm_up.first_ns = clock.NowNs() - start;
  warm_up.queries = 1;
  double a = 0, b = 0, c = 0;
  for (int stretches = 0;; ++stretches) {
    warm_up.took_ns = clock.NowNs() - start;
    warm_up.settled = stretches >= 3 && Agree(a, b, c);
    if ((warm_up.settled && warm_up.took_ns >= min_ns) || warm_up.took_ns >= max_ns) return warm_up;
    a = b, b = c, c = Stretch(query, warm_up);
  }
}

double OverheadPerQueryNs() {
  std::vector<double> costs;
  BlockSamples samples;
  const BlockRunner runner = OneAtATime([] {});
  for (int i = 0; i < kOverheadBlocks; ++i) {
    runner(kStretchNs, kMaxQueriesPerBlock, samples);
    costs.push_back(static_cast<double>(samples.wall_ns) / static_cast<double>(samples.latencies_ns.size()));
  }
  return Median(costs);
}

}  // namespace consort
