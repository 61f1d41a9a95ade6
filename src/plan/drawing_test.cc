#include "plan/drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "consort/model.h"
#include "cost/cost_model.h"
#include "model/test_models.h"
#include "plan/modelled_costs.h"
#include "plan/planner.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Drawn {
  explicit Drawn(const std::string& platform_name)
      : platform(LoadPlatform(platform_name, BuiltinCostSchemas())),
        network(zoo::Structure("resnet-50", {})),
        costs(platform, {}, [this](int64_t) -> const Graph& { return network.graph(); }),
        list(MakePlans(network.graph(), costs, {})) {}

  Platform platform;
  Model network;
  ModelledCosts costs;
  PlanList list;
};

TEST(DrawingTest, TextNamesEveryDeviceAndFitsATerminal) {
  const Drawn drawn("seed");
  for (const RankedPlan& ranked : drawn.list.plans) {
    const std::string text = DrawText(ranked.plan, drawn.network.graph(), ranked.evaluation.uses);
    for (const Stage& stage : ranked.plan.stages) {
      for (const Replica& replica : stage.replicas) EXPECT_THAT(text, HasSubstr(replica.target.unit));
    }
    EXPECT_THAT(text, HasSubstr("◄"));  // something sets the pace
    EXPECT_THAT(text, HasSubstr("logits (3.9 KiB)"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(Columns(line), 80) << line;
  }
}

TEST(DrawingTest, ConversionsAreDrawnWhereThereAreSome) {
  const Drawn drawn("seed");
  Plan plan = drawn.list.best().plan;
  EXPECT_THAT(DrawText(plan, drawn.network.graph(), {}), Not(HasSubstr("converts")));
  plan.stages.front().replicas.front().convert_in_s = 3e-6;
  plan.stages.front().replicas.front().convert_out_s = 4e-5;
  const std::string text = DrawText(plan, drawn.network.graph(), {});
  EXPECT_THAT(text, HasSubstr("of a call, converts: 3 µs into its form, 40 µs out of it"));
  EXPECT_THAT(DrawSvg(plan, drawn.network.graph(), {}), HasSubstr("converts 3 µs"));
}

TEST(DrawingTest, SvgHoldsEveryStageAndNothingFromElsewhere) {
  const Drawn drawn("coral-x4");
  Plan plan = drawn.list.best().plan;
  plan.model = "a <b> & \"c\"";
  const std::string svg = DrawSvg(plan, drawn.network.graph(), drawn.list.best().evaluation.uses);
  EXPECT_THAT(svg, HasSubstr("a &lt;b&gt; &amp; &quot;c&quot;"));
  for (size_t i = 0; i < plan.stages.size(); ++i) EXPECT_THAT(svg, HasSubstr("stage " + std::to_string(i) + ":"));
  EXPECT_THAT(svg, Not(HasSubstr("href")));
  EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
}

TEST(DrawingTest, NamesAreShortenedInTheMiddle) {
  EXPECT_EQ(Shorten("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(Shorten("abcdefghijk", 10), "abcde…hijk");
  EXPECT_EQ(Columns(Shorten("äöüäöüäöüäöü", 7)), 7);
  EXPECT_EQ(Shorten("a\x1b[2Jb", 20), "a?[2Jb");
}

}  // namespace
}  // namespace consort
