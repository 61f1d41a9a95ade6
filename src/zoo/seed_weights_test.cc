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

TEST(SeedWeights, FindsNothingInModelsWithoutWeightsOrWithWeightsInBodies) {
  for (const std::string& bytes : {test::IdentityModel(), test::TwoInputModel(), test::LoopModel(), test::IfModel()}) {
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
  EXPECT_EQ(ValuesOf(model, "tail"), std::vector<double>(3, 0.0));
  EXPECT_EQ(model.graph().initializer_size(), 2);
  Parse(model);
}

TEST(SeedWeights, BodiesOfControlFlowKeepTheirs) {
  onnx::ModelProto model = FromBytes(test::IfModel());
  onnx::NodeProto* branch = model.mutable_graph()->mutable_node(1);
  GraphWriter body(branch->mutable_attribute(0)->mutable_g());
  body.Weight("inner", {4, 4});
  const std::string before = branch->SerializeAsString();
  SeedWeights(model, 1);
  EXPECT_EQ(model.graph().node(1).SerializeAsString(), before);
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
