#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/null/null_backend.h"
#include "consort/error.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::shared_ptr<Device> OpenNull() { return MakeNullBackend()->Open(Target::Parse("null@null"), {}); }

// Input x[n,3], output y of the given dimensions and element type.
Artifact Shaped(const std::vector<std::string>& dims, int elem_type = onnx::TensorProto::FLOAT) {
  onnx::ModelProto model = test::EmptyModel("shaped");
  test::GraphWriter writer(model.mutable_graph());
  writer.Input("x", {"n", "3"}, elem_type).Output("y", dims, elem_type);
  writer.Node("Identity", {"x"}, {"y"});
  return Artifact(Model::Parse(test::AsBytes(test::Bytes(model)), "shaped.onnx"));
}

TEST(Null, OpenAxesComeFromTheInputOfTheSameName) {
  const auto executable = OpenNull()->Compile(Shaped({"n", "3"}), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  for (const int64_t size : {2, 5, 0}) {
    binding->SetInput(0, Buffer::Allocate({DataType::kFloat32, {size, 3}}));
    consort::Run(*executable, binding);
    EXPECT_EQ(binding->output(0).spec().shape, (Shape{size, 3}));
  }
}

TEST(Null, WritesZerosIntoTheCallersBuffer) {
  const auto executable = OpenNull()->Compile(Shaped({"n", "3"}), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Buffer::Allocate({DataType::kFloat32, {1, 3}}));
  float values[3] = {1, 2, 3};
  binding->SetOutput(0, Buffer::Borrow({DataType::kFloat32, {1, 3}}, values));
  consort::Run(*executable, binding);
  EXPECT_THAT(values, testing::Each(0.0f));
}

TEST(Null, StringsAreRefused) {
  EXPECT_THAT([] { OpenNull()->Compile(Shaped({"n", "3"}, onnx::TensorProto::STRING), {}); },
              ThrowsMessage<Error>(HasSubstr("port 'x' is of type string")));
}

TEST(Null, HasNoUnits) {
  EXPECT_THAT([] { MakeNullBackend()->Open(Target::Parse("null:0@null"), {}); },
              ThrowsMessage<Error>(HasSubstr("no units")));
}

}  // namespace
}  // namespace consort
