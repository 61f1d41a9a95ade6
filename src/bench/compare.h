// Several workloads against the first of them: interleaved in rounds, paired, loaded anew several times.
#ifndef CONSORT_BENCH_COMPARE_H_
#define CONSORT_BENCH_COMPARE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/subject.h"
#include "measure/meter.h"
#include "measure/noise_gate.h"
#include "measure/statistics.h"

namespace consort {

// A query that takes longer than this refills caches in a part of its time that does not show: its side needs no settle.
inline constexpr TimeNs kSettleBelowNs = 250'000'000;

// One of the workloads that are compared, loaded and warm.
struct Side {
  BlockRunner run;  // a block of timed queries
  std::function<void()>
      settle;  // untimed, just before each block: undoes what the other sides did to caches and threads
};

// Makes all sides anew (load 0, 1, …): what the call before returned is not used any more.
using SideLoader = std::function<std::vector<Side>(int load)>;

struct PairedOptions {
  TimeNs time_ns = 10'000'000'000;  // counted time wanted, of all sides together
  int loads = 3;                    // times that everything is loaded anew
  TimeNs block_ns = 20'000'000;     // length of a block; a query that takes longer is a block by itself
  int min_rounds = 6;               // counted rounds wanted at least, and one per load
  uint64_t seed = 0;                // of the order of the sides
  double patience = 3;              // gives up after this many times the time that it would take without noise
  double max_discarded = 0.6;       // share of discarded time beyond which the figures are called unstable
  double max_half_width = 0.10;     // how far from 1 (to either side, as a ratio) the interval of a tie may reach
};

// What came out for one side.
struct SideResult {
  Distribution latencies;  // of the queries of counted rounds
  Interval median_ns;
  Interval ratio{1, 1, 1};          // time over the first side's time; the first side's is 1
  std::vector<double> load_ratios;  // median ratio of each load that has counted rounds
  Verdict95 verdict = Verdict95::kTie;
};

struct PairedResult {
  std::vector<SideResult> sides;
  int rounds = 0;  // counted
  int discarded_rounds = 0;
  TimeNs clean_ns = 0;
  TimeNs discarded_ns = 0;
  std::string unstable;  // why the figures are not to be trusted; empty when they are

  double discarded_share() const;  // of all measured time
};

// Rounds until each load has its share of what the options ask for, or patience ends. In a round every side runs one
// block between the gate's probes, in an order that changes from round to round: within as many rounds as there are
// sides each side stands at every place once. A dirty block is run again, twice at most; a round counts when it got a
// clean block of every side, else it ends. A ratio's interval holds that of the medians of rounds (PairedRatio) and,
// with two loads or more, Student's interval of the logarithms of the loads' median ratios: what rounds of one load
// cannot know. Throws what the loader and the sides throw, kInvalidArgument for less than two sides.
PairedResult ComparePaired(NoiseGate& gate, const SideLoader& load, const PairedOptions& options = {});

// Orders of the sides, round by round. A value; the same seed gives the same orders.
class RoundOrder {
 public:
  RoundOrder(int sides, uint64_t seed);
  // The order of the next round: rotations of one random permutation, then of another. Valid until the next call.
  const std::vector<int>& Next();

 private:
  void Shuffle();

  std::vector<int> order_;
  uint64_t state_;
  int used_ = 0;
};

// A target that takes part in a comparison.
struct Entrant {
  Target target;
  const Artifact* artifact = nullptr;
  SubjectOptions options;
};

// Loads entrants as subjects: opens, compiles and warms each, one after the other.
class SubjectLoader {
 public:
  // All must outlive this.
  SubjectLoader(const Registry& registry, const std::vector<Entrant>& entrants, const InputSource& inputs);
  // As a SideLoader. Subjects of the load before are destroyed first. `gate` learns of new child processes.
  std::vector<Side> Load(NoiseGate& gate);
  // Those of the last load; empty before it.
  const std::vector<std::unique_ptr<Subject>>& subjects() const { return subjects_; }
  // What the times of an entrant are made from, with the calls of all loads but those of the warm-up; nothing where
  // they are measured. After the last load.
  std::optional<EmulationReport> EmulationOf(size_t entrant) const;

 private:
  EmulationReport SinceWarmUp(size_t entrant) const;

  const Registry& registry_;
  const std::vector<Entrant>& entrants_;
  const InputSource& inputs_;
  std::vector<std::unique_ptr<Subject>> subjects_;
  std::vector<EmulationReport> warm_;    // per entrant, when the current load was warm
  std::vector<EmulationReport> before_;  // per entrant, of the loads before it
};

}  // namespace consort

#endif  // CONSORT_BENCH_COMPARE_H_
