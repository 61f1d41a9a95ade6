#include "experiment/takeaways.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

namespace consort::experiment {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kTpu[] = "tpu";
constexpr char kGpu[] = "gpu";

// Milliseconds of a call by work in MMACs and samples.
struct DeviceLaw {
  double fixed_ms = 0;
  double per_mmac_ms = 0;
  bool one_by_one = false;

  double Call(double mmacs, double samples) const {
    return one_by_one ? samples * (fixed_ms + mmacs * per_mmac_ms) : fixed_ms + samples * mmacs * per_mmac_ms;
  }
};

using Laws = std::map<std::string, DeviceLaw>;

// What the experiments would give on devices that follow such laws.
class Rows {
 public:
  explicit Rows(Laws laws) : laws_(std::move(laws)) {
    AddMatVec();
    AddDense();
    for (const char* network : {"seed-cnn", "seed-cnn-large"}) AddSharding(network, network == std::string("seed-cnn") ? 200 : 3000);
    AddShares("seed-dense", 0.001);
    AddShares("seed-alexnet", 700);
  }
  const std::vector<Row>& all() const { return rows_; }

 private:
  void AddMatVec() {
    for (const int side : {64, 256}) {
      for (const auto& [name, law] : laws_) {
        rows_.push_back({{"of", "matvec"},
                         {"side", side},
                         {"weights", "inference only"},
                         {"device", name},
                         {"mean_ms", law.Call(1e-6 * side * side, 1)}});
      }
    }
  }
  void AddDense() {
    for (int scale = 1; scale <= 7; ++scale) {
      for (const auto& [name, law] : laws_) {
        rows_.push_back({{"of", "dense-scaling"},
                         {"input_size", static_cast<int64_t>(std::exp2(2 * scale))},
                         {"batch", 1},
                         {"device", name},
                         {"mean_ms", law.Call(1e-6 * std::exp2(3.5 * scale), 1)}});
      }
    }
  }
  void AddSharding(const std::string& network, double mmacs) {
    for (const int batch : {1, 64}) {
      for (int strategy = 0; strategy < 8; ++strategy) {
        const double on_b = strategy < 4 ? strategy / 4.0 : 1 - (strategy - 4) / 4.0;
        const double a_ms = on_b == 1 ? 0 : laws_.at(kTpu).Call((1 - on_b) * mmacs, batch);
        const double b_ms = on_b == 0 ? 0 : laws_.at(kGpu).Call(on_b * mmacs, batch);
        rows_.push_back({{"of", "sharding"}, {"network", network}, {"what", "time"}, {"a", kTpu}, {"b", kGpu},
                         {"batch", batch}, {"strategy", std::to_string(strategy)}, {"on", "devices"},
                         {"call_ms", a_ms + b_ms}, {"between_ms", std::fmax(a_ms, b_ms)},
                         {"per_inference_ms", (a_ms + b_ms) / batch}, {"a_ms", a_ms}, {"b_ms", b_ms},
                         {"link_ms", 0.1 * (a_ms + b_ms)}});
      }
    }
  }
  void AddShares(const std::string& network, double mmacs) {
    const std::string names[] = {kGpu, kTpu};
    for (const std::string& name : names) {
      for (const int samples : {10, 20})
        rows_.push_back({{"of", "data-parallel"}, {"network", network}, {"what", "alone"}, {"device", name},
                         {"samples", samples}, {"call_ms", laws_.at(name).Call(mmacs, samples)}});
    }
    for (const int first : {0, 10, 20}) {
      const double gpu_ms = first == 0 ? 0 : laws_.at(kGpu).Call(mmacs, first);
      const double tpu_ms = first == 20 ? 0 : laws_.at(kTpu).Call(mmacs, 20 - first);
      Row row = {{"of", "data-parallel"}, {"network", network}, {"what", "split"}, {"first", first}, {"second", 20 - first}};
      row["on"] = first == 0 ? kTpu : first == 20 ? kGpu : "both";
      row["wall_ms"] = std::fmax(gpu_ms, tpu_ms);
      row["first_ms"] = gpu_ms;
      row["second_ms"] = tpu_ms;
      rows_.push_back(std::move(row));
    }
  }

  Laws laws_;
  std::vector<Row> rows_;
};

constexpr DeviceLaw kStick{.fixed_ms = 0.3, .per_mmac_ms = 0.002, .one_by_one = true};
constexpr DeviceLaw kBoard{.fixed_ms = 0.07, .per_mmac_ms = 0.0009};
constexpr DeviceLaw kHost{.fixed_ms = 0.04, .per_mmac_ms = 0.011};

std::map<std::string, Takeaway> Judged(const Laws& laws) {
  const Rows rows(laws);
  std::map<std::string, Takeaway> judged;
  for (Takeaway& one : JudgeTakeaways(rows.all(), {.tpu = kTpu, .gpu = kGpu})) judged[one.id] = std::move(one);
  return judged;
}

TEST(TakeawaysTest, AnEdgeTpuBehindUsbBesideAGpu) {
  const auto judged = Judged({{kTpu, kStick}, {kGpu, kBoard}, {"cpu", kHost}});
  const auto verdict = [&judged](const char* id) { return judged.at(id).verdict; };
  EXPECT_EQ(verdict("small-samples"), TakeawayVerdict::kNotConfirmed) << judged.at("small-samples").figures;
  EXPECT_EQ(verdict("win-region"), TakeawayVerdict::kNotConfirmed);
  EXPECT_EQ(verdict("large-batches"), TakeawayVerdict::kDepends) << judged.at("large-batches").figures;
  EXPECT_EQ(verdict("complex-nets"), TakeawayVerdict::kConfirmed);
  EXPECT_EQ(verdict("fixed-overhead"), TakeawayVerdict::kConfirmed);
  EXPECT_EQ(verdict("sharding-one-batch"), TakeawayVerdict::kNotConfirmed);
  EXPECT_EQ(verdict("sharding-steady"), TakeawayVerdict::kDepends) << judged.at("sharding-steady").figures;
  EXPECT_EQ(verdict("small-dense-shared"), TakeawayVerdict::kNotConfirmed);
  EXPECT_EQ(verdict("alexnet-shared"), TakeawayVerdict::kConfirmed);
}

TEST(TakeawaysTest, FiguresAreThoseOfTheRows) {
  const auto judged = Judged({{kTpu, kStick}, {kGpu, kBoard}, {"cpu", kHost}});
  EXPECT_THAT(judged.at("small-samples").figures,
              AllOf(HasSubstr("tpu is fastest at 0 of 6 sizes"), HasSubstr("at 4 inputs tpu takes 0.3")));
  EXPECT_THAT(judged.at("scaling").figures, HasSubstr("from 4 to 16384 inputs"));
  EXPECT_THAT(judged.at("alexnet-shared").figures, HasSubstr("in 1 of 1 ways"));
}

TEST(TakeawaysTest, ExchangedDevicesTurnAtLeastThreeVerdicts) {
  const auto as_is = Judged({{kTpu, kStick}, {kGpu, kBoard}, {"cpu", kHost}});
  const auto exchanged = Judged({{kTpu, kBoard}, {kGpu, kStick}, {"cpu", kHost}});
  int turned = 0;
  std::string which;
  for (const auto& [id, one] : as_is) {
    if (one.verdict == exchanged.at(id).verdict) continue;
    ++turned;
    which += fmt::format("{}: {} -> {}; ", id, ToString(one.verdict), ToString(exchanged.at(id).verdict));
  }
  EXPECT_GE(turned, 3) << which;
  EXPECT_EQ(exchanged.at("win-region").verdict, TakeawayVerdict::kConfirmed);
  EXPECT_EQ(exchanged.at("complex-nets").verdict, TakeawayVerdict::kNotConfirmed);
  EXPECT_EQ(exchanged.at("small-dense-shared").verdict, TakeawayVerdict::kConfirmed);
}

TEST(TakeawaysTest, ACpuInTheEdgeTpusPlaceHasNoFixedOverhead) {
  const auto judged = Judged({{kTpu, {.fixed_ms = 0.0005, .per_mmac_ms = 14}}, {kGpu, kBoard}, {"cpu", kHost}});
  EXPECT_EQ(judged.at("fixed-overhead").verdict, TakeawayVerdict::kNotConfirmed) << judged.at("fixed-overhead").figures;
  EXPECT_EQ(judged.at("scaling").verdict, TakeawayVerdict::kConfirmed);
}

TEST(TakeawaysTest, ALinkThatTakesHalfOfACallIsTheBottleneck) {
  Rows rows({{kTpu, kStick}, {kGpu, kBoard}});
  std::vector<Row> slow = rows.all();
  for (Row& row : slow) {
    if (TextOf(row, "of") == "sharding") row["link_ms"] = 0.7 * NumberOf(row, "call_ms");
  }
  // Transfers are a tenth in the rows as they are; the fixed time of a call is 0.3 of 0.7 ms, and 0.3 of 6.3 ms.
  const Cast cast{.tpu = kTpu, .gpu = kGpu};
  const auto verdict = [&cast](const std::vector<Row>& all) {
    for (const Takeaway& one : JudgeTakeaways(all, cast)) {
      if (one.id == "link-bottleneck") return one.verdict;
    }
    return TakeawayVerdict::kNotKnown;
  };
  EXPECT_EQ(verdict(slow), TakeawayVerdict::kConfirmed);
  EXPECT_EQ(verdict(rows.all()), TakeawayVerdict::kDepends);
}

TEST(TakeawaysTest, WithoutKnownLinksTheyAreNotJudged) {
  std::vector<Row> rows = Rows({{kTpu, kStick}, {kGpu, kBoard}}).all();
  for (Row& row : rows) {
    if (!row.contains("link_ms")) continue;
    row["link_ms"] = nullptr;
    row["call_ms"] = 4 * NumberOf(row, "call_ms");
  }
  for (const Takeaway& one : JudgeTakeaways(rows, {.tpu = kTpu, .gpu = kGpu})) {
    if (one.id != "link-bottleneck") continue;
    EXPECT_EQ(one.verdict, TakeawayVerdict::kNotKnown);
    EXPECT_THAT(one.figures, AllOf(HasSubstr("seed-cnn 75 %"), HasSubstr("not known")));
  }
}

TEST(TakeawaysTest, AFixedTimeIsAFigureOfItsOwn) {
  const auto judged = Judged({{kTpu, kStick}, {kGpu, kBoard}, {"cpu", kHost}});
  EXPECT_THAT(judged.at("link-bottleneck").figures, AllOf(HasSubstr("seed-cnn 53 %, transfers alone 10 %"), HasSubstr("0.3 ms")));
  EXPECT_THAT(judged.at("complex-nets").rule, HasSubstr("for the fewest samples that were run"));
}

TEST(TakeawaysTest, UnstableRowsDoNotCount) {
  std::vector<Row> rows = Rows({{kTpu, kStick}, {kGpu, kBoard}, {"cpu", kHost}}).all();
  for (Row& row : rows) {
    if (TextOf(row, "of") == "matvec") row["unstable"] = "the cores were not free";
  }
  for (const Takeaway& one : JudgeTakeaways(rows, {.tpu = kTpu, .gpu = kGpu})) {
    const bool needs_them = one.id == "fixed-overhead";
    EXPECT_EQ(one.verdict == TakeawayVerdict::kNotKnown, needs_them) << one.id;
    EXPECT_EQ(one.figures.find("6 unstable rows do not count") != std::string::npos, needs_them) << one.figures;
  }
}

TEST(TakeawaysTest, WithoutRowsNothingIsKnown) {
  for (const Takeaway& one : JudgeTakeaways({}, {.tpu = kTpu, .gpu = kGpu})) {
    EXPECT_EQ(one.verdict, TakeawayVerdict::kNotKnown) << one.id;
    EXPECT_FALSE(one.figures.empty());
    EXPECT_FALSE(one.rule.empty());
  }
}

}  // namespace
}  // namespace consort::experiment
