#include "quantize/prepare.h"

#include <gmock/gmock.h>

#include "quantize/test_support.h"

namespace consort {
namespace {

using test::GraphWriter;
using testing::ElementsAre;

// Parameters of a normalisation over `channels`, called after `name`.
void AddNorm(onnx::ModelProto& model, const std::string& name, int channels, const std::string& in,
             const std::string& out) {
  std::vector<float> scale, offset, mean, variance;
  for (int c = 0; c < channels; ++c) {
    const auto k = static_cast<float>(c);
    scale.push_back(0.5F + 0.3F * k);
    offset.push_back(0.2F - 0.1F * k);
    mean.push_back(0.05F * k - 0.1F);
    variance.push_back(0.3F + 0.2F * k);
  }
  test::AddFloats(model, name + "_s", {channels}, scale);
  test::AddFloats(model, name + "_o", {channels}, offset);
  test::AddFloats(model, name + "_m", {channels}, mean);
  test::AddFloats(model, name + "_v", {channels}, variance);
  GraphWriter(model.mutable_graph())
      .Node("BatchNormalization", {in, name + "_s", name + "_o", name + "_m", name + "_v"}, {out}, name);
}

// Both models on the same input, without the engine's own fusions; returns the prepared one.
PreparedModel PrepareAndCompare(const onnx::ModelProto& proto) {
  const Model model = test::Parse(proto);
  PreparedModel prepared = PrepareForQuantization(model);
  const auto sample = test::SeededSample(model.graph(), 7);
  const auto before = test::OnOnnxRuntime(Optimization::kBasic)(model)(sample);
  const auto after = test::OnOnnxRuntime(Optimization::kBasic)(prepared.model)(sample);
  EXPECT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    const Comparison comparison = Compare(after[i].tensor, before[i].tensor);
    EXPECT_GT(comparison.max_reference, 0.01);
    EXPECT_TRUE(comparison.Within(1e-5)) << comparison.relative();
  }
  return prepared;
}

std::vector<std::string> Types(const PreparedModel& prepared) { return test::TypesOf(prepared.model.rep().proto); }

TEST(Prepare, FoldsANormBehindConv) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4", "6", "6"}).Output("y", {"1", "6", "4", "4"}).Weight("w", {6, 2, 3, 3});
  test::AddInt(graph.Node("Conv", {"x", "w"}, {"c"}, "conv"), "group", 2);
  AddNorm(model, "norm", 6, "c", "n");
  graph.Node("Relu", {"n"}, {"y"}, "relu");
  const PreparedModel prepared = PrepareAndCompare(model);
  EXPECT_THAT(Types(prepared), ElementsAre("Conv", "Relu"));
  EXPECT_EQ(prepared.made.folded_norms, 1);
  EXPECT_EQ(prepared.model.graph().op(0).name, "conv");
  EXPECT_EQ(prepared.model.graph().tensor(prepared.model.graph().op(0).outputs[0]).name, "n");
}

TEST(Prepare, FoldsANormBehindConvTransposeWithGroups) {
  for (const int groups : {1, 2}) {
    onnx::ModelProto model = test::EmptyModel("m");
    GraphWriter graph(model.mutable_graph());
    graph.Input("x", {"1", "4", "5", "5"}).Output("y", {"1", std::to_string(3 * groups), "7", "7"});
    graph.Weight("w", {4, 3, 3, 3}).Weight("b", {3 * groups});
    test::AddInt(graph.Node("ConvTranspose", {"x", "w", "b"}, {"c"}, "conv"), "group", groups);
    AddNorm(model, "norm", 3 * groups, "c", "y");
    EXPECT_THAT(Types(PrepareAndCompare(model)), ElementsAre("ConvTranspose"));
  }
}

TEST(Prepare, FoldsANormBehindGemm) {
  for (const int transposed : {0, 1}) {
    onnx::ModelProto model = test::EmptyModel("m");
    GraphWriter graph(model.mutable_graph());
    graph.Input("x", {"2", "5"}).Output("y", {"2", "3"});
    graph.Weight("w", transposed ? std::vector<int64_t>{3, 5} : std::vector<int64_t>{5, 3}).Weight("b", {1, 3});
    onnx::NodeProto& gemm = graph.Node("Gemm", {"x", "w", "b"}, {"c"}, "gemm");
    test::AddInt(gemm, "transB", transposed);
    for (const auto& [name, value] : {std::pair{"alpha", 2.0F}, std::pair{"beta", 0.5F}}) {
      auto& attribute = *gemm.add_attribute();
      attribute.set_name(name);
      attribute.set_type(onnx::AttributeProto::FLOAT);
      attribute.set_f(value);
    }
    AddNorm(model, "norm", 3, "c", "y");
    EXPECT_THAT(Types(PrepareAndCompare(model)), ElementsAre("Gemm"));
  }
}

TEST(Prepare, ANormBehindAnythingElseBecomesADepthwiseConv) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4", "6", "6"}).Output("y", {"1", "4", "6", "6"});
  AddNorm(model, "norm", 4, "x", "n");
  graph.Node("Relu", {"n"}, {"y"}, "relu");
  const PreparedModel prepared = PrepareAndCompare(model);
  EXPECT_THAT(Types(prepared), ElementsAre("Conv", "Relu"));
  EXPECT_EQ(prepared.made.norms_as_convolution, 1);
}

TEST(Prepare, LeavesANormAloneWhoseInputOthersRead) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "6", "6"}).Output("y", {"1", "4", "6", "6"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  AddNorm(model, "norm", 4, "c", "n");
  graph.Node("Add", {"n", "c"}, {"y"}, "add");
  const PreparedModel prepared = PrepareAndCompare(model);
  EXPECT_EQ(prepared.made.folded_norms, 0);
}

TEST(Prepare, SharedWeightsAreFoldedForOneLayerOnly) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "6", "6"}).Output("y", {"1", "4", "6", "6"}).Output("z", {"1", "4", "6", "6"});
  graph.Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  AddNorm(model, "norm", 4, "c", "y");
  graph.Node("Conv", {"x", "w"}, {"z"}, "plain");
  EXPECT_THAT(Types(PrepareAndCompare(model)), ElementsAre("Conv", "Conv"));
}

TEST(Prepare, MatMulAndAConstantBecomeGemm) {
  for (const bool constant_first : {false, true}) {
    onnx::ModelProto model = test::EmptyModel("m");
    GraphWriter graph(model.mutable_graph());
    graph.Input("x", {"2", "5"}).Output("y", {"2", "3"}).Weight("w", {5, 3}).Weight("b", {3});
    graph.Node("MatMul", {"x", "w"}, {"p"}, "product");
    graph.Node("Add", constant_first ? std::vector<std::string>{"b", "p"} : std::vector<std::string>{"p", "b"}, {"y"});
    const PreparedModel prepared = PrepareAndCompare(model);
    EXPECT_THAT(Types(prepared), ElementsAre("Gemm"));
    EXPECT_EQ(prepared.made.folded_biases, 1);
  }
}

TEST(Prepare, AddsThatAreNoBiasStay) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"2", "4", "5"}).Output("y", {"2", "4", "3"}).Weight("w", {5, 3}).Weight("b", {3});
  graph.Node("MatMul", {"x", "w"}, {"p"}, "product");
  graph.Node("Add", {"p", "b"}, {"y"}, "rank 3");
  EXPECT_THAT(Types(PrepareAndCompare(model)), ElementsAre("MatMul", "Add"));
}

TEST(Prepare, AConvTakesAnAddedConstantAsBias) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "6", "6"}).Output("y", {"1", "4", "6", "6"}).Weight("w", {4, 3, 1, 1});
  graph.Weight("b", {1, 4, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  graph.Node("Add", {"c", "b"}, {"y"}, "add");
  EXPECT_THAT(Types(PrepareAndCompare(model)), ElementsAre("Conv"));
}

TEST(Prepare, AConvTransposeTakesAnAddedConstantAsBias) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4", "5", "5"}).Output("y", {"1", "6", "7", "7"}).Weight("w", {4, 3, 3, 3});
  graph.Weight("b", {6, 1, 1});
  test::AddInt(graph.Node("ConvTranspose", {"x", "w"}, {"c"}, "conv"), "group", 2);
  graph.Node("Add", {"c", "b"}, {"y"}, "add");
  EXPECT_THAT(Types(PrepareAndCompare(model)), ElementsAre("ConvTranspose"));
}

TEST(Prepare, ATransposedConstantIsAConstant) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"2", "5"}).Input("i", {"2"}, onnx::TensorProto::INT64).Output("y", {"2", "3"});
  graph.Output("e", {"2", "5"}).Output("z", {"2", "1", "1", "5"}).Weight("table", {3, 5}).Weight("w", {1, 5, 2, 1});
  graph.Node("Gather", {"table", "i"}, {"e"}, "embedding");
  graph.Node("Transpose", {"table"}, {"t"}, "turned");
  graph.Node("MatMul", {"x", "t"}, {"y"}, "product");
  test::AddInts(graph.Node("Transpose", {"w"}, {"u"}, "moved"), "perm", {2, 0, 3, 1});
  graph.Node("Neg", {"u"}, {"z"}, "negated");
  const PreparedModel prepared = PrepareAndCompare(model);
  EXPECT_THAT(Types(prepared), ElementsAre("Gather", "MatMul", "Neg"));
  EXPECT_EQ(prepared.made.folded_transposes, 2);
}

TEST(Prepare, DropsIdentityAndDropout) {
  onnx::ModelProto model = test::EmptyModel("m");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  graph.Node("Identity", {"x"}, {"a"});
  graph.Node("Relu", {"a"}, {"b"}, "relu");
  graph.Node("Dropout", {"b"}, {"c"});
  graph.Node("Identity", {"c"}, {"y"});
  const PreparedModel prepared = PrepareAndCompare(model);
  EXPECT_THAT(Types(prepared), ElementsAre("Relu"));
  EXPECT_EQ(prepared.made.dropped, 3);
}

TEST(Prepare, AnIdentityBetweenInputAndOutputStays) {
  EXPECT_THAT(Types(PrepareForQuantization(test::Parse(test::IdentityModel()))), ElementsAre("Identity"));
}

TEST(Prepare, RaisesTheOpset) {
  onnx::ModelProto model = test::EmptyModel("m", 9, 4);
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "3", "6", "6"}).Output("y", {"1", "4", "6", "6"}).Weight("w", {4, 3, 1, 1});
  graph.Node("Conv", {"x", "w"}, {"c"}, "conv");
  AddNorm(model, "norm", 4, "c", "y");
  const PreparedModel prepared = PrepareAndCompare(model);
  EXPECT_EQ(prepared.made.opset_before, 9);
  EXPECT_EQ(prepared.model.graph().opsets().at(""), 13);
  EXPECT_EQ(prepared.made.folded_norms, 1);
}

}  // namespace
}  // namespace consort
