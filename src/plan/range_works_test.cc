#include "plan/range_works.h"

#include <gtest/gtest.h>

#include "zoo/zoo.h"

namespace consort {
namespace {

void ExpectSame(const WorkList& a, const WorkList& b, const std::string& where) {
  ASSERT_EQ(a.works.size(), b.works.size()) << where;
  for (size_t i = 0; i < a.works.size(); ++i) {
    EXPECT_EQ(a.works[i].ops, b.works[i].ops) << where;
    EXPECT_EQ(a.works[i].macs, b.works[i].macs) << where;
    EXPECT_EQ(a.works[i].parameters, b.works[i].parameters) << where;
  }
  EXPECT_EQ(a.inputs, b.inputs) << where;
  EXPECT_EQ(a.outputs, b.outputs) << where;
  EXPECT_EQ(a.input_bytes, b.input_bytes) << where;
  EXPECT_EQ(a.output_bytes, b.output_bytes) << where;
  EXPECT_EQ(a.macs, b.macs) << where;
  EXPECT_EQ(a.parameters, b.parameters) << where;
  EXPECT_EQ(a.quantized, b.quantized) << where;
  EXPECT_EQ(a.known, b.known) << where;
}

class RangeWorksTest : public testing::TestWithParam<const char*> {};

TEST_P(RangeWorksTest, EveryRangeIsAsIfListedAnew) {
  const Model model = zoo::Structure(GetParam(), {});
  const Graph& graph = model.graph();
  RangeWorks ranges(graph);
  const auto ops = static_cast<OpId>(graph.ops().size());
  for (OpId begin = 0; begin < ops; begin += 1 + ops / 40) {
    for (OpId end = begin; end <= ops; end += end + 7 < ops ? 7 : 1) {
      ExpectSame(ranges.Of(begin, end), WorkOf(graph, begin, end),
                 std::to_string(begin) + " to " + std::to_string(end));
    }
  }
  ExpectSame(ranges.Of(0, ops), WorkOf(graph), "whole");
  ExpectSame(ranges.Of(0, ops / 2), WorkOf(graph, 0, ops / 2), "smaller than before");
}

INSTANTIATE_TEST_SUITE_P(Zoo, RangeWorksTest,
                         testing::Values("lenet", "inception-v1", "resnet-50", "densenet-121", "unet-mobilenet-v2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(RangeWorksWeightsTest, AWorksWeightIsSharedByItsOps) {
  const Model model = zoo::Structure("lenet", {});
  const RangeWorks ranges(model.graph());
  const std::vector<double> per_op = ranges.PerOp(std::vector<double>(ranges.whole().works.size(), 1.0));
  double sum = 0;
  for (const double weight : per_op) sum += weight;
  EXPECT_NEAR(sum, static_cast<double>(ranges.whole().works.size()), 1e-9);
}

}  // namespace
}  // namespace consort
