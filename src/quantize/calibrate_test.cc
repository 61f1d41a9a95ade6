#include "quantize/calibrate.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>

#include "consort/error.h"
#include "quantize/layer_errors.h"
#include "quantize/softmax_inputs.h"
#include "quantize/test_support.h"

namespace consort {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// One sample of the only input, all elements `value`.
Samples Constant(const Graph& graph, std::vector<float> values) {
  const int count = static_cast<int>(values.size());
  return {count, [&graph, values](int index) {
            const Tensor& input = graph.tensor(graph.inputs().front());
            Buffer tensor = Buffer::Allocate(input.spec);
            for (float& value : tensor.as<float>()) value = values[static_cast<size_t>(index)];
            std::vector<NamedTensor> sample;
            sample.push_back({input.name, std::move(tensor)});
            return sample;
          }};
}

TEST(Calibrate, RangesCoverAllSamples) {
  const Model model = test::Parse(test::SkipModel());
  const Samples samples = Constant(model.graph(), {-2, 0.5F, 3});
  const Ranges ranges = Calibrate(model, {"x", "a_out"}, samples, test::OnOnnxRuntime(), {});
  EXPECT_EQ(ranges.at("x"), (Range{-2, 3}));
  EXPECT_EQ(ranges.at("a_out"), (Range{0, 3}));
}

TEST(Calibrate, MasksLeaveASoftmaxItsSteps) {
  onnx::ModelProto proto = test::EmptyModel("m");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"2", "3"}).Output("y", {"2", "3"});
  test::AddFloats(proto, "mask", {2, 3}, {0, 1, -10000, 5, 2, -10000});
  graph.Node("Add", {"x", "mask"}, {"masked"}, "add");
  graph.Node("Softmax", {"masked"}, {"y"}, "softmax");
  const Model model = test::Parse(proto);
  const auto range_of = [&](const Model& of) {
    return Calibrate(of, {"masked"}, Constant(model.graph(), {0}), test::OnOnnxRuntime(), {}).at("masked");
  };
  EXPECT_EQ(range_of(model), (Range{1 - kSoftmaxReach, 5}));
  // Not where others read it, too.
  graph.Output("masked", {"2", "3"});
  EXPECT_EQ(range_of(test::Parse(proto)), (Range{-10000, 5}));
}

TEST(Calibrate, WantsSamplesAndNumbers) {
  const Model model = test::Parse(test::SkipModel());
  EXPECT_THROW(Calibrate(model, {"x"}, Constant(model.graph(), {}), test::OnOnnxRuntime(), {}), Error);
  try {
    const Samples samples = Constant(model.graph(), {std::numeric_limits<float>::infinity()});
    Calibrate(model, {"x"}, samples, test::OnOnnxRuntime(), {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'x'"));
  }
}

TEST(Observe, GroupsAreBounded) {
  const Model model = test::Parse(test::SkipModel());  // tensors of 32 bytes
  const std::vector<std::string> names = {"a_out", "b_out", "c_out"};
  EXPECT_THAT(GroupBySize(model.graph(), names, 64), ElementsAre(SizeIs(2), SizeIs(1)));
  EXPECT_THAT(GroupBySize(model.graph(), names, 1), SizeIs(3));
}

TEST(Observe, GroupsChangeNothing) {
  const Model model = test::Parse(test::SkipModel());
  const auto sums = [&](int64_t max_bytes) {
    std::map<std::string, double> found;
    Observe(model, {"x", "a_out", "b_out", "c_out", "y"}, test::SeededSamples(model.graph(), 3),
            test::OnOnnxRuntime(Optimization::kNone),
            [&](const NamedTensor& tensor) {
              for (const float value : tensor.tensor.as<float>()) found[tensor.name] += value;
            },
            {.max_bytes = max_bytes});
    return found;
  };
  EXPECT_THAT(sums(1 << 20), SizeIs(5));
  EXPECT_EQ(sums(1), sums(1 << 20));
}

TEST(LayerErrors, OfEachLayerAloneAndBehindTheOthers) {
  const Model model = test::Parse(test::ChainModel(6));
  const QuantizationPlan plan = PlanQuantization(model);
  const Samples samples = test::SeededSamples(model.graph(), 4);
  const Ranges ranges = Calibrate(model, plan.TensorsToObserve(model.graph()), samples, test::OnOnnxRuntime(), {});
  const Model quantized = test::Parse(WriteQdq(model, plan, ranges, {}));
  const auto layers = MeasureLayers(model, plan, ranges, {}, quantized, samples, test::OnOnnxRuntime());
  ASSERT_THAT(layers, SizeIs(plan.units.size()));
  for (size_t i = 0; i < layers.size(); ++i) {
    EXPECT_GT(layers[i].alone.sqnr_db, 30);
    EXPECT_GT(layers[i].alone.cosine, 0.999);
    if (i > 0) {
      EXPECT_LE(layers[i - 1].alone.sqnr_db, layers[i].alone.sqnr_db);
    }
  }
  const auto last =
      std::find_if(layers.begin(), layers.end(), [](const LayerError& layer) { return layer.tensor == "y"; });
  ASSERT_NE(last, layers.end());
  EXPECT_LT(last->accumulated.sqnr_db, last->alone.sqnr_db + 3);
}

// What a mask hides is no error of the layer that makes it.
TEST(LayerErrors, SeeWhatTheReaderSees) {
  onnx::ModelProto proto = test::EmptyModel("m");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
  test::AddFloats(proto, "far", {4}, {0, -10000, 0, -10000});
  graph.Node("LeakyRelu", {"x"}, {"a"}, "scores");
  graph.Node("Mul", {"x", "far"}, {"b"}, "mask");
  graph.Node("Add", {"a", "b"}, {"sum"}, "add");
  graph.Node("Relu", {"sum"}, {"y"}, "relu");
  const Model model = test::Parse(proto);
  const Samples samples = Constant(model.graph(), {0.2F, 0.5F, 1});
  const QuantizationPlan plan = PlanQuantization(model);
  const Ranges ranges = Calibrate(model, plan.TensorsToObserve(model.graph()), samples, test::OnOnnxRuntime(), {});
  const Model quantized = test::Parse(WriteQdq(model, plan, ranges, {}));
  for (const LayerError& layer : MeasureLayers(model, plan, ranges, {}, quantized, samples, test::OnOnnxRuntime()))
    EXPECT_GT(layer.alone.sqnr_db, 30) << layer.name;
}

// A float layer that is replaced by other numbers shows in `accumulated` only.
TEST(LayerErrors, AloneDoesNotSeeWhatOtherLayersDo) {
  const Model model = test::Parse(test::SkipModel());
  const QuantizationPlan plan = PlanQuantization(model);
  const Samples samples = test::SeededSamples(model.graph(), 4);
  Ranges ranges = Calibrate(model, plan.TensorsToObserve(model.graph()), samples, test::OnOnnxRuntime(), {});
  ranges["b_out"] = {0, 1e-3F};  // everything saturates here
  const Model quantized = test::Parse(WriteQdq(model, plan, ranges, {}));
  for (const LayerError& layer : MeasureLayers(model, plan, ranges, {}, quantized, samples, test::OnOnnxRuntime())) {
    if (layer.tensor == "b_out") {
      EXPECT_LT(layer.alone.sqnr_db, 5);
    }
    if (layer.tensor == "a_out") {
      EXPECT_GT(layer.accumulated.sqnr_db, 30);
    }
    if (layer.tensor == "c_out") {
      EXPECT_LT(layer.accumulated.sqnr_db, 5);
    }
  }
}

}  // namespace
}  // namespace consort
