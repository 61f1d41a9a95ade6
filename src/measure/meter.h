// Blocks of timed work behind a noise gate, until there are enough of them.
#ifndef CONSORT_MEASURE_METER_H_
#define CONSORT_MEASURE_METER_H_

#include <functional>
#include <string>
#include <vector>

#include "measure/distribution.h"
#include "measure/noise_gate.h"
#include "measure/statistics.h"

namespace consort {

// Queries of one block at most: bounds its memory.
inline constexpr int64_t kMaxQueriesPerBlock = 65'536;

// What one block did. Whoever runs the block fills it in; vectors keep their capacity from block to block.
struct BlockSamples {
  std::vector<TimeNs> latencies_ns;  // one per query, in any order
  int64_t inferences = 0;            // samples computed (queries × batch)
  TimeNs wall_ns = 0;                // from the first start to the last end
};

// Runs queries for about `budget_ns`, at most `max_queries` and at least one, and says what happened.
using BlockRunner = std::function<void(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples)>;

// The usual runner: one query after the other on the calling thread, each timed from the end of the one before.
BlockRunner OneAtATime(std::function<void()> query, int64_t batch = 1);

// How far medians of two runs, minutes to hours apart, are from their common value on a shared virtual machine, 95 %
// (docs/measuring.md has the runs). A machine of one's own may have less: benchmarks/repeatability.py tells.
inline constexpr double kBetweenRuns = 0.04;

struct MeterOptions {
  TimeNs time_ns = 5'000'000'000;      // clean time wanted; ignored when `queries` is given
  int64_t queries = 0;                 // clean queries wanted
  TimeNs block_ns = 20'000'000;        // length of a block; a query that takes longer is a block by itself
  int min_blocks = 10;                 // clean blocks wanted at least
  double patience = 3;                 // gives up after this many times the time that it would take without noise
  double max_discarded = 0.6;          // share of discarded time beyond which the figures are called unstable
  double max_half_width = 0.10;        // relative half-width of the median's interval beyond which they are
  double between_runs = kBetweenRuns;  // what intervals hold of the differences between runs (WithBetweenRuns)
};

// The clean blocks of one workload so far.
struct MeterSummary {
  Distribution latencies;
  Distribution everything;              // of discarded blocks, too: what a measurement without a gate would have seen
  Interval median_ns;                   // of the latency, with its 95 % interval
  Interval throughput;                  // inferences per second, likewise
  double between_runs = 0;              // of both intervals: MeterOptions::between_runs
  std::vector<double> load_medians_ns;  // the median of each load's blocks
  int64_t queries = 0;
  int64_t inferences = 0;
  int clean_blocks = 0;
  int discarded_blocks = 0;
  int discarded_by_probe = 0;  // of these, because a probe beside them lost time (the rest: others held the core)
  TimeNs clean_ns = 0;
  TimeNs discarded_ns = 0;
  std::string unstable;  // why the figures are not to be trusted; empty when they are

  double discarded_share() const;  // of all measured time
};

// Collects the blocks of one workload. Latencies of clean blocks go into one distribution; of blocks the medians are
// kept, at most a few thousand: when there are more, neighbours are merged and blocks get longer. A *segment* is a
// stretch of blocks between two loads of the model: medians of segments differ by more than blocks of one do (memory
// layout), and the interval says so.
class Meter {
 public:
  Meter(NoiseGate& gate, const MeterOptions& options = {});

  // Runs one block; true when it was clean and counts. `median_ns` of the last block either way.
  bool RunBlock(const BlockRunner& runner);
  double last_median_ns() const { return last_median_ns_; }
  // Blocks until this segment has its share (1 / `segments`) of what the options ask for, or patience ends.
  void RunSegment(const BlockRunner& runner, int segments = 1);
  // Begins a segment without running: for those who call RunBlock themselves.
  void BeginSegment();

  MeterSummary Summarise() const;

 private:
  void Keep();
  void MergeNeighbours();
  int64_t MostQueries() const;
  std::string WhyUnstable(const MeterSummary& summary) const;

  NoiseGate& gate_;
  MeterOptions options_;
  BlockSamples samples_;
  std::vector<double> scratch_;
  ByLoad medians_ns_;  // per segment and clean block
  ByLoad rates_;
  Distribution latencies_;
  Distribution everything_;
  double last_median_ns_ = 0;
  int clean_blocks_ = 0;
  size_t kept_ = 0;    // block medians that are held
  TimeNs growth_ = 1;  // blocks are this many times as long as asked for
  int64_t queries_ = 0;
  int64_t inferences_ = 0;
  int discarded_blocks_ = 0;
  int discarded_by_probe_ = 0;
  TimeNs clean_ns_ = 0;
  TimeNs discarded_ns_ = 0;
};

struct WarmUp {
  TimeNs first_ns = 0;  // the first query after compiling
  TimeNs took_ns = 0;   // all of the warm-up
  int64_t queries = 0;
  bool settled = true;  // false: the time was up before medians settled
};

// Queries until three successive stretches (each at least 5 ms or one query) have medians within 3 % of each other, no
// less than `min_ns` and no more than `max_ns`. The first query is timed by itself.
WarmUp Warm(const std::function<void()>& query, TimeNs min_ns = 100'000'000, TimeNs max_ns = 5'000'000'000);

// What timing costs per query: the median of OneAtATime on a query that does nothing, in nanoseconds.
double OverheadPerQueryNs();

}  // namespace consort

#endif  // CONSORT_MEASURE_METER_H_
