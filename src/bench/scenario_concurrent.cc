// concurrent: every replica issues its next query as soon as its last is done. LoadGen has no such scenario;
// perf_analyzer's concurrency mode and trtexec's streams do this.
#include <algorithm>

#include "bench/lanes.h"
#include "bench/scenario.h"

namespace consort {
namespace {

class Concurrent : public Scenario {
 public:
  explicit Concurrent(const ScenarioSetup& setup)
      : replicas_(setup.replicas), batch_(setup.batch), lanes_(setup.replicas.size()), team_(setup.replicas) {}

  void RunBlock(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) override {
    budget_ns_ = budget_ns;
    const int64_t most = std::clamp<int64_t>(max_queries, 1, kMaxQueriesPerBlock);
    const auto count = static_cast<int64_t>(lanes_.size());
    for (int64_t i = 0; i < count; ++i) {
      limits_[static_cast<size_t>(i)] = most / count + (i < most % count ? 1 : 0);
      lanes_[static_cast<size_t>(i)].Clear(limits_[static_cast<size_t>(i)]);
    }
    team_.Run(work_);
    Collect(lanes_, samples);
    samples.inferences = batch_ * static_cast<int64_t>(samples.latencies_ns.size());
    samples.wall_ns = FairWallNs(static_cast<double>(samples.latencies_ns.size()));
  }

 private:
  void RunLane(int index) {
    Lane& lane = lanes_[static_cast<size_t>(index)];
    const int64_t most = limits_[static_cast<size_t>(index)];
    if (most == 0) return;
    const LoadedReplica& replica = replicas_[static_cast<size_t>(index)];
    Clock& clock = Clock::Real();
    lane.start_ns = lane.end_ns = clock.NowNs();
    for (int64_t i = 0; i < most && lane.end_ns - lane.start_ns < budget_ns_; ++i) {
      replica.query();
      const TimeNs now = clock.NowNs();
      lane.latencies_ns.push_back(now - lane.end_ns);
      lane.end_ns = now;
    }
  }

  // The time in which the queries were done at the sum of the replicas' own rates: replicas end a block at different
  // times, and the one that waits for the others is not slower for it.
  TimeNs FairWallNs(double queries) const {
    double rate = 0;  // queries per nanosecond
    for (const Lane& lane : lanes_) {
      if (lane.end_ns > lane.start_ns) {
        rate += static_cast<double>(lane.latencies_ns.size()) / static_cast<double>(lane.end_ns - lane.start_ns);
      }
    }
    return rate == 0 ? WallNs(lanes_) : static_cast<TimeNs>(queries / rate);
  }

  std::vector<LoadedReplica> replicas_;
  int64_t batch_;
  std::vector<Lane> lanes_;
  std::vector<int64_t> limits_ = std::vector<int64_t>(lanes_.size());
  TimeNs budget_ns_ = 0;
  const std::function<void(int)> work_ = [this](int index) { RunLane(index); };
  ReplicaTeam team_;
};

}  // namespace

std::unique_ptr<Scenario> MakeConcurrent(const ScenarioSetup& setup) { return std::make_unique<Concurrent>(setup); }

}  // namespace consort
