// How queries follow each other: after the last one, from several callers, at random times, or all at once. The
// definitions are those of MLPerf Inference's LoadGen (Reddi et al., MLPerf Inference Benchmark, ISCA 2020);
// docs/cli.md says where they differ here.
#ifndef CONSORT_BENCH_SCENARIO_H_
#define CONSORT_BENCH_SCENARIO_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "bench/replicas.h"
#include "measure/meter.h"

namespace consort {

enum class ScenarioKind : uint8_t {
  kSingle,      // one query at a time, the next when the last is done
  kConcurrent,  // each of N replicas does that
  kServer,      // queries arrive at random times, whether or not the last are done
  kOffline,     // all queries are there from the start
};

// What a scenario is made from.
struct ScenarioSetup {
  std::vector<LoadedReplica> replicas;
  int64_t batch = 1;          // samples per query
  double queries_per_s = 0;   // server: how many arrive
  uint64_t seed = 0;          // server: when
  double query_ns = 0;        // offline: what a query takes, for the length of the first block; 0: not known
  bool shared_cores = false;  // replicas compete for the same cores
};

// What a server run says beside its latencies.
struct ServerFigures {
  double arrivals_per_s = 0;  // as they came
  double busy_share = 0;      // of the replicas' time until the last answer; near 1: no more would have been served
  int64_t unserved = 0;       // queries that a segment left when it had not drained after twice its length
  // Arrivals would keep more than every replica busy: the queue grows for as long as one measures, and so do the
  // latencies.
  bool overloaded = false;
};

// Runs blocks of queries. One user at a time; its threads sleep between blocks, and steady state allocates nothing.
class Scenario {
 public:
  virtual ~Scenario() = default;
  // As a BlockRunner (measure/meter.h). Throws what queries throw.
  virtual void RunBlock(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) = 0;
  // The last block counts: server() includes it.
  virtual void KeepBlock() {}
  // Of the blocks that count; server only.
  virtual ServerFigures server() const { return {}; }
};

// One line of the table of scenarios.
struct ScenarioInfo {
  ScenarioKind kind;
  std::string_view name;
  std::string_view latency;  // what the latencies of this scenario are
  // From a median query time, how long a block should be.
  TimeNs (*block_ns)(double query_ns, TimeNs time_ns);
  std::unique_ptr<Scenario> (*make)(const ScenarioSetup& setup);
};

const std::vector<ScenarioInfo>& Scenarios();
const ScenarioInfo& InfoOf(ScenarioKind kind);
std::unique_ptr<Scenario> MakeScenario(ScenarioKind kind, const ScenarioSetup& setup);

// The times of a Poisson process from 0 to `duration_ns`, at most `most` and at least one, into `arrivals_ns` (whose
// capacity is kept). The same generator state gives the same times on every machine.
void PoissonArrivals(double per_s, TimeNs duration_ns, int64_t most, std::mt19937_64& random,
                     std::vector<TimeNs>& arrivals_ns);

// Each a file of its own; the table has a line for each.
std::unique_ptr<Scenario> MakeSingle(const ScenarioSetup& setup);
std::unique_ptr<Scenario> MakeConcurrent(const ScenarioSetup& setup);
std::unique_ptr<Scenario> MakeServer(const ScenarioSetup& setup);
std::unique_ptr<Scenario> MakeOffline(const ScenarioSetup& setup);

}  // namespace consort

#endif  // CONSORT_BENCH_SCENARIO_H_
