#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/inspect_report.h"
#include "model/test_models.h"

namespace consort {
namespace {

using nlohmann::json;
using test::Parse;
using ::testing::HasSubstr;
using ::testing::Not;

json Report(const Model& model, int max_crossing = 1) {
  return json::parse(InspectJson(model, {.max_crossing = max_crossing}));
}

TEST(InspectTables, ShowTotalsPortsOperatorsAndCuts) {
  const std::string text = InspectTables(Parse(test::ConvReluModel()), {});
  EXPECT_THAT(text, HasSubstr("model     test.onnx\nformat    IR 8, ai.onnx 17\nproducer  consort-tests\n"));
  EXPECT_THAT(text, HasSubstr("MACs         6.912 k\nparameters   112 (448 B)\nactivations  2.0 KiB\n"));
  EXPECT_THAT(text, HasSubstr("x      float32  1x3x8x8\n"));
  EXPECT_THAT(text, HasSubstr("Conv          1  6.912 k  100.0 %    448 B\n"));
  EXPECT_THAT(text, HasSubstr("Cuts crossed by at most one tensor: 1\n"));
  EXPECT_THAT(text, HasSubstr("  1  conv   conv_out  1.0 KiB      100.0 %\n"));
  EXPECT_THAT(text, Not(HasSubstr("layer")));
}

TEST(InspectTables, ListLayersOnRequest) {
  const std::string text = InspectTables(Parse(test::ConvReluModel()), {.layers = true});
  EXPECT_THAT(text, HasSubstr("0  conv   Conv      1x4x8x8  6.912 k    448 B\n"));
}

TEST(InspectTables, MarkLowerBounds) {
  const std::string open = InspectTables(Parse(test::DynamicBatchModel()), {});
  EXPECT_THAT(open, HasSubstr("batchx8"));
  EXPECT_THAT(open, HasSubstr("MACs         ≥ 0\n"));
  EXPECT_THAT(open, HasSubstr("see --shape, --dim"));
  const std::string bound = InspectTables(Parse(test::DynamicBatchModel(), {.dims = {{"batch", 4}}}), {});
  EXPECT_THAT(bound, HasSubstr("MACs         128\n"));
  EXPECT_THAT(bound, Not(HasSubstr("≥")));
}

TEST(InspectTables, LimitTheListOfCuts) {
  const Model model = Parse(test::ChainModel(40));
  EXPECT_THAT(InspectTables(model, {.listed_cuts = 5}), HasSubstr("one tensor: 39; the 5 with the fewest bytes"));
  EXPECT_THAT(InspectTables(model, {.listed_cuts = 0}), Not(HasSubstr("after")));
  EXPECT_THAT(InspectTables(Parse(test::SkipModel()), {.max_crossing = 2}), HasSubstr("a_out +1"));
  EXPECT_THAT(InspectTables(Parse(test::IdentityModel()), {}), HasSubstr("No cut is crossed"));
}

// Names come from the file: long ones are shortened, control characters do not reach the terminal.
TEST(InspectTables, FitATerminal) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::ConvReluModel());
  const std::string name = "\x1b[31m" + std::string(300, 'n') + "é";
  proto.mutable_graph()->mutable_node(0)->set_name(name);
  proto.mutable_graph()->mutable_node(0)->set_output(0, name);
  proto.mutable_graph()->mutable_node(1)->set_input(0, name);
  const std::string text = InspectTables(Parse(test::Bytes(proto)), {.layers = true});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  for (const std::string& line : Split(text, '\n')) EXPECT_LE(line.size(), 90u) << line;
}

TEST(InspectJson, HoldsEverything) {
  const json report = Report(Parse(test::ConvReluModel()));
  EXPECT_EQ(report["model"], "test.onnx");
  EXPECT_EQ(report["opsets"], json({{"ai.onnx", 17}}));
  EXPECT_EQ(report["inputs"],
            json::parse(R"([{"name": "x", "dtype": "float32", "shape": [1, 3, 8, 8], "bytes": 768}])"));
  EXPECT_EQ(report["totals"]["macs"], 6912);
  EXPECT_EQ(report["totals"]["known"], true);
  EXPECT_EQ(report["operators"][0]["type"], "Conv");
  EXPECT_EQ(report["operators"][0]["share"], 1.0);
  ASSERT_EQ(report["layers"].size(), 2u);
  EXPECT_EQ(report["layers"][0]["inputs"], json({"x", "w", "b"}));
  EXPECT_EQ(report["layers"][0]["outputs"][0]["bytes"], 1024);
  EXPECT_EQ(report["cuts"],
            json::parse(
                R"([{"position": 1, "after": "conv", "crossing": ["conv_out"], "bytes": 1024, "macs_before": 6912}])"));
}

TEST(InspectJson, UnknownIsNull) {
  const json report = Report(Parse(test::DynamicBatchModel()));
  EXPECT_EQ(report["inputs"][0]["shape"], json({"batch", 8}));
  EXPECT_TRUE(report["inputs"][0]["bytes"].is_null());
  EXPECT_TRUE(report["cuts"][0]["bytes"].is_null());
  EXPECT_TRUE(Report(Parse(test::CustomOpModel()))["layers"][1]["outputs"][0]["shape"].is_null());
}

TEST(InspectJson, BodiesAndCapturesAreShown) {
  const json report = Report(Parse(test::IfModel()));
  EXPECT_EQ(report["totals"]["body_ops"], 3);
  EXPECT_EQ(report["layers"][1]["captures"], json({"a", "w", "two", "x"}));
}

TEST(InspectJson, TakesNamesOfAnyBytes) {
  onnx::ModelProto proto;
  proto.ParseFromString(test::ConvReluModel());
  proto.mutable_graph()->mutable_node(0)->set_name("\xff\xfe");
  std::string bytes = test::Bytes(proto);
  EXPECT_NO_THROW(Report(Parse(bytes)));
}

}  // namespace
}  // namespace consort
