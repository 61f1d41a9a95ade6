#include "experiment/takeaways.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/strings.h"
#include "experiment/data_parallel.h"
#include "experiment/present.h"
#include "experiment/sharding.h"
#include "experiment/sharding_report.h"
#include "measure/statistics.h"
#include "plan/planner.h"

namespace consort::experiment {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr char kInferenceOnly[] = "inference only";
constexpr char kOnA[] = "0";  // strategies of sharding: all on the Edge TPU,
constexpr char kOnB[] = "4";  // all on the GPU

// Cases that a statement holds for, of how many.
struct Count {
  int holds = 0;
  int cases = 0;
  std::vector<std::string> where;  // it holds

  void Add(bool does, const std::string& name) {
    ++cases;
    holds += does ? 1 : 0;
    if (does) where.push_back(name);
  }
  double share() const { return cases == 0 ? kNothing : static_cast<double>(holds) / cases; }
};

TakeawayVerdict OfShare(double share) {
  if (std::isnan(share)) return TakeawayVerdict::kNotKnown;
  if (share >= kMostCases) return TakeawayVerdict::kConfirmed;
  return share <= kFewCases ? TakeawayVerdict::kNotConfirmed : TakeawayVerdict::kDepends;
}

// Where it holds, in short.
std::string Places(const Count& count) {
  constexpr size_t kMost = 6;
  if (count.where.empty() || count.holds == count.cases) return "";
  std::vector<std::string> names(count.where.begin(), count.where.begin() + std::min(kMost, count.where.size()));
  if (count.where.size() > kMost) names.emplace_back("…");
  return " (" + Join(names, "; ") + ")";
}

constexpr char kCasesRule[] = "confirmed: in at least 90 % of the cases; not confirmed: in at most 10 %";

class Judge {
 public:
  Judge(const std::vector<Row>& rows, const Cast& cast) : rows_(rows), cast_(cast) {
    for (const Row& row : rows) {
      if (TextOf(row, "of") == "sharding") sharding_.push_back(row);
      if (TextOf(row, "of") == "data-parallel") shared_.push_back(row);
    }
  }

  Takeaway SmallSamples() const;
  Takeaway WinRegion() const;
  Takeaway LargeBatches() const;
  Takeaway ComplexNets() const;
  Takeaway LinkBottleneck() const;
  Takeaway FixedOverhead() const;
  Takeaway Scaling() const;
  Takeaway ShardingHelps(const std::string& figure) const;
  Takeaway SmallDenseShares() const;
  Takeaway AlexNetDominated() const;

 private:
  double MatVec(const std::string& side, const std::string& device) const {
    const Row* row = FindRow(rows_, {{"of", "matvec"}, {"side", side}, {"device", device}, {"weights", kInferenceOnly}});
    return row == nullptr ? kNothing : NumberOf(*row, "mean_ms");
  }
  // Of dense-scaling at batch 1: sizes in order.
  std::vector<std::string> Sizes(double most) const {
    std::vector<std::string> sizes;
    for (const std::string& size : ValuesOf(rows_, "input_size")) {
      if (!size.empty() && std::stod(size) <= most) sizes.push_back(size);
    }
    return sizes;
  }
  double Dense(const std::string& size, const std::string& device) const {
    const Row* row = FindRow(rows_, {{"of", "dense-scaling"}, {"input_size", size}, {"batch", "1"}, {"device", device}});
    return row == nullptr ? kNothing : NumberOf(*row, "mean_ms");
  }
  double BestOtherDense(const std::string& size) const {
    double best = kNothing;
    for (const Row* row : Select(rows_, {{"of", "dense-scaling"}, {"input_size", size}, {"batch", "1"}})) {
      if (TextOf(*row, "device") != cast_.tpu) best = std::fmin(best, NumberOf(*row, "mean_ms"));
    }
    return best;
  }
  double Sharded(const std::string& network, const std::string& batch, const char* strategy, const char* field) const {
    const Row* row = FindRow(sharding_, {{"network", network}, {"batch", batch}, {"strategy", strategy}});
    return row == nullptr ? kNothing : NumberOf(*row, field);
  }
  std::vector<std::string> Networks() const { return ValuesOf(sharding_, "network"); }
  // Batches at which both devices run the network alone, ascending.
  std::vector<std::string> Batches(const std::string& network) const {
    std::vector<std::string> batches;
    for (const Row* row : Select(sharding_, {{"network", network}, {"strategy", kOnA}, {"what", "time"}})) {
      const std::string batch = Shown(*row, "batch");
      const double both = NumberOf(*row, "call_ms") + Sharded(network, batch, kOnB, "call_ms");
      if (!std::isnan(both)) batches.push_back(batch);
    }
    return batches;
  }
  std::vector<Row> SplitsOf(const std::string& network) const {
    std::vector<Row> own;
    for (const Row* row : Select(shared_, {{"network", network}})) own.push_back(*row);
    return SplitsWithIdeals(own);
  }
  std::string LinkFigures(const std::vector<std::string>& shares, const std::vector<std::string>& unknown,
                          double fixed_ms) const;
  std::string PlaceOfTpu(const std::vector<Row>& splits) const;

  const std::vector<Row>& rows_;
  const Cast& cast_;
  std::vector<Row> sharding_;
  std::vector<Row> shared_;
};

Takeaway Judge::SmallSamples() const {
  Takeaway one{.id = "small-samples",
               .statement = "Edge TPU is best for single-sample, small-scale, simple DNN inference",
               .source = "takeaway_1",
               .rule = fmt::format("seed-dense, batch 1, at most {:.0f} inputs: the Edge TPU is faster than every other "
                                   "device by 5 %; {}",
                                   kSmallInputs, kCasesRule)};
  Count count;
  std::string least;
  for (const std::string& size : Sizes(kSmallInputs)) {
    const double ratio = BestOtherDense(size) / Dense(size, cast_.tpu);
    if (std::isnan(ratio)) continue;
    count.Add(ratio >= kFaster, size + " inputs");
    if (least.empty())
      least = fmt::format("; at {} inputs {} takes {}, the best other {}", size, cast_.tpu,
                          FormatMs(Dense(size, cast_.tpu)), FormatMs(BestOtherDense(size)));
  }
  one.verdict = OfShare(count.share());
  one.figures = fmt::format("{} is fastest at {} of {} sizes{}{}", cast_.tpu, count.holds, count.cases, Places(count), least);
  return one;
}

Takeaway Judge::WinRegion() const {
  Takeaway one{.id = "win-region",
               .statement = "TPU outperforms [GPU] on single-sample inference below 10,000 inputs",
               .source = "tpu_win_region",
               .rule = fmt::format("as small-samples, against the GPU alone; {}", kCasesRule)};
  Count count;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const std::string& size : Sizes(kSmallInputs)) {
    const double ratio = Dense(size, cast_.gpu) / Dense(size, cast_.tpu);
    if (std::isnan(ratio)) continue;
    count.Add(ratio >= kFaster, size + " inputs");
    least = std::min(least, ratio);
    most = std::max(most, ratio);
  }
  one.verdict = OfShare(count.share());
  one.figures = count.cases == 0
                    ? "no size ran on both"
                    : fmt::format("{} beats {} at {} of {} sizes{}; its speed-up there is {:.2g} to {:.2g}", cast_.tpu,
                                  cast_.gpu, count.holds, count.cases, Places(count), least, most);
  return one;
}

Takeaway Judge::LargeBatches() const {
  Takeaway one{.id = "large-batches",
               .statement = "GPUs performed better at large batches (amortizing overhead)",
               .source = "takeaway_2",
               .rule = "every CNN at its largest batch: the GPU is faster than the Edge TPU by 5 %, and takes at most 80 % "
                       "of its time per inference at batch 1; not confirmed: it is faster for none; else it depends"};
  int faster = 0, amortized = 0, cases = 0;
  std::vector<std::string> figures;
  for (const std::string& network : Networks()) {
    const std::vector<std::string> batches = Batches(network);
    if (batches.size() < 2) continue;
    const std::string& largest = batches.back();
    const double gpu_ms = Sharded(network, largest, kOnB, "per_inference_ms");
    const double ratio = Sharded(network, largest, kOnA, "per_inference_ms") / gpu_ms;
    const double of_first = gpu_ms / Sharded(network, batches.front(), kOnB, "per_inference_ms");
    ++cases;
    faster += ratio >= kFaster ? 1 : 0;
    amortized += of_first <= kAmortized ? 1 : 0;
    figures.push_back(fmt::format("{}, batch {}: {:.3g} times as fast as {}, at {:.0f} % of its time per inference at batch {}",
                                  network, largest, ratio, cast_.tpu, 100 * of_first, batches.front()));
  }
  if (cases > 0) {
    one.verdict = faster == 0                                ? TakeawayVerdict::kNotConfirmed
                  : faster == cases && amortized == cases ? TakeawayVerdict::kConfirmed
                                                          : TakeawayVerdict::kDepends;
  }
  one.figures = cases == 0 ? "no CNN ran on both at two batches" : cast_.gpu + ": " + Join(figures, "; ");
  return one;
}

Takeaway Judge::ComplexNets() const {
  Takeaway one{.id = "complex-nets",
               .statement = "GPUs better handled more complex architectures (e.g. CNN)",
               .source = "takeaway_3",
               .rule = "batch 1, the seed's CNNs, and its AlexNet for the fewest samples that were run: the GPU is faster than the "
                       "Edge TPU by 5 %; confirmed: for all of them; not confirmed: for none"};
  Count count;
  std::vector<std::string> figures;
  const auto add = [&](const std::string& network, double ratio) {
    if (std::isnan(ratio)) return;
    count.Add(ratio >= kFaster, network);
    figures.push_back(fmt::format("{} {:.3g}", network, ratio));
  };
  for (const std::string& network : Networks())
    add(network, Sharded(network, "1", kOnA, "call_ms") / Sharded(network, "1", kOnB, "call_ms"));
  const auto alone = [&](const std::string& device) {
    const Row* row = FindRow(shared_, {{"network", "seed-alexnet"}, {"device", device}});
    return row == nullptr ? kNothing : NumberOf(*row, "call_ms");
  };
  add("seed-alexnet", alone(cast_.tpu) / alone(cast_.gpu));
  if (count.cases > 0) {
    one.verdict = count.holds == count.cases ? TakeawayVerdict::kConfirmed
                  : count.holds == 0         ? TakeawayVerdict::kNotConfirmed
                                             : TakeawayVerdict::kDepends;
  }
  one.figures = fmt::format("time on {} over time on {}: {}", cast_.tpu, cast_.gpu, Join(figures));
  return one;
}

std::string Judge::LinkFigures(const std::vector<std::string>& shares, const std::vector<std::string>& unknown,
                               double fixed_ms) const {
  if (!shares.empty())
    return fmt::format("of a call: {}; the fixed time is the whole call of the smallest seed-dense, what it computes "
                       "included: {}",
                       Join(shares, "; "), FormatMs(fixed_ms));
  if (unknown.empty()) return "no network ran on " + cast_.tpu;
  return fmt::format("what transfers take is not known; beside its two parts a divided call takes {}, which is the session's "
                     "work as well",
                     Join(unknown));
}

Takeaway Judge::LinkBottleneck() const {
  Takeaway one{.id = "link-bottleneck",
               .statement = "USB connection was major bottleneck",
               .source = "takeaway_4",
               .rule = "of a call on the Edge TPU, transfers and the fixed time of a call (where there is a link) take at "
                       "least half, in the middle of the seed's networks at batch 1; not confirmed: at most 20 %; not known "
                       "where links are not"};
  const double round_trip_ms = Sizes(1e12).empty() ? kNothing : Dense(Sizes(1e12).front(), cast_.tpu);
  std::vector<double> shares;
  std::vector<std::string> figures;
  std::vector<std::string> unknown;  // where links are not known
  for (const std::string& network : Networks()) {
    const double call_ms = Sharded(network, "1", kOnA, "call_ms");
    const double link_ms = Sharded(network, "1", kOnA, "link_ms");
    if (std::isnan(link_ms)) {
      const Row* divided = FindRow(sharding_, {{"network", network}, {"batch", "1"}, {"strategy", "2"}});
      if (divided == nullptr) continue;
      const double parts_ms = NumberOf(*divided, "a_ms") + NumberOf(*divided, "b_ms");
      const double beside = std::fmax(0, 1 - parts_ms / NumberOf(*divided, "call_ms"));
      if (!std::isnan(beside)) unknown.push_back(fmt::format("{} {:.0f} %", network, 100 * beside));
      continue;
    }
    const double fixed_ms = link_ms > 0 && !std::isnan(round_trip_ms) ? round_trip_ms : 0;
    const double share = std::fmin(1, (link_ms + fixed_ms) / call_ms);
    if (std::isnan(share)) continue;
    shares.push_back(share);
    figures.push_back(fmt::format("{} {:.0f} %, transfers alone {:.0f} %", network, 100 * share, 100 * link_ms / call_ms));
  }
  if (!shares.empty()) {
    const double middle = Median(shares);
    one.verdict = middle >= kBottleneck     ? TakeawayVerdict::kConfirmed
                  : middle <= kNoBottleneck ? TakeawayVerdict::kNotConfirmed
                                            : TakeawayVerdict::kDepends;
  }
  one.figures = LinkFigures(figures, unknown, round_trip_ms);
  return one;
}

Takeaway Judge::FixedOverhead() const {
  Takeaway one{.id = "fixed-overhead",
               .statement = "TPU introduces some fixed overhead?",
               .source = "claim_small_dense_dp",
               .rule = "matrix times vector on the Edge TPU: side 64 takes at least half of what side 256 takes, which is 16 "
                       "times the work; not confirmed: at most a quarter"};
  const double small_ms = MatVec("64", cast_.tpu);
  const double large_ms = MatVec("256", cast_.tpu);
  const double share = small_ms / large_ms;
  if (!std::isnan(share)) {
    one.verdict = share >= kFixed      ? TakeawayVerdict::kConfirmed
                  : share <= kNotFixed ? TakeawayVerdict::kNotConfirmed
                                       : TakeawayVerdict::kDepends;
  }
  one.figures = std::isnan(share) ? "it did not run"
                                  : fmt::format("{} on {}, {} at side 256: {:.0f} %", FormatMs(small_ms), cast_.tpu,
                                                FormatMs(large_ms), 100 * share);
  return one;
}

Takeaway Judge::Scaling() const {
  Takeaway one{.id = "scaling",
               .statement = "TPU scales less efficiently than GPU",
               .source = "claim_scaling",
               .rule = "seed-dense, batch 1, smallest to largest size: the Edge TPU's time grows at least 1.5 times as much "
                       "as the GPU's; not confirmed: no more than the GPU's"};
  std::vector<std::string> sizes;
  for (const std::string& size : Sizes(1e12)) {
    if (!std::isnan(Dense(size, cast_.tpu) + Dense(size, cast_.gpu))) sizes.push_back(size);
  }
  if (sizes.size() < 2) {
    one.figures = "fewer than two sizes ran on both";
    return one;
  }
  const double tpu = Dense(sizes.back(), cast_.tpu) / Dense(sizes.front(), cast_.tpu);
  const double gpu = Dense(sizes.back(), cast_.gpu) / Dense(sizes.front(), cast_.gpu);
  one.verdict = tpu >= kSteeper * gpu ? TakeawayVerdict::kConfirmed
                : tpu <= gpu          ? TakeawayVerdict::kNotConfirmed
                                      : TakeawayVerdict::kDepends;
  one.figures = fmt::format("from {} to {} inputs {} grows {:.3g} times, {} {:.3g} times", sizes.front(), sizes.back(),
                            cast_.tpu, tpu, cast_.gpu, gpu);
  return one;
}

Takeaway Judge::ShardingHelps(const std::string& figure) const {
  const bool steady = figure == "between_ms";
  Takeaway one{.id = steady ? "sharding-steady" : "sharding-one-batch",
               .statement = steady ? "Sharding a CNN helps where batches follow without pause"
                                   : "Sharding a CNN helps for one batch at a time",
               .source = "the seed's sharding experiment",
               .rule = fmt::format("CNNs and batches: the best of six divisions beats the better device alone by more than 2 %; {}",
                                   kCasesRule)};
  Count count;
  double most = 0;
  std::string best_case;
  for (const ShardingBest& best : BestOf(sharding_, figure)) {
    const double gain = best.gain(figure);
    if (std::isnan(gain)) continue;
    const std::string name = fmt::format("{}, batch {}", best.network, best.batch);
    count.Add(gain > kLeastGain, name);
    if (gain <= most) continue;
    most = gain;
    best_case = fmt::format("{:.3g} times for {} ({})", gain, name, TextOf(*best.divided, "on"));
  }
  one.verdict = OfShare(count.share());
  one.figures = count.cases == 0 ? "nothing ran both ways"
                                 : fmt::format("in {} of {} cases{}; the most is {}", count.holds, count.cases,
                                               Places(count), best_case);
  return one;
}

// "third": of the device's own samples in a split.
std::string Judge::PlaceOfTpu(const std::vector<Row>& splits) const {
  for (const Row& row : splits) {
    if (TextOf(row, "on") != cast_.tpu) continue;
    for (size_t place = 0; place < 3; ++place) {
      if (NumberOf(row, PlaceName(place)) > 0) return PlaceName(place);
    }
  }
  return "";
}

Takeaway Judge::SmallDenseShares() const {
  Takeaway one{.id = "small-dense-shared",
               .statement = "Edge TPU dominance at small scale, balanced by serial and USB limits",
               .source = "claim_small_dense_dp",
               .rule = "small seed-dense, samples shared: the fastest way gives the Edge TPU at least half of them; not "
                       "confirmed: none; else it depends"};
  const std::vector<Row> splits = SplitsOf("seed-dense");
  const std::string place = PlaceOfTpu(splits);
  const Row* fastest = nullptr;
  for (const Row& row : splits) {
    const double wall_ms = NumberOf(row, "wall_ms");
    if (!std::isnan(wall_ms) && (fastest == nullptr || wall_ms < NumberOf(*fastest, "wall_ms"))) fastest = &row;
  }
  if (place.empty() || fastest == nullptr) {
    one.figures = cast_.tpu + " takes no part";
    return one;
  }
  double all = 0;
  for (size_t other = 0; other < 3; ++other) {
    const double own = NumberOf(*fastest, PlaceName(other));
    all += std::isnan(own) ? 0 : own;
  }
  const double share = NumberOf(*fastest, place) / all;
  one.verdict = share >= 0.5 ? TakeawayVerdict::kConfirmed
                : share == 0 ? TakeawayVerdict::kNotConfirmed
                             : TakeawayVerdict::kDepends;
  one.figures = fmt::format("the fastest of {} ways is {} ({})", splits.size(), TextOf(*fastest, "on"),
                            FormatMs(NumberOf(*fastest, "wall_ms")));
  return one;
}

Takeaway Judge::AlexNetDominated() const {
  Takeaway one{.id = "alexnet-shared",
               .statement = "Edge TPU delivers slow but reliable performance (domination)",
               .source = "claim_alexnet_dp",
               .rule = fmt::format("AlexNet, samples shared: where the Edge TPU has a part it is the slowest; {}", kCasesRule)};
  const std::vector<Row> splits = SplitsOf("seed-alexnet");
  const std::string place = PlaceOfTpu(splits);
  Count count;
  for (const Row& row : splits) {
    if (place.empty() || !(NumberOf(row, place) > 0) || TextOf(row, "on") == cast_.tpu) continue;
    const double own = NumberOf(row, place + "_ms");
    double slowest = 0;
    for (size_t other = 0; other < 3; ++other) slowest = std::fmax(slowest, NumberOf(row, std::string(PlaceName(other)) + "_ms"));
    if (!std::isnan(own)) count.Add(own >= slowest, TextOf(row, "on"));
  }
  one.verdict = OfShare(count.share());
  one.figures = count.cases == 0 ? cast_.tpu + " takes no part"
                                 : fmt::format("in {} of {} ways{}", count.holds, count.cases, Places(count));
  return one;
}

}  // namespace

std::string_view ToString(TakeawayVerdict verdict) {
  switch (verdict) {
    case TakeawayVerdict::kConfirmed:
      return "confirmed";
    case TakeawayVerdict::kNotConfirmed:
      return "not confirmed";
    case TakeawayVerdict::kDepends:
      return "depends";
    case TakeawayVerdict::kNotKnown:
      return "not known";
  }
  return "";
}

std::vector<Takeaway> JudgeTakeaways(const std::vector<Row>& rows, const Cast& cast) {
  std::vector<Row> stable;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(stable),
               [](const Row& row) { return TextOf(row, "unstable").empty(); });
  const Judge judge(stable, cast);
  std::vector<Takeaway> takeaways = {judge.SmallSamples(),
                                     judge.WinRegion(),
                                     judge.LargeBatches(),
                                     judge.ComplexNets(),
                                     judge.LinkBottleneck(),
                                     judge.FixedOverhead(),
                                     judge.Scaling(),
                                     judge.ShardingHelps("call_ms"),
                                     judge.ShardingHelps("between_ms"),
                                     judge.SmallDenseShares(),
                                     judge.AlexNetDominated()};
  for (Takeaway& one : takeaways) {
    if (one.verdict == TakeawayVerdict::kNotKnown && stable.size() < rows.size())
      one.figures += fmt::format("; {} unstable rows do not count", rows.size() - stable.size());
  }
  return takeaways;
}

}  // namespace consort::experiment
