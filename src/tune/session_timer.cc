#include "tune/session_timer.h"

#include <utility>

namespace consort {
namespace {

constexpr TimeNs kLatencyBlockNs = 20'000'000;
constexpr TimeNs kThroughputBlockNs = 60'000'000;
constexpr TimeNs kWarmNs = 50'000'000;
constexpr TimeNs kLongestWarmNs = 2'000'000'000;

}  // namespace

TimeNs BlockLengthNs(Objective objective) {
  return objective == Objective::kLatency ? kLatencyBlockNs : kThroughputBlockNs;
}

NoiseLimits LimitsFor(Objective objective) {
  NoiseLimits limits;
  if (objective != Objective::kLatency) limits.delay_share = 1;
  return limits;
}

std::vector<Side> PlanLoader::Load(const std::vector<Plan>& plans, NoiseGate& gate) {
  subjects_.clear();
  for (const Plan& plan : plans)
    subjects_.push_back(std::make_unique<PlanSubject>(registry_, plan, graph_, model_at_, options_, inputs_));
  gate.FindChildren();
  std::vector<Side> sides;
  for (const std::unique_ptr<PlanSubject>& subject : subjects_) {
    const WarmUp warm_up = Warm([&subject] { subject->Query(); }, kWarmNs, kLongestWarmNs);
    BlockRunner run = subject->Runner();
    BlockSamples unused;
    run(kThroughputBlockNs, kMaxQueriesPerBlock, unused);  // every replica warm, and the pace known
    subject->BeginCounting();
    Side side{.run = std::move(run)};
    if (warm_up.took_ns / warm_up.queries < kSettleBelowNs) side.settle = [&subject] { subject->Query(); };
    sides.push_back(std::move(side));
  }
  return sides;
}

PlanTimer TimerOf(PlanLoader& loader, CoreSet cores) {
  return [&loader, cores = std::move(cores)](const std::vector<Plan>& plans, const PairedOptions& options) {
    NoiseGate gate(cores, LimitsFor(plans.front().objective));
    PairedOptions paired = options;
    paired.block_ns = BlockLengthNs(plans.front().objective);
    PlanTimes times;
    times.paired = ComparePaired(gate, [&](int) { return loader.Load(plans, gate); }, paired);
    for (const std::unique_ptr<PlanSubject>& subject : loader.subjects()) {
      times.sessions.push_back(subject->Counted());
      times.overruns.push_back(subject->Overrun());
    }
    return times;
  };
}

}  // namespace consort
