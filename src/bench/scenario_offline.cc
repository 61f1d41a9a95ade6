// offline: all samples are there from the start, and the replicas take batch after batch until none is left. LoadGen's
// Offline, in portions: each block is one such set, timed from its start to its last batch.
#include <algorithm>
#include <atomic>

#include "bench/lanes.h"
#include "bench/scenario.h"

namespace consort {
namespace {

class Offline : public Scenario {
 public:
  explicit Offline(const ScenarioSetup& setup)
      : replicas_(setup.replicas),
        batch_(setup.batch),
        lanes_(setup.replicas.size()),
        batch_ns_(setup.query_ns / static_cast<double>(setup.replicas.size())),
        team_(setup.replicas) {}

  void RunBlock(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) override {
    const int64_t most = std::clamp<int64_t>(max_queries, 1, kMaxQueriesPerBlock);
    left_ = std::min(most, Portion(budget_ns));
    for (Lane& lane : lanes_) lane.Clear(left_);
    team_.Run(work_);
    Collect(lanes_, samples);
    samples.inferences = batch_ * static_cast<int64_t>(samples.latencies_ns.size());
    samples.wall_ns = WallNs(lanes_);
    batch_ns_ = static_cast<double>(samples.wall_ns) / static_cast<double>(samples.latencies_ns.size());
  }

 private:
  // Batches that the last block's speed does within the budget: at least one for each replica, all the same number.
  int64_t Portion(TimeNs budget_ns) const {
    const auto count = static_cast<int64_t>(lanes_.size());
    const auto fit = batch_ns_ <= 0 ? count : static_cast<int64_t>(static_cast<double>(budget_ns) / batch_ns_);
    return std::max(count, fit / count * count);
  }

  void RunLane(int index) {
    Lane& lane = lanes_[static_cast<size_t>(index)];
    const LoadedReplica& replica = replicas_[static_cast<size_t>(index)];
    Clock& clock = Clock::Real();
    TimeNs last = lane.start_ns = clock.NowNs();
    while (left_.fetch_sub(1, std::memory_order_relaxed) > 0) {
      replica.query();
      const TimeNs now = clock.NowNs();
      lane.latencies_ns.push_back(now - last);
      lane.end_ns = last = now;
    }
  }

  std::vector<LoadedReplica> replicas_;
  int64_t batch_;
  std::vector<Lane> lanes_;
  double batch_ns_;  // wall time per batch of the last block; 0: not known
  std::atomic<int64_t> left_{0};
  const std::function<void(int)> work_ = [this](int index) { RunLane(index); };
  ReplicaTeam team_;
};

}  // namespace

std::unique_ptr<Scenario> MakeOffline(const ScenarioSetup& setup) { return std::make_unique<Offline>(setup); }

}  // namespace consort
