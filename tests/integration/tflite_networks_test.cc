// Networks of the zoo, quantized and written as .tflite files: on LiteRT they are as close to the float model as the
// quantized ONNX models are on ONNX Runtime. What single layers do: test_tflite_networks.py.
#include <gtest/gtest.h>

#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "io/compare.h"
#include "io/element.h"
#include "quantize/calibrate.h"
#include "quantize/prepare.h"
#include "quantize/test_support.h"
#include "tflite_agreement.h"
#include "zoo/zoo.h"

namespace consort::test {
namespace {

constexpr double kMostDb = 1;  // of signal-to-quantization-noise ratio
constexpr int kSamples = 8;

struct Network {
  std::string name;
  zoo::MakeOptions options = {};
};
void PrintTo(const Network& network, std::ostream* out) { *out << network.name; }

Model MakeNetwork(const Network& network) {
  const std::string bytes = zoo::Make(network.name, network.options).SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), network.name + ".onnx");
}

Model Quantized(const Model& model, ActivationFormat format) {
  const PreparedModel prepared = PrepareForQuantization(model);
  const QuantizationPlan plan = PlanQuantization(prepared.model);
  const Graph& graph = prepared.model.graph();
  const Ranges ranges = Calibrate(prepared.model, plan.TensorsToObserve(graph), SeededSamples(graph, kSamples),
                                  OnOnnxRuntime(), {.format = format});
  const std::string bytes = WriteQdq(prepared.model, plan, ranges, {.format = format}).SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), "quantized.onnx");
}

// Squares of the reference and of the difference from it, over all samples.
struct Sums {
  double reference = 0;
  double difference = 0;
  void Add(const std::vector<double>& wanted, const std::vector<double>& got) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      reference += wanted[i] * wanted[i];
      difference += (wanted[i] - got[i]) * (wanted[i] - got[i]);
    }
  }
  double db() const { return SqnrDb(reference, difference); }
};

class TfLiteNetworks : public ::testing::TestWithParam<Network> {};

void ExpectAsCloseAsOnnx(const Model& model, const Model& quantized) {
  WrittenModel written(quantized);
  Evaluator real = OnCpu("cpu@onnxruntime", Artifact(model));
  Evaluator onnx = OnCpu("cpu@onnxruntime", Artifact(quantized));
  Sums of_onnx;
  Sums of_tflite;
  for (int i = 0; i < kSamples; ++i) {
    const NamedTensor sample = std::move(SeededSample(model.graph(), 100 + static_cast<uint64_t>(i)).front());
    const auto feed = [&] {
      std::vector<Buffer> inputs;
      inputs.push_back(sample.tensor.Clone());
      return inputs;
    };
    const std::vector<double> wanted = ToDoubles(real.Evaluate(feed()).front().tensor);
    of_onnx.Add(wanted, ToDoubles(onnx.Evaluate(feed()).front().tensor));
    const std::vector<double> stored = StoredNumbers(ToDoubles(sample.tensor), written.file().inputs.front());
    of_tflite.Add(wanted, RealNumbers(written.Run({stored}), written.file().outputs.front()));
  }
  EXPECT_GE(of_tflite.db(), of_onnx.db() - kMostDb);
  EXPECT_GT(of_onnx.db(), 10);
}

TEST_P(TfLiteNetworks, AreAsCloseToFloatAsTheQuantizedOnnxModel) {
  const Model model = MakeNetwork(GetParam());
  ExpectAsCloseAsOnnx(model, Quantized(model, {.type = ByteType::kInt8}));
}

TEST_P(TfLiteNetworks, OfUInt8Too) {
  const Model model = MakeNetwork(GetParam());
  ExpectAsCloseAsOnnx(model, Quantized(model, {.type = ByteType::kUInt8}));
}

// What stands at the edges changes no number.
TEST(TfLitePorts, GiveTheSameNumbersInEveryTypeAndLayout) {
  const Model model = MakeNetwork({"mobilenet-v1", {.size = 32, .width = 0.25}});
  const Model quantized = Quantized(model, {.type = ByteType::kInt8});
  const std::vector<double> real = ToDoubles(SeededSample(model.graph(), 7).front().tensor);
  WrittenModel plain(quantized);
  const std::vector<double> stored = StoredNumbers(real, plain.file().inputs.front());
  const std::vector<double> expected = plain.Run({stored});
  EXPECT_EQ(WrittenModel(quantized, {.keep_port_layout = true}).Run({stored}), expected);
  std::vector<double> bytes = stored;
  for (double& value : bytes) value += 128;
  std::vector<double> of_bytes = WrittenModel(quantized, {.ports = TfLitePorts::kUInt8}).Run({bytes});
  for (double& value : of_bytes) value -= 128;
  EXPECT_EQ(of_bytes, expected);
  WrittenModel floats(quantized, {.ports = TfLitePorts::kFloat32});
  EXPECT_EQ(StoredNumbers(floats.Run({real}), plain.file().outputs.front()), expected);
}

INSTANTIATE_TEST_SUITE_P(Default, TfLiteNetworks,
                         ::testing::Values(Network{"lenet"}, Network{"mobilenet-v1", {.size = 64}},
                                           Network{"mobilenet-v2", {.size = 64}}, Network{"seed-cnn", {.size = 40}}),
                         [](const auto& info) { return "network" + std::to_string(info.index); });

}  // namespace
}  // namespace consort::test
