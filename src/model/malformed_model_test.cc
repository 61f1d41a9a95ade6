// Models that are broken in one place each: every one ends in kInvalidModel with a message that names the place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/files.h"
#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"

namespace consort {
namespace {

using test::GraphWriter;
using ::testing::HasSubstr;

// Checks code and message of what loading throws.
void ExpectRefused(const std::string& bytes, const std::string& message) {
  try {
    Model::Parse(test::AsBytes(bytes), "bad.onnx");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("bad.onnx: "));
    EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

struct Mutation {
  std::string name;
  std::function<void(onnx::ModelProto&)> apply;  // to ConvReluModel()
  std::string message;
};

void PrintTo(const Mutation& mutation, std::ostream* out) { *out << mutation.name; }

onnx::NodeProto& Conv(onnx::ModelProto& model) { return *model.mutable_graph()->mutable_node(0); }
onnx::NodeProto& Relu(onnx::ModelProto& model) { return *model.mutable_graph()->mutable_node(1); }
onnx::TensorProto& Weights(onnx::ModelProto& model) { return *model.mutable_graph()->mutable_initializer(0); }
onnx::TypeProto_Tensor& InputType(onnx::ModelProto& model) {
  return *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
}

std::vector<Mutation> Mutations() {
  using M = onnx::ModelProto;
  return {
      {"NoGraph", [](M& m) { m.clear_graph(); }, "no graph"},
      {"NoOps", [](M& m) { m.mutable_graph()->clear_node(); }, "no ops"},
      {"NoIrVersion", [](M& m) { m.clear_ir_version(); }, "IR version 0"},
      {"NegativeIrVersion", [](M& m) { m.set_ir_version(-3); }, "IR version -3"},
      {"NewIrVersion", [](M& m) { m.set_ir_version(999); }, "IR version 999 is newer"},
      {"NoOpset", [](M& m) { m.clear_opset_import(); }, "imports no opset"},
      {"NewOpset", [](M& m) { m.mutable_opset_import(0)->set_version(999); }, "version 999 is newer"},
      {"HugeOpset", [](M& m) { m.mutable_opset_import(0)->set_version(int64_t{1} << 40); }, "is newer"},
      {"ZeroOpset", [](M& m) { m.mutable_opset_import(0)->set_version(0); }, "version 0 does not exist"},
      {"TwoOpsets", [](M& m) { m.add_opset_import()->set_version(9); }, "as version 17 and 9"},
      {"UnknownOp", [](M& m) { Conv(m).set_op_type("Convolve"); }, "Convolve"},
      {"OpNewerThanOpset", [](M& m) { m.mutable_opset_import(0)->set_version(8), Relu(m).set_op_type("Mish"); },
       "Mish"},
      {"UnknownDomain", [](M& m) { Relu(m).set_domain("nowhere"); }, "nowhere"},
      {"ExperimentalOp", [](M& m) { Relu(m).set_op_type("ImageScaler"); }, "experimental op"},
      {"NoOpType", [](M& m) { Relu(m).clear_op_type(); }, "op_type"},
      {"MissingInput", [](M& m) { Relu(m).set_input(0, "ghost"); },
       "node 'relu' (Relu) reads 'ghost', which nothing makes"},
      {"MissingInitializer", [](M& m) { m.mutable_graph()->mutable_initializer()->DeleteSubrange(0, 1); }, "reads 'w'"},
      {"ReadsItself", [](M& m) { Relu(m).set_input(0, "y"); }, "which it makes itself"},
      {"Cycle", [](M& m) { Conv(m).set_input(0, "y"); },
       "cycle of 2 ops: node 'conv' (Conv) waits for node 'relu' (Relu)"},
      {"TensorMadeTwice", [](M& m) { Conv(m).set_output(0, "y"); }, "tensor 'y' is defined twice"},
      {"OutputOverwritesInput", [](M& m) { Relu(m).set_output(0, "x"); }, "tensor 'x' is defined twice"},
      {"OutputOverwritesWeights", [](M& m) { Relu(m).set_output(0, "w"); }, "tensor 'w' is defined twice"},
      {"InitializerTwice", [](M& m) { m.mutable_graph()->mutable_initializer(1)->set_name("w"); },
       "initializer 'w' is defined twice"},
      {"InitializerWithoutName", [](M& m) { Weights(m).clear_name(); }, "has no name"},
      {"InputTwice", [](M& m) { *m.mutable_graph()->add_input() = m.graph().input(0); }, "tensor 'x' is defined twice"},
      {"InputWithoutName", [](M& m) { m.mutable_graph()->mutable_input(0)->clear_name(); }, "has no name"},
      {"InputWithoutType", [](M& m) { m.mutable_graph()->mutable_input(0)->clear_type(); }, "input 'x': has no type"},
      {"OutputOfNothing", [](M& m) { m.mutable_graph()->mutable_output(0)->set_name("z"); },
       "output 'z' of graph 'conv_relu'"},
      {"OutputTwice", [](M& m) { *m.mutable_graph()->add_output() = m.graph().output(0); },
       "output 'y' of graph 'conv_relu' is listed twice"},
      {"OutputOfOtherShape",
       [](M& m) {
         m.mutable_graph()
             ->mutable_output(0)
             ->mutable_type()
             ->mutable_tensor_type()
             ->mutable_shape()
             ->mutable_dim(1)
             ->set_dim_value(5);
       },
       "relu"},
      {"OutputOfOtherType",
       [](M& m) { m.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(7); },
       "relu"},
      {"NegativeInputDimension", [](M& m) { InputType(m).mutable_shape()->mutable_dim(0)->set_dim_value(-1); },
       "input 'x': dimension 0 is -1"},
      {"HugeInputDimension",
       [](M& m) { InputType(m).mutable_shape()->mutable_dim(2)->set_dim_value(int64_t{1} << 60); }, ""},
      {"UnknownInputType", [](M& m) { InputType(m).set_elem_type(4711); }, "element type 4711"},
      {"InputOfOtherType", [](M& m) { InputType(m).set_elem_type(onnx::TensorProto::INT64); }, "conv"},
      {"InputOfOtherRank", [](M& m) { InputType(m).mutable_shape()->add_dim()->set_dim_value(3); }, "conv"},
      {"ShortWeights", [](M& m) { Weights(m).mutable_raw_data()->resize(10); },
       "initializer 'w': has 10 bytes of data where its dimensions and type need 432"},
      {"LongWeights", [](M& m) { Weights(m).mutable_raw_data()->append(4, '\0'); }, "has 436 bytes"},
      {"NoWeights", [](M& m) { Weights(m).clear_raw_data(); },
       "initializer 'w': holds 0 values where its dimensions need 108"},
      {"NegativeWeightDimension", [](M& m) { Weights(m).set_dims(0, -4); }, "initializer 'w': dimension 0 is -4"},
      {"OverflowingWeightDimensions",
       [](M& m) {
         for (int i = 0; i < 4; ++i) Weights(m).set_dims(i, int64_t{1} << 40);
       },
       "overflows"},
      {"HugeWeightDimension", [](M& m) { Weights(m).set_dims(0, int64_t{1} << 58); }, "initializer 'w'"},
      {"UnknownWeightType", [](M& m) { Weights(m).set_data_type(4711); }, "initializer 'w': element type 4711"},
      {"UndefinedWeightType", [](M& m) { Weights(m).set_data_type(0); }, "element type 0"},
      {"StringWeights", [](M& m) { Weights(m).set_data_type(onnx::TensorProto::STRING); },
       "strings cannot be stored as raw data"},
      {"TooFewOperands", [](M& m) { Conv(m).mutable_input()->DeleteSubrange(1, 2); }, "conv"},
      {"TooManyOperands", [](M& m) { Relu(m).add_input("x"); }, "relu"},
      {"UnknownAttribute", [](M& m) { test::AddInt(Relu(m), "speed", 3); }, "speed"},
      {"AttributeTwice", [](M& m) { *Conv(m).add_attribute() = Conv(m).attribute(0); }, "multiple times"},
      {"AttributeOfOtherType", [](M& m) { Conv(m).mutable_attribute(0)->set_type(onnx::AttributeProto::FLOAT); },
       "pads"},
      {"NegativeStrides",
       [](M& m) {
         test::AddInts(Conv(m), "strides", {-1, 0});
       },
       ""},
      {"HugePads",
       [](M& m) {
         for (auto& pad : *Conv(m).mutable_attribute(0)->mutable_ints()) pad = int64_t{1} << 62;
       },
       ""},
      {"ExternalWithoutFolder", [](M& m) { Weights(m).set_data_location(onnx::TensorProto::EXTERNAL); },
       "given without a folder"},
  };
}

class MalformedModel : public ::testing::TestWithParam<Mutation> {};

TEST_P(MalformedModel, IsRefused) {
  onnx::ModelProto model;
  model.ParseFromString(test::ConvReluModel());
  GetParam().apply(model);
  ExpectRefused(test::Bytes(model), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(All, MalformedModel, ::testing::ValuesIn(Mutations()),
                         [](const auto& info) { return info.param.name; });

TEST(MalformedBytes, OtherFormatsAreCalledByTheirNames) {
  ExpectRefused("", "empty");
  ExpectRefused(std::string("\x1c\0\0\0TFL3rest", 12), "TensorFlow Lite");
  ExpectRefused("PK\x03\x04rest", "zip archive");
  ExpectRefused("This is not a model at all.", "not a complete ONNX model");
}

TEST(MalformedBytes, EveryTruncationIsRefused) {
  const std::string whole = test::ConvReluModel();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(Model::Parse(test::AsBytes(whole.substr(0, size)), "cut.onnx"), Error) << size;
  }
}

// Any byte changed: refused or loaded, never worse.
TEST(MalformedBytes, EveryChangedByteEndsInAnErrorOrAModel) {
  const std::string whole = test::IfModel();
  int refused = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char mask : {'\x01', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ mask);
      try {
        Model::Parse(test::AsBytes(changed), "changed.onnx");
      } catch (const Error& error) {
        ++refused;
        EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << error.what();
      }
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(MalformedBytes, DeepNestingIsRefused) {
  onnx::ModelProto model = test::EmptyModel("deep");
  onnx::GraphProto* graph = model.mutable_graph();
  for (int depth = 0; depth < 2000; ++depth) {
    onnx::NodeProto& node = GraphWriter(graph).Node("If", {"c"}, {"y"});
    graph = test::AddBody(node, "then_branch", "body");
  }
  ExpectRefused(test::Bytes(model), "not a complete ONNX model");
}

// Each Concat doubles a list of sizes: followed to its end it would hold 4·2^30 values.
TEST(MalformedBytes, ShapeComputationsThatExplodeAreNotFollowed) {
  onnx::ModelProto model = test::EmptyModel("doubling");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1"}).Output("y", {"1"}).Int64("s0", {1, 1, 1, 1});
  for (int i = 0; i < 30; ++i) {
    const std::string from = "s" + std::to_string(i);
    test::AddInt(graph.Node("Concat", {from, from}, {"s" + std::to_string(i + 1)}), "axis", 0);
  }
  graph.Node("Relu", {"x"}, {"y"});
  EXPECT_NO_THROW(Model::Parse(test::AsBytes(test::Bytes(model)), "doubling.onnx"));
}

TEST(MalformedBytes, TensorsBeyondATebibyteAreRefused) {
  onnx::ModelProto model = test::EmptyModel("huge");
  GraphWriter graph(model.mutable_graph());
  graph.Input("x", {"1"}).Output("y", {"?", "?"}).Int64("dims", {int64_t{1} << 31, int64_t{1} << 31});
  graph.Node("Expand", {"x", "dims"}, {"y"}, "expand");
  ExpectRefused(test::Bytes(model), "tensor 'y' would have the shape 2147483648x2147483648");
}

TEST(MalformedBodies, ReadsOfNothingAreNamed) {
  onnx::ModelProto model;
  model.ParseFromString(test::IfModel());
  onnx::NodeProto& node = *model.mutable_graph()->mutable_node(1);
  node.mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "ghost");
  ExpectRefused(test::Bytes(model), "node 'then_add' (Add) reads 'ghost'");
}

TEST(MalformedBodies, CyclesThroughCapturesAreFound) {
  onnx::ModelProto model;
  model.ParseFromString(test::IfModel());
  model.mutable_graph()->mutable_node(0)->set_input(0, "y");
  ExpectRefused(test::Bytes(model), "cycle of 2 ops");
}

}  // namespace
}  // namespace consort
