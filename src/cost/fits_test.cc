#include "cost/fits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

PlatformDevice Chip() {
  PlatformDevice device{.name = "chip", .precisions = {Precision::kFp16, Precision::kFp32}};
  device.missing_ops = {"Neg", "Softmax"};
  return device;
}

// x + w → Softmax → y, where the weight w comes of a Neg that folds.
Model Softmax() {
  onnx::ModelProto proto = test::EmptyModel("softmax");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "8"}).Output("y", {"1", "8"}).Weight("w", {1, 8});
  graph.Node("Neg", {"w"}, {"folded"}, "constant");
  graph.Node("Add", {"x", "folded"}, {"a"}, "add");
  graph.Node("Softmax", {"a"}, {"y"}, "last");
  return Model::Parse(test::AsBytes(test::Bytes(proto)), "softmax.onnx");
}

TEST(Fits, PrecisionIsTheDevicesFirstUnlessAsked) {
  EXPECT_EQ(PrecisionOn(Chip(), std::nullopt), Precision::kFp16);
  EXPECT_EQ(PrecisionOn(Chip(), Precision::kInt8), Precision::kInt8);
  EXPECT_EQ(PrecisionOn({}, std::nullopt), Precision::kFp32);
}

TEST(Fits, MissingOpsAreNamedButForConstants) {
  const Model model = Softmax();
  try {
    RequireOps(Chip(), "'chip'", model.graph());
    ADD_FAILURE() << "Softmax is missing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'chip' has no Softmax ('last');"), HasSubstr("missing_ops")));
  }
  PlatformDevice device = Chip();
  device.missing_ops = {"Neg"};
  EXPECT_NO_THROW(RequireOps(device, "'chip'", model.graph()));
}

TEST(Fits, OnlyTheOpsAskedForCount) {
  const Model model = Softmax();
  EXPECT_NO_THROW(RequireOps(Chip(), "'chip'", model.graph(), 0, 2));
  EXPECT_THAT([&] { RequireOps(Chip(), "'chip'", model.graph(), 2, 3); }, ThrowsMessage<Error>(HasSubstr("Softmax")));
}

TEST(Fits, WeightsCountAtThePrecision) {
  PlatformDevice device = Chip();
  WorkList works;
  works.parameters = 1000;
  EXPECT_NO_THROW(RequireMemory(device, "'chip'", works, Precision::kFp32)) << "not limited";
  device.memory.value = 2000;
  EXPECT_NO_THROW(RequireMemory(device, "'chip'", works, Precision::kFp16));
  try {
    RequireMemory(device, "'chip'", works, Precision::kFp32);
    ADD_FAILURE() << "4000 B fit into 2000";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'chip'"), HasSubstr("3.9 KiB in fp32")));
  }
}

}  // namespace
}  // namespace consort
