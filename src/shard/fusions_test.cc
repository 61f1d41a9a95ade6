#include "shard/fusions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "consort/model.h"
#include "model/test_models.h"
#include "shard/pattern.h"

namespace consort {
namespace {

using test::AsBytes;
using test::GraphWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

// A graph over x[1,4,8,8], grown op by op; Build adds the output.
class Net {
 public:
  Net() : writer_(proto_.mutable_graph()) {
    writer_.Input("x", {"1", "4", "8", "8"}).Weight("one", {1}).Weight("matrix", {8, 8});
  }

  onnx::NodeProto& Add(const std::string& type, const std::vector<std::string>& inputs, const std::string& output) {
    last_ = output;
    return writer_.Node(type, inputs, {output}, "make_" + output);
  }
  void Conv(const std::string& input, const std::string& output) {
    const std::string weight = output + "_w";
    writer_.Weight(weight, {4, 4, 1, 1});
    Add("Conv", {input, weight}, output);
  }
  void BatchNorm(const std::string& input, const std::string& output) {
    std::vector<std::string> inputs{input};
    for (const char* part : {"_s", "_b", "_m", "_v"}) {
      inputs.push_back(output + part);
      writer_.Weight(inputs.back(), {4});
    }
    Add("BatchNormalization", inputs, output);
  }
  void Output(const std::string& name) { writer_.Output(name, {"1", "4", "8", "8"}); }
  GraphWriter& writer() { return writer_; }

  Model Build() {
    if (proto_.graph().output().empty()) Output(last_);
    return Model::Parse(AsBytes(test::Bytes(proto_)), "net.onnx");
  }
  std::vector<std::string> FusionNames() {
    std::vector<std::string> names;
    const Model model = Build();
    for (const Fusion& fusion : FindFusions(model.graph())) names.push_back(fusion.name);
    return names;
  }

 private:
  onnx::ModelProto proto_ = test::EmptyModel("net", 20, 9);
  GraphWriter writer_;
  std::string last_;
};

TEST(Fusions, ConvolutionWithWhatFollows) {
  Net net;
  net.Conv("x", "c");
  net.BatchNorm("c", "b");
  net.Add("Relu", {"b"}, "r");
  net.Conv("r", "c2");
  net.Add("MaxPool", {"c2"}, "y").add_attribute()->CopyFrom([] {
    onnx::AttributeProto kernel;
    kernel.set_name("kernel_shape");
    kernel.set_type(onnx::AttributeProto::INTS);
    kernel.add_ints(1);
    kernel.add_ints(1);
    return kernel;
  }());
  const Model model = net.Build();
  const FusionIndex index(model.graph());
  EXPECT_THAT(index.NamesAt(1), ElementsAre("Conv+BatchNormalization+Relu"));
  EXPECT_THAT(index.NamesAt(2), ElementsAre("Conv+BatchNormalization+Relu"));
  EXPECT_FALSE(index.Divides(3));
  EXPECT_FALSE(index.Divides(4));
}

TEST(Fusions, ResidualAdditionBelongsToTheLaterConvolution) {
  Net net;
  net.Conv("x", "shortcut");
  net.Conv("x", "main1");
  net.Add("Relu", {"main1"}, "main2");
  net.Conv("main2", "main3");
  net.Add("Add", {"shortcut", "main3"}, "sum");
  net.Add("Relu", {"sum"}, "y");
  EXPECT_THAT(net.FusionNames(), ElementsAre("Conv+Relu", "Conv+Add+Relu"));
}

TEST(Fusions, NotWhereAnotherOpReadsInside) {
  Net net;
  net.Conv("x", "c");
  net.Add("Relu", {"c"}, "r");
  net.Add("Mul", {"c", "r"}, "y");
  EXPECT_THAT(net.FusionNames(), IsEmpty());
  Net exposed;
  exposed.Conv("x", "c");
  exposed.Add("Relu", {"c"}, "r");
  exposed.Output("c");
  exposed.Output("r");
  EXPECT_THAT(exposed.FusionNames(), IsEmpty());
}

TEST(Fusions, SpelledOutActivations) {
  Net silu;
  silu.Conv("x", "c");
  silu.Add("Sigmoid", {"c"}, "s");
  silu.Add("Mul", {"c", "s"}, "y");
  EXPECT_THAT(silu.FusionNames(), ElementsAre("SiLU (Conv+Sigmoid+Mul)"));
  Net gelu;
  gelu.Add("MatMul", {"x", "matrix"}, "m");
  gelu.Add("Add", {"m", "one"}, "a");
  gelu.Add("Div", {"a", "one"}, "d");
  gelu.Add("Erf", {"d"}, "e");
  gelu.Add("Add", {"e", "one"}, "p");
  gelu.Add("Mul", {"a", "p"}, "q");
  gelu.Add("Mul", {"q", "one"}, "y");
  EXPECT_THAT(gelu.FusionNames(), ElementsAre("Gelu (MatMul+Add+Div+Erf+Add+Mul+Mul)"));
}

// y = LayerNorm(t), spelled out.
void AddLayerNorm(Net& net, const std::string& t, const std::string& y) {
  net.Add("ReduceMean", {t}, y + "mean");
  net.Add("Sub", {t, y + "mean"}, y + "d");
  net.Add("Mul", {y + "d", y + "d"}, y + "square");
  net.Add("ReduceMean", {y + "square"}, y + "variance");
  net.Add("Add", {y + "variance", "one"}, y + "v");
  net.Add("Sqrt", {y + "v"}, y + "root");
  net.Add("Div", {y + "d", y + "root"}, y + "n");
  net.Add("Mul", {y + "n", "one"}, y + "scaled");
  net.Add("Add", {y + "scaled", "one"}, y);
}

TEST(Fusions, LayerNormalization) {
  Net net;
  net.Add("Add", {"x", "x"}, "residual");
  AddLayerNorm(net, "residual", "y");
  net.Add("Add", {"y", "residual"}, "z");
  EXPECT_THAT(net.FusionNames(),
              ElementsAre("LayerNormalization (ReduceMean+Sub+Mul+ReduceMean+Add+Sqrt+Div+Mul+Add)"));
}

TEST(Fusions, Attention) {
  Net net;
  net.Add("MatMul", {"x", "matrix"}, "q");
  net.Add("MatMul", {"x", "matrix"}, "k0");
  test::AddInts(net.Add("Transpose", {"k0"}, "k"), "perm", {0, 1, 3, 2});
  net.Add("MatMul", {"q", "k"}, "scores");
  net.Add("Div", {"scores", "one"}, "scaled");
  net.Add("Softmax", {"scaled"}, "p");
  net.Add("MatMul", {"p", "x"}, "y");
  EXPECT_THAT(net.FusionNames(), ElementsAre("attention (MatMul+MatMul+Transpose+MatMul+Div+Softmax+MatMul)"));
}

TEST(Fusions, QuantizationBelongsToItsKernel) {
  Net net;
  net.writer().Weight("scale", {});
  auto* zero = net.writer().graph().add_initializer();
  zero->set_name("zero");
  zero->set_data_type(onnx::TensorProto::INT8);
  zero->add_int32_data(0);
  net.Add("QuantizeLinear", {"x", "scale", "zero"}, "q");
  net.Add("DequantizeLinear", {"q", "scale", "zero"}, "d");
  net.Conv("d", "c");
  net.Add("QuantizeLinear", {"c", "scale", "zero"}, "q2");
  net.Add("DequantizeLinear", {"q2", "scale", "zero"}, "y");
  const Model model = net.Build();
  const FusionIndex index(model.graph());
  EXPECT_FALSE(index.Divides(1)) << "int8 crosses there";
  EXPECT_THAT(index.NamesAt(2), ElementsAre("quantized Conv (DequantizeLinear+Conv+QuantizeLinear)"));
  EXPECT_TRUE(index.Divides(3));
  EXPECT_FALSE(index.Divides(4));
}

TEST(Pattern, RefusesBrokenText) {
  for (const char* text : {"", "Relu(", "Relu(?", "[Relu]", "Relu)", "Relu(?,)", "x:", "|Relu"}) {
    EXPECT_THAT([&] { Pattern pattern(text); }, ThrowsMessage<Error>(HasSubstr("is broken"))) << text;
  }
}

TEST(Pattern, VariablesAreOneTensor) {
  Net net;
  net.Add("Neg", {"x"}, "n");
  net.Add("Mul", {"n", "x"}, "m");
  net.Add("Mul", {"m", "m"}, "y");
  const Model model = net.Build();
  EXPECT_THAT(Pattern("Mul(x, x)").Match(model.graph(), 2), ElementsAre(2));
  EXPECT_THAT(Pattern("Mul(x, x)").Match(model.graph(), 1), IsEmpty());
  EXPECT_THAT(Pattern("Mul(x, Neg(x))").Match(model.graph(), 1), ElementsAre(0, 1));
  EXPECT_THAT(Pattern("Mul(Neg, @)").Match(model.graph(), 1), IsEmpty());
  EXPECT_THAT(Pattern("[Mul](Neg)").Match(model.graph(), 0), ElementsAre(0));
}

}  // namespace
}  // namespace consort
