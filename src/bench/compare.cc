#include "bench/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/thread.h"
#include "consort/error.h"
#include "measure/meter.h"

namespace consort {
namespace {

constexpr int kAttempts = 3;      // to get a clean block
constexpr int kFewestRounds = 5;  // fewer do not tell how far a ratio holds

double MedianOf(const std::vector<TimeNs>& durations) { return Median({durations.begin(), durations.end()}); }

Interval Exp(const Interval& logarithm) {
  return {std::exp(logarithm.estimate), std::exp(logarithm.low), std::exp(logarithm.high)};
}

// The rounds of one comparison.
class Rounds {
 public:
  Rounds(NoiseGate& gate, const PairedOptions& options) : gate_(gate), options_(options) {}

  void RunLoad(const std::vector<Side>& sides) {
    if (medians_.empty()) Begin(sides.size());
    for (ByLoad& side : medians_) side.emplace_back();
    const int enough_rounds = std::max(1, (options_.min_rounds + options_.loads - 1) / options_.loads);
    const TimeNs enough_ns = options_.time_ns / options_.loads;
    const TimeNs clean_before = result_.clean_ns, spent_before = Spent();
    const int rounds_before = result_.rounds;
    while (result_.clean_ns - clean_before < enough_ns || result_.rounds - rounds_before < enough_rounds) {
      RunRound(sides);
      const auto spent = static_cast<double>(Spent() - spent_before);
      const auto wanted =
          std::max<double>(static_cast<double>(enough_ns), static_cast<double>(longest_ns_) * enough_rounds);
      if (spent > options_.patience * wanted) return;
    }
  }

  PairedResult Summarise() {
    if (result_.rounds > 0) {
      for (size_t side = 0; side < medians_.size(); ++side) SummariseSide(side);
    }
    result_.unstable = WhyUnstable();
    return std::move(result_);
  }

 private:
  void Begin(size_t sides) {
    if (sides < 2) throw Error(ErrorCode::kInvalidArgument, "a comparison needs two sides at least");
    medians_.resize(sides);
    samples_.resize(sides);
    result_.sides.resize(sides);
    order_ = RoundOrder(static_cast<int>(sides), options_.seed);
  }

  TimeNs Spent() const { return result_.clean_ns + result_.discarded_ns; }

  void RunRound(const std::vector<Side>& sides) {
    TimeNs round_ns = 0, spent_ns = 0;  // the last block of each side; all blocks
    bool clean = true;
    for (const int side : order_.Next()) {
      clean = RunBlock(sides[side], samples_[side], spent_ns);
      round_ns += samples_[side].wall_ns;
      if (!clean) break;
    }
    // A round that ends early took less than it would have: as many whole blocks as there are sides at least.
    longest_ns_ = std::max({longest_ns_, round_ns, options_.block_ns * static_cast<TimeNs>(sides.size())});
    const TimeNs clean_ns = clean ? round_ns : 0;
    result_.clean_ns += clean_ns;
    result_.discarded_ns += spent_ns - clean_ns;
    ++(clean ? result_.rounds : result_.discarded_rounds);
    if (clean) Keep();
  }

  // One block, again where it was dirty; false when that did not help. Adds its time to `spent_ns`.
  bool RunBlock(const Side& side, BlockSamples& samples, TimeNs& spent_ns) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (side.settle) side.settle();
      gate_.Begin();
      side.run(options_.block_ns, kMaxQueriesPerBlock, samples);
      const bool clean = gate_.End().clean;
      spent_ns += samples.wall_ns;
      if (clean) return true;
    }
    return false;
  }

  void Keep() {
    for (size_t side = 0; side < samples_.size(); ++side) {
      for (const TimeNs latency : samples_[side].latencies_ns) result_.sides[side].latencies.Add(latency);
      medians_[side].back().push_back(MedianOf(samples_[side].latencies_ns));
    }
  }

  void SummariseSide(size_t side) {
    SideResult& result = result_.sides[side];
    result.median_ns =
        WithBetweenRuns(MedianOverLoads(result.latencies.PercentileNs(50), medians_[side]), kBetweenRuns);
    ByLoad logarithms = medians_[side];
    for (size_t load = 0; load < logarithms.size(); ++load) {
      for (size_t i = 0; i < logarithms[load].size(); ++i)
        logarithms[load][i] = std::log(logarithms[load][i] / medians_.front()[load][i]);
    }
    result.ratio = Exp(MedianOverLoads(Median(Flatten(logarithms)), logarithms));
    for (const double logarithm : MediansOfLoads(logarithms)) result.load_ratios.push_back(std::exp(logarithm));
    result.verdict = Judge(result.ratio);
  }

  std::string WhyUnstable() const {
    if (result_.rounds == 0) {
      return fmt::format("none of {} rounds had its cores to itself", result_.discarded_rounds);
    }
    if (result_.discarded_share() > options_.max_discarded) {
      return fmt::format("{:.0f} % of the time was discarded, because the cores were not free",
                         100 * result_.discarded_share());
    }
    if (result_.rounds < kFewestRounds) {
      return fmt::format("{} clean rounds are too few to know how far a ratio holds; measure longer (-t)",
                         result_.rounds);
    }
    for (const SideResult& side : result_.sides) {
      const Interval& ratio = side.ratio;
      const double widest = 1 + options_.max_half_width;
      if (side.verdict != Verdict95::kTie || (ratio.high <= widest && ratio.low >= 1 / widest)) continue;
      return fmt::format(
          "a ratio may lie between {:.2f} and {:.2f}, too far from 1 to call it a tie; measure longer (-t)", ratio.low,
          ratio.high);
    }
    return "";
  }

  NoiseGate& gate_;
  const PairedOptions& options_;
  RoundOrder order_{1, 0};
  std::vector<ByLoad> medians_;        // per side, load and counted round
  std::vector<BlockSamples> samples_;  // of the round under way, per side
  TimeNs longest_ns_ = 0;              // of a round so far
  PairedResult result_;
};

// One query after the other on this thread, confined as the subject wants it.
Side SideOf(Subject& subject, TimeNs query_ns) {
  Side side;
  const CoreSet cores = subject.caller_cores();
  const bool flush = subject.options().compile.flush_denormals;
  side.run = [&subject, cores, flush, runner = OneAtATime([&subject] { subject.Query(); })](
                 TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) {
    const ThreadScope scope(cores, flush);
    runner(budget_ns, max_queries, samples);
  };
  if (query_ns < kSettleBelowNs) {
    side.settle = [&subject, cores, flush] {
      const ThreadScope scope(cores, flush);
      subject.Query();
    };
  }
  return side;
}

}  // namespace

double PairedResult::discarded_share() const {
  const TimeNs all = clean_ns + discarded_ns;
  return all == 0 ? 0 : static_cast<double>(discarded_ns) / static_cast<double>(all);
}

PairedResult ComparePaired(NoiseGate& gate, const SideLoader& load, const PairedOptions& options) {
  Rounds rounds(gate, options);
  for (int i = 0; i < options.loads; ++i) rounds.RunLoad(load(i));
  return rounds.Summarise();
}

RoundOrder::RoundOrder(int sides, uint64_t seed) : order_(static_cast<size_t>(sides)), state_(seed) {
  std::iota(order_.begin(), order_.end(), 0);
}

// Fisher and Yates, with a 64-bit linear congruential generator (Knuth, MMIX): the standard library's shuffle is not
// laid down.
void RoundOrder::Shuffle() {
  for (size_t last = order_.size() - 1; last > 0; --last) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    std::swap(order_[last], order_[(state_ >> 33) % (last + 1)]);
  }
}

const std::vector<int>& RoundOrder::Next() {
  if (used_ % static_cast<int>(order_.size()) == 0) {
    Shuffle();
  } else {
    std::rotate(order_.begin(), order_.begin() + 1, order_.end());
  }
  ++used_;
  return order_;
}

SubjectLoader::SubjectLoader(const Registry& registry, const std::vector<Entrant>& entrants, const InputSource& inputs)
    : registry_(registry), entrants_(entrants), inputs_(inputs) {}

std::vector<Side> SubjectLoader::Load(NoiseGate& gate) {
  before_.resize(entrants_.size());
  for (size_t i = 0; i < subjects_.size(); ++i) before_[i] = SinceWarmUp(i);
  subjects_.clear();
  warm_.assign(entrants_.size(), {});
  std::vector<Side> sides;
  for (const Entrant& entrant : entrants_) {
    subjects_.push_back(
        std::make_unique<Subject>(registry_, entrant.target, *entrant.artifact, entrant.options, inputs_));
  }
  gate.FindChildren();
  for (const std::unique_ptr<Subject>& subject : subjects_) {
    const ThreadScope scope(subject->caller_cores(), subject->options().compile.flush_denormals);
    const WarmUp warm_up = Warm([&subject] { subject->Query(); });
    sides.push_back(SideOf(*subject, warm_up.took_ns / warm_up.queries));
  }
  for (size_t i = 0; i < subjects_.size(); ++i) {
    if (const Emulated* emulated = subjects_[i]->emulated()) warm_[i] = emulated->emulation();
  }
  return sides;
}

EmulationReport SubjectLoader::SinceWarmUp(size_t entrant) const {
  const Emulated* emulated = subjects_[entrant]->emulated();
  if (emulated == nullptr) return {};
  EmulationReport report = emulated->emulation();
  report.calls += before_[entrant].calls - warm_[entrant].calls;
  report.overruns += before_[entrant].overruns - warm_[entrant].overruns;
  report.longest_host_ns = std::max(report.longest_host_ns, before_[entrant].longest_host_ns);
  return report;
}

std::optional<EmulationReport> SubjectLoader::EmulationOf(size_t entrant) const {
  if (subjects_.at(entrant)->emulated() == nullptr) return std::nullopt;
  return SinceWarmUp(entrant);
}

}  // namespace consort
