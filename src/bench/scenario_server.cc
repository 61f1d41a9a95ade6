// server: queries arrive as a Poisson process, whether or not earlier ones are done, and wait in one queue that all
// replicas serve. LoadGen's Server, in segments that begin with an empty queue and end when it has drained.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "bench/lanes.h"
#include "bench/scenario.h"
#include "consort/error.h"

namespace consort {
namespace {

// The end of a wait for an arrival is spent awake.
constexpr TimeNs kAwakeNs = 50'000;
// Time for the replicas' threads to wake before the first arrival.
constexpr TimeNs kLeadNs = 200'000;
constexpr double kFull = 0.98;
// A segment that has not drained after this many times its length takes no more queries: it never would.
constexpr TimeNs kLongestDrain = 2;

// Replicas that share cores sleep to the end: one that waits awake takes the core of one that computes.
void WaitUntil(TimeNs time_ns, bool shared_cores) {
  Clock& clock = Clock::Real();
  TimeNs now = clock.NowNs();
  if (shared_cores && now < time_ns) clock.SleepUntil(time_ns);
  if (time_ns - now > 2 * kAwakeNs) clock.SleepUntil(time_ns - kAwakeNs);
  while (now < time_ns) now = clock.NowNs();
}

// The queue needs no thread of its own: when a replica is free it takes the earliest query that none has taken, and
// waits for its arrival if that lies ahead. This is a first-come, first-served queue, and a query that starts late has
// its wait counted.
class Server : public Scenario {
 public:
  explicit Server(const ScenarioSetup& setup)
      : replicas_(setup.replicas),
        batch_(setup.batch),
        per_s_(setup.queries_per_s),
        shared_cores_(setup.shared_cores),
        random_(setup.seed),
        lanes_(setup.replicas.size()),
        team_(setup.replicas) {
    if (!(per_s_ > 0))
      throw Error(ErrorCode::kInvalidArgument, "a server scenario needs a number of queries per second");
  }

  void RunBlock(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) override {
    const int64_t most = std::clamp<int64_t>(max_queries, 1, kMaxQueriesPerBlock);
    PoissonArrivals(per_s_, budget_ns, most, random_, arrivals_ns_);
    for (Lane& lane : lanes_) lane.Clear(static_cast<int64_t>(arrivals_ns_.size()));
    next_ = 0;
    stop_ns_ = kLongestDrain * budget_ns;
    start_ns_ = Clock::Real().NowNs() + kLeadNs;
    team_.Run(work_);
    Collect(lanes_, samples);
    samples.inferences = batch_ * static_cast<int64_t>(samples.latencies_ns.size());
    TimeNs end_ns = start_ns_;
    for (const Lane& lane : lanes_) end_ns = std::max(end_ns, lane.end_ns);
    samples.wall_ns = end_ns - start_ns_;
    Describe(budget_ns, most, samples);
  }

  void KeepBlock() override {
    kept_.arrived += last_.arrived;
    kept_.served += last_.served;
    kept_.offered_ns += last_.offered_ns;
    kept_.wall_ns += last_.wall_ns;
    kept_.busy_ns += last_.busy_ns;
  }

  ServerFigures server() const override {
    if (kept_.served == 0) return {};
    const auto replicas = static_cast<double>(replicas_.size());
    const double service_ns = kept_.busy_ns / static_cast<double>(kept_.served);
    ServerFigures figures;
    figures.arrivals_per_s = kept_.offered_ns <= 0 ? 0 : static_cast<double>(kept_.arrived) * 1e9 / kept_.offered_ns;
    figures.busy_share = kept_.busy_ns / (replicas * kept_.wall_ns);
    figures.unserved = kept_.arrived - kept_.served;
    figures.overloaded = figures.unserved > 0 || per_s_ * service_ns / 1e9 / replicas >= kFull;
    return figures;
  }

 private:
  // What one block or several did.
  struct Tally {
    int64_t arrived = 0;
    int64_t served = 0;
    double offered_ns = 0;
    double wall_ns = 0;
    double busy_ns = 0;
  };

  void Describe(TimeNs budget_ns, int64_t most, const BlockSamples& samples) {
    last_ = {.arrived = static_cast<int64_t>(arrivals_ns_.size()),
             .served = static_cast<int64_t>(samples.latencies_ns.size()),
             .wall_ns = static_cast<double>(samples.wall_ns)};
    // A segment that is cut short by the number of its queries lasted until the last arrival.
    last_.offered_ns =
        static_cast<double>(last_.arrived >= most ? arrivals_ns_.back() : std::max(budget_ns, arrivals_ns_.back()));
    for (const Lane& lane : lanes_) last_.busy_ns += static_cast<double>(lane.busy_ns);
  }

  void RunLane(int index) {
    Lane& lane = lanes_[static_cast<size_t>(index)];
    const LoadedReplica& replica = replicas_[static_cast<size_t>(index)];
    Clock& clock = Clock::Real();
    while (true) {
      const size_t query = next_.fetch_add(1, std::memory_order_relaxed);
      if (query >= arrivals_ns_.size()) return;
      if (query > 0 && clock.NowNs() - start_ns_ > stop_ns_) return;
      const TimeNs arrival_ns = start_ns_ + arrivals_ns_[query];
      WaitUntil(arrival_ns, shared_cores_);
      const TimeNs begin_ns = clock.NowNs();
      replica.query();
      lane.end_ns = clock.NowNs();
      lane.busy_ns += lane.end_ns - begin_ns;
      lane.latencies_ns.push_back(lane.end_ns - arrival_ns);
    }
  }

  std::vector<LoadedReplica> replicas_;
  int64_t batch_;
  double per_s_;
  bool shared_cores_;
  std::mt19937_64 random_;
  std::vector<TimeNs> arrivals_ns_;
  std::vector<Lane> lanes_;
  std::atomic<size_t> next_{0};
  TimeNs start_ns_ = 0;
  TimeNs stop_ns_ = 0;
  Tally last_;
  Tally kept_;
  const std::function<void(int)> work_ = [this](int index) { RunLane(index); };
  ReplicaTeam team_;
};

}  // namespace

void PoissonArrivals(double per_s, TimeNs duration_ns, int64_t most, std::mt19937_64& random,
                     std::vector<TimeNs>& arrivals_ns) {
  arrivals_ns.clear();
  double time_ns = 0;
  while (static_cast<int64_t>(arrivals_ns.size()) < std::max<int64_t>(1, most)) {
    // Uniform in [0, 1) from the generator's upper 53 bits, then the inverse of the exponential distribution function.
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    time_ns += -std::log1p(-uniform) * 1e9 / per_s;
    if (time_ns >= static_cast<double>(duration_ns) && !arrivals_ns.empty()) return;
    arrivals_ns.push_back(static_cast<TimeNs>(time_ns));
  }
}

std::unique_ptr<Scenario> MakeServer(const ScenarioSetup& setup) { return std::make_unique<Server>(setup); }

}  // namespace consort
