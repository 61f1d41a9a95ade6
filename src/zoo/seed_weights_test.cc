#include "zoo/seed_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "consort/error.h"
#include "consort/model.h"
#include "model/model_rep.h"
#include "model/test_models.h"
#include "zoo/constants.h"
#include "zoo/layers.h"

namespace consort::zoo {
namespace {

namespace fs = std::filesystem;
using test::GraphWriter;

onnx::ModelProto FromBytes(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

Model Parse(const onnx::ModelProto& proto) {
  const std::string bytes = proto.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), "model");
}

std::vector<double> ValuesOf(const onnx::ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return NumbersOf(tensor);
  }
  return {};
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double Deviation(const std::vector<double>& values) {
  const double mean = Mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(SeedWeights, GivesTestModelsOtherValuesAndLeavesThemValid) {
  for (const std::string& bytes : {test::ConvReluModel(), test::MatMulModel(4, 8, 6), test::ChainModel(6),
                                   test::SkipModel(), test::DynamicBatchModel()}) {
    onnx::ModelProto model = FromBytes(bytes);
    const SeedReport report = SeedWeights(model, 1);
    EXPECT_GT(report.tensors, 0) << model.graph().name();
    EXPECT_NE(model.SerializeAsString(), bytes) << model.graph().name();
    Parse(model);
  }
}

TEST(SeedWeights, FindsNothingInModelsWithoutWeights) {
  for (const std::string& bytes : {test::IdentityModel(), test::TwoInputModel(), test::LoopModel()}) {
    onnx::ModelProto model = FromBytes(bytes);
    EXPECT_EQ(SeedWeights(model, 1).tensors, 0);
    EXPECT_EQ(model.SerializeAsString(), bytes);
  }
}

TEST(SeedWeights, ValuesFollowFromSeedAndNameAlone) {
  onnx::ModelProto alone = FromBytes(test::ConvReluModel());
  SeedWeights(alone, 5);
  onnx::ModelProto more = FromBytes(test::ConvReluModel());
  GraphWriter graph(more.mutable_graph());
  graph.Weight("another", {1, 3, 1, 1}).Output("z", {"1", "3", "8", "8"});
  graph.Node("Add", {"x", "another"}, {"z"}, "add");
  more.mutable_graph()->mutable_initializer()->SwapElements(0, 2);
  SeedWeights(more, 5);
  EXPECT_EQ(ValuesOf(alone, "b"), ValuesOf(more, "b"));
  onnx::ModelProto other = FromBytes(test::ConvReluModel());
  SeedWeights(other, 6);
  EXPECT_NE(ValuesOf(alone, "w"), ValuesOf(other, "w"));
}

TEST(SeedWeights, SeedingTwiceIsSeedingOnce) {
  onnx::ModelProto model = FromBytes(test::ConvReluModel());
  SeedWeights(model, 5);
  const std::string once = model.SerializeAsString();
  SeedWeights(model, 5);
  EXPECT_EQ(model.SerializeAsString(), once);
}

TEST(SeedWeights, KeepsWhatIsNoWeight) {
  onnx::ModelProto model = test::EmptyModel("kept");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"2", "2"}).Weight("w", {4, 4}).Int64("shape", {2, 2}).Weight("scale", {1});
  auto* mask = model.mutable_graph()->add_initializer();
  mask->set_name("mask");
  mask->set_data_type(onnx::TensorProto::FLOAT);
  mask->add_dims(4);
  for (const float value : {0.0F, 0.0F, -10000.0F, 0.0F}) mask->add_float_data(value);
  graph.Node("MatMul", {"x", "w"}, {"a"}, "matmul");
  graph.Node("Mul", {"a", "scale"}, {"b"}, "scaled");
  graph.Node("Add", {"b", "mask"}, {"c"}, "masked");
  graph.Node("Reshape", {"c", "shape"}, {"y"}, "reshape");
  const onnx::ModelProto before = model;
  EXPECT_EQ(SeedWeights(model, 1).tensors, 1);
  for (const char* name : {"shape", "scale", "mask"}) EXPECT_EQ(ValuesOf(model, name), ValuesOf(before, name)) << name;
  EXPECT_NE(ValuesOf(model, "w"), ValuesOf(before, "w"));
}

TEST(SeedWeights, ConstantsOfAShapeAreWeightsOnlyWhereALayerReadsThem) {
  onnx::ModelProto model = test::EmptyModel("expanded");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "9"}).Int64("w_shape", {4, 6}).Int64("tail_shape", {1, 3});
  graph.Node("ConstantOfShape", {"w_shape"}, {"w"}, "make_w");
  graph.Node("ConstantOfShape", {"tail_shape"}, {"tail"}, "make_tail");
  graph.Node("MatMul", {"x", "w"}, {"a"}, "matmul");
  test::AddInt(graph.Node("Concat", {"a", "tail"}, {"y"}, "concat"), "axis", 1);
  EXPECT_EQ(SeedWeights(model, 1).tensors, 1);
  EXPECT_GT(Deviation(ValuesOf(model, "w")), 0.1);
  EXPECT_EQ(model.graph().initializer_size(), 2);  // w and the shape of the other
  EXPECT_EQ(model.graph().node(0).op_type(), "ConstantOfShape");
  EXPECT_EQ(model.graph().node(0).output(0), "tail");
  Parse(model);
}

// The then-branch of test::IfModel().
onnx::GraphProto& ThenBranch(onnx::ModelProto& model) {
  return *model.mutable_graph()->mutable_node(1)->mutable_attribute(0)->mutable_g();
}

TEST(SeedWeights, MainWeightsTakeRolesFromReadersInBodies) {
  onnx::ModelProto model = FromBytes(test::IfModel());
  const onnx::ModelProto before = model;
  const SeedReport report = SeedWeights(model, 1);
  EXPECT_EQ(report.tensors, 1);  // "two" is of one element
  EXPECT_EQ(report.elements, 4);
  EXPECT_NE(ValuesOf(model, "w"), ValuesOf(before, "w"));
  EXPECT_EQ(ValuesOf(model, "two"), ValuesOf(before, "two"));
  Parse(model);
}

// An initializer and a Constant node of a body, multiplied with what the main graph made.
onnx::ModelProto ModelWithBodyWeights() {
  onnx::ModelProto model = FromBytes(test::IfModel());
  onnx::GraphProto& branch = ThenBranch(model);
  GraphWriter body(&branch);
  body.Weight("inner", {4, 64});
  onnx::NodeProto& constant = body.Node("Constant", {}, {"outer"}, "constant");
  auto* value = constant.add_attribute();
  value->set_name("value");
  value->set_type(onnx::AttributeProto::TENSOR);
  GraphWriter stored(model.mutable_graph());
  stored.Weight("spare", {64, 4});
  *value->mutable_t() = model.graph().initializer(model.graph().initializer_size() - 1);
  model.mutable_graph()->mutable_initializer()->RemoveLast();
  body.Node("MatMul", {"a", "inner"}, {"wide"}, "widen");
  body.Node("MatMul", {"wide", "outer"}, {"narrow"}, "shrink");
  branch.mutable_output(0)->set_name("narrow");
  return model;
}

TEST(SeedWeights, WeightsOfBodiesAreDrawnByTheirInputs) {
  onnx::ModelProto model = ModelWithBodyWeights();
  Parse(model);
  const SeedReport report = SeedWeights(model, 1);
  EXPECT_EQ(report.tensors, 3);
  EXPECT_EQ(report.elements, 4 + 256 + 256);
  const onnx::GraphProto& branch = ThenBranch(model);
  EXPECT_NEAR(Deviation(NumbersOf(branch.initializer(0))), 1 / std::sqrt(4.0), 0.1);
  EXPECT_NEAR(Deviation(NumbersOf(branch.node(1).attribute(0).t())), 1 / std::sqrt(64.0), 0.02);
  Parse(model);
}

TEST(SeedWeights, BranchesWithTheSameNamesGetDifferentValues) {
  onnx::ModelProto model = FromBytes(test::IfModel());
  auto* node = model.mutable_graph()->mutable_node(1);
  for (int branch : {0, 1}) {
    onnx::GraphProto* graph = node->mutable_attribute(branch)->mutable_g();
    GraphWriter body(graph);
    body.Weight("inner", {4, 4});
    body.Node("MatMul", {"a", "inner"}, {"product"}, "product");
    graph->mutable_output(0)->set_name("product");
  }
  EXPECT_EQ(SeedWeights(model, 1).tensors, 3);
  const onnx::NodeProto& seeded = model.graph().node(1);
  EXPECT_NE(NumbersOf(seeded.attribute(0).g().initializer(0)), NumbersOf(seeded.attribute(1).g().initializer(0)));
}

// A body's input hides a weight of that name.
TEST(SeedWeights, InputsOfBodiesAreNoWeights) {
  onnx::ModelProto model = FromBytes(test::LoopModel());
  GraphWriter(model.mutable_graph()).Weight("sum_in", {1, 4});
  EXPECT_EQ(SeedWeights(model, 1).tensors, 0);
}

// Slices and concatenations stand between the weights and the layer that reads them, as exporters write reordered
// gates.
TEST(SeedWeights, PartsOfWeightsLeadToTheirReader) {
  onnx::ModelProto model = test::EmptyModel("parts");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "6"}).Weight("w", {8, 4}).Weight("v", {8, 2});
  graph.Int64("begin", {0}).Int64("end", {4}).Int64("axis", {1});
  graph.Node("Slice", {"w", "begin", "end", "axis"}, {"part"}, "slice");
  test::AddInt(graph.Node("Concat", {"part", "v"}, {"whole"}, "concat"), "axis", 1);
  graph.Node("MatMul", {"x", "whole"}, {"y"}, "matmul");
  EXPECT_EQ(SeedWeights(model, 1).tensors, 2);
  for (const char* name : {"w", "v"}) EXPECT_GT(Deviation(ValuesOf(model, name)), 0.15) << name;
  Parse(model);
}

TEST(SeedWeights, WeightsThatNoFileHoldsAreRefused) {
  onnx::ModelProto model = test::EmptyModel("large");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "40000"}).Output("y", {"1", "40000"}).Int64("shape", {40000, 40000});
  graph.Node("ConstantOfShape", {"shape"}, {"w"}, "make_w");
  graph.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  try {
    SeedWeights(model, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("2 GiB"));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("make the network smaller")));
  }
}

// One product, then so many nodes that hand it on: nothing follows them by calling itself.
TEST(SeedWeights, LongChainsAreFollowed) {
  onnx::ModelProto model = FromBytes(test::MatMulModel(1, 8, 8));
  constexpr int kNodes = 60'000;
  GraphWriter graph(model.mutable_graph());
  model.mutable_graph()->mutable_node(0)->set_output(0, "t0");
  for (int i = 0; i < kNodes; ++i) {
    graph.Node("Identity", {"t" + std::to_string(i)}, {i + 1 == kNodes ? "y" : "t" + std::to_string(i + 1)});
  }
  EXPECT_EQ(SeedWeights(model, 1).tensors, 1);
}

TEST(SeedWeights, SixteenBitsAreTheRoundedThirtyTwo) {
  onnx::ModelProto whole = FromBytes(test::MatMulModel(1, 40, 30));
  SeedWeights(whole, 1);
  const std::vector<double> wanted = ValuesOf(whole, "w");
  for (const auto type : {onnx::TensorProto::FLOAT16, onnx::TensorProto::BFLOAT16}) {
    onnx::ModelProto model = FromBytes(test::MatMulModel(1, 40, 30));
    onnx::GraphProto& graph = *model.mutable_graph();
    graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    graph.mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    onnx::TensorProto& tensor = *graph.mutable_initializer(0);
    DropValues(tensor);
    tensor.set_data_type(type);
    tensor.mutable_int32_data()->Resize(1200, 0x3C00);
    ASSERT_EQ(SeedWeights(model, 1).elements, 1200);
    const std::vector<double> values = ValuesOf(model, "w");
    ASSERT_EQ(values.size(), wanted.size());
    const double step = type == onnx::TensorProto::FLOAT16 ? 0x1p-11 : 0x1p-8;
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], wanted[i], step * std::abs(wanted[i]) + 1e-7);
    Parse(model);
  }
}

TEST(SeedWeights, InitialStatesKeepTheirValues) {
  onnx::ModelProto model = test::EmptyModel("recurrent");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"5", "1", "3"}).Output("y", {"5", "1", "1", "4"});
  graph.Weight("w", {1, 16, 3}).Weight("r", {1, 16, 4}).Weight("b", {1, 32}).Weight("p", {1, 12});
  graph.Weight("h", {1, 1, 4}).Weight("c", {1, 1, 4});
  test::AddInt(graph.Node("LSTM", {"x", "w", "r", "b", "", "h", "c", "p"}, {"y"}, "lstm"), "hidden_size", 4);
  const onnx::ModelProto before = model;
  EXPECT_EQ(SeedWeights(model, 1).tensors, 4);
  for (const char* name : {"h", "c"}) EXPECT_EQ(ValuesOf(model, name), ValuesOf(before, name)) << name;
  for (const char* name : {"w", "r", "b", "p"}) EXPECT_NE(ValuesOf(model, name), ValuesOf(before, name)) << name;
}

// A vector has no filters: its mean stays.
TEST(SeedWeights, VectorsMayStandOnEitherSideOfAProduct) {
  for (const bool left : {true, false}) {
    onnx::ModelProto model = test::EmptyModel("vector");
    GraphWriter graph(model.mutable_graph());
    graph.Input("x", {"64", "64"}).Output("y", {"64"}).Weight("w", {64});
    graph.Node("MatMul", left ? std::vector<std::string>{"w", "x"} : std::vector<std::string>{"x", "w"}, {"y"}, "dot");
    EXPECT_EQ(SeedWeights(model, 1).tensors, 1);
    EXPECT_GT(Deviation(ValuesOf(model, "w")), 0.1);
  }
}

TEST(SeedWeights, ReportsWhatIsKeptAndWhy) {
  onnx::ModelProto model = test::EmptyModel("kept");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "7"}).Weight("w", {4, 4}).Weight("tail", {1, 3}).Int64("unread", {2});
  graph.Node("MatMul", {"x", "w"}, {"a"}, "matmul");
  test::AddInt(graph.Node("Concat", {"a", "tail"}, {"y"}, "concat"), "axis", 1);
  const SeedReport report = SeedWeights(model, 1);
  ASSERT_EQ(report.kept.size(), 2U);
  EXPECT_EQ(report.kept[0].elements, 3);
  EXPECT_THAT(report.kept[0].reason, testing::HasSubstr("no operator reads as weights"));
  EXPECT_EQ(report.kept[1].tensors, 1);
  EXPECT_THAT(report.kept[1].reason, testing::HasSubstr("shapes"));
}

// Of a dense layer of few units the weights have the mean square that is wanted, exactly but for the factor's rounding,
// and no filter has a negative sum.
TEST(SeedWeights, NarrowLayersAreNotLeftToChance) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    LayerWriter net("narrow");
    const Value hidden = net.Relu(net.Dense(net.Input("x", {1, 4}), 2));
    net.Output("y", net.Dense(hidden, 2));
    onnx::ModelProto model = std::move(net).Finish();
    SeedWeights(model, seed);
    const std::vector<double> weights = ValuesOf(model, model.graph().node(0).input(1));
    ASSERT_EQ(weights.size(), 8U);
    double squares = 0;
    double sums[2] = {0, 0};
    const bool transposed = model.graph().initializer(0).dims(0) == 2;
    for (size_t i = 0; i < 8; ++i) {
      squares += weights[i] * weights[i];
      sums[transposed ? i / 4 : i % 2] += weights[i];
    }
    EXPECT_NEAR(squares / 8, 1 / (4.0 / 3), 0.001) << seed;
    EXPECT_GE(sums[0], 0) << seed;
    EXPECT_GE(sums[1], 0) << seed;
  }
}

// The output of a dense layer behind inputs uniform in [0, 1): n · s² · (1/3 - 0.75 / 4) = 4, the variance of logits.
TEST(SeedWeights, DeviationFollowsFromTheInputs) {
  onnx::ModelProto model = FromBytes(test::MatMulModel(1, 400, 300));
  SeedWeights(model, 1);
  EXPECT_NEAR(Deviation(ValuesOf(model, "w")), 2 / std::sqrt(400 * (1.0 / 3 - 0.75 / 4)), 0.003);
}

TEST(SeedWeights, FiltersLoseHalfTheirMean) {
  LayerWriter net("centred");
  net.Output("y", net.Conv(net.Input("x", {1, 64, 9, 9}), 256, Square(3)));
  onnx::ModelProto model = std::move(net).Finish();
  SeedWeights(model, 1);
  const std::vector<double> weights = ValuesOf(model, "Conv_1/weight");
  std::vector<double> means;
  for (size_t filter = 0; filter < 256; ++filter) {
    means.push_back(Mean({weights.begin() + filter * 576, weights.begin() + (filter + 1) * 576}));
  }
  EXPECT_NEAR(Deviation(means) * std::sqrt(576) / Deviation(weights), 0.5, 0.07);
}

TEST(SeedWeights, BatchNormsAreOfUnitOrder) {
  LayerWriter net("norm");
  net.Output("y", net.Relu(net.BatchNorm(net.Conv(net.Input("x", {1, 3, 8, 8}), 64, Square(3)))));
  onnx::ModelProto model = std::move(net).Finish();
  SeedWeights(model, 1);
  const std::string norm = "BatchNormalization_1/";
  const std::vector<double> variance = ValuesOf(model, norm + "variance");
  EXPECT_GT(*std::min_element(variance.begin(), variance.end()), 0.7);
  EXPECT_LT(*std::max_element(variance.begin(), variance.end()), 1.3);
  EXPECT_LT(Deviation(ValuesOf(model, norm + "mean")), 0.1);
}

std::vector<fs::path> LightModels() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(CONSORT_DEPS_DIR) / "venv" / "lib")) {
    const fs::path folder = entry.path() / "site-packages" / "onnx" / "backend" / "test" / "data" / "light";
    if (!fs::exists(folder)) continue;
    for (const auto& file : fs::directory_iterator(folder)) {
      if (file.path().extension() == ".onnx" && file.file_size() > 1000) files.push_back(file.path());
    }
  }
  return files;
}

TEST(SeedWeights, LightModelsGetInitializers) {
  int checked = 0;
  for (const fs::path& path : LightModels()) {
    const Model before = Model::Load(path);
    if (before.graph().totals().parameters > 70'000'000) continue;
    onnx::ModelProto proto = before.rep().proto;
    SeedWeights(proto, 1);
    for (const auto& node : proto.graph().node()) EXPECT_NE(node.op_type(), "ConstantOfShape") << path;
    const Model after = Parse(proto);
    EXPECT_EQ(after.graph().totals().macs, before.graph().totals().macs) << path;
    EXPECT_EQ(after.graph().totals().parameters, before.graph().totals().parameters) << path;
    EXPECT_EQ(after.graph().inputs().size(), before.graph().inputs().size()) << path;
    ++checked;
  }
  EXPECT_GE(checked, 6);
}

}  // namespace
}  // namespace consort::zoo
