#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "backends/null/null_backend.h"
#include "backends/quantizing/quantizing_backend.h"
#include "consort/error.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// x → QuantizeLinear → DequantizeLinear → the op "relu" of ConvReluModel → y.
Model QuantizedForm() {
  onnx::ModelProto model = test::EmptyModel("quantized");
  test::GraphWriter writer(model.mutable_graph());
  writer.Input("x", {"1", "3", "8", "8"}).Output("y", {"1", "3", "8", "8"}).Weight("scale", {1});
  onnx::TensorProto& zero = *model.mutable_graph()->add_initializer();
  zero.set_name("zero");
  zero.set_data_type(onnx::TensorProto::INT8);
  zero.add_dims(1);
  zero.set_raw_data(std::string(1, '\0'));
  writer.Node("QuantizeLinear", {"x", "scale", "zero"}, {"x_quantized"}, "quantize");
  writer.Node("DequantizeLinear", {"x_quantized", "scale", "zero"}, {"x_dequantized"}, "dequantize");
  writer.Node("Relu", {"x_dequantized"}, {"y"}, "relu");
  return test::Parse(model);
}

// What the quantizer was asked for.
struct Asked {
  std::vector<Precision> precisions;
  std::shared_ptr<Device> Open(const std::string& target) {
    backend = MakeQuantizingBackend(MakeNullBackend(), [this](const Model&, Precision precision) {
      precisions.push_back(precision);
      return QuantizedForm();
    });
    Target parsed = Target::Parse(target);
    parsed.backend = "null";
    return backend->Open(parsed, {});
  }
  std::unique_ptr<Backend> backend;
};

TEST(Quantizing, FloatModelsForIntegerTargetsAreQuantizedAndToldByTheirOwnOps) {
  Asked asked;
  const auto executable = asked.Open("null/int8")->Compile(Artifact(test::Parse(test::ConvReluModel())), {});
  EXPECT_THAT(asked.precisions, ElementsAre(Precision::kInt8));
  const Placement& placement = executable->placement();
  ASSERT_EQ(placement.ops.size(), 2u);
  EXPECT_EQ(placement.ops[0].name, "conv");
  // No Conv is folded away: that this one is gone is no proof of where it ran.
  EXPECT_EQ(placement.ops[0].state, PlacementState::kUnknown);
  EXPECT_FALSE(StrictViolations(placement).empty());
  EXPECT_EQ(placement.ops[1].name, "relu");
  EXPECT_EQ(placement.ops[1].op, 1);
}

TEST(Quantizing, OtherPrecisionsAndQuantizedModelsPass) {
  Asked asked;
  const Artifact model(test::Parse(test::ConvReluModel()));
  for (const char* target : {"null", "null/fp32", "null/bf16"}) asked.Open(target)->Compile(model, {});
  const auto executable = asked.Open("null/uint8")->Compile(Artifact(QuantizedForm()), {});
  EXPECT_THAT(asked.precisions, IsEmpty());
  EXPECT_EQ(executable->placement().ops.size(), 3u);
}

TEST(Quantizing, AnEngineMayWantOtherActivationsForItsInt8) {
  std::vector<Precision> asked;
  const Quantizer quantizer = [&asked](const Model&, Precision precision) {
    asked.push_back(precision);
    return QuantizedForm();
  };
  const auto backend = MakeQuantizingBackend(MakeNullBackend(), quantizer, Precision::kUInt8);
  const auto device = backend->Open(Target::Parse("null@null/int8"), {});
  device->Compile(Artifact(test::Parse(test::ConvReluModel())), {});
  EXPECT_THAT(asked, ElementsAre(Precision::kUInt8));
  EXPECT_EQ(device->info().target.precision, Precision::kInt8);
}

TEST(Quantizing, OpensWhatTheInnerBackendOpens) {
  Asked asked;
  EXPECT_EQ(asked.Open("null/int8")->info().target.ToString(), "null@null/int8");
  EXPECT_THROW(asked.Open("null:7/int8"), Error);
}

}  // namespace
}  // namespace consort
