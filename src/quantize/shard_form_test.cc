#include "quantize/shard_form.h"

#include <gmock/gmock.h>

#include "consort/error.h"
#include "quantize/test_support.h"
#include "shard/extract.h"

namespace consort {
namespace {

// x → Conv → Relu → Dropout → Concat with x's own Conv → Gemm: what crosses cuts, is handed on, and shares a scale.
Model Branches() {
  onnx::ModelProto proto = test::EmptyModel("branches");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "2", "4", "4"}).Output("y", {"1", "5"});
  graph.Weight("w1", {3, 2, 1, 1}).Weight("w2", {2, 2, 1, 1}).Weight("w3", {80, 5});
  graph.Node("Conv", {"x", "w1"}, {"left"}, "conv1");
  graph.Node("Relu", {"left"}, {"left_relu"}, "relu");
  graph.Node("Dropout", {"left_relu"}, {"left_kept"}, "dropout");
  graph.Node("Conv", {"x", "w2"}, {"right"}, "conv2");
  graph.Node("Concat", {"left_kept", "right"}, {"both"}, "concat").add_attribute()->set_name("axis");
  onnx::AttributeProto& axis = *proto.mutable_graph()->mutable_node(4)->mutable_attribute(0);
  axis.set_type(onnx::AttributeProto::INT);
  axis.set_i(1);
  graph.Node("Flatten", {"both"}, {"flat"}, "flatten");
  graph.Node("Gemm", {"flat", "w3"}, {"y"}, "gemm");
  return test::Parse(proto);
}

class ShardFormTest : public testing::Test {
 protected:
  std::vector<NamedTensor> Run(const Model& model, const std::vector<NamedTensor>& inputs) const {
    return test::OnOnnxRuntime()(model)(inputs);
  }

  const Model model_ = Branches();
  const Samples samples_{8, [this](int index) {
                           return test::SeededSample(model_.graph(), static_cast<uint64_t>(index));
                         }};
  const Ranges ranges_ = CalibrateAll(model_, samples_, test::OnOnnxRuntime(), {});
};

TEST_F(ShardFormTest, EveryFloatTensorHasARangeAlsoWhatIsHandedOn) {
  for (const char* tensor : {"x", "left", "left_relu", "left_kept", "right", "both", "flat", "y"})
    EXPECT_TRUE(ranges_.contains(tensor)) << tensor;
  EXPECT_EQ(ranges_.at("left_kept"), ranges_.at("left_relu"));
}

// A cut behind the Dropout, which two tensors cross, and one in front of the Gemm.
TEST_F(ShardFormTest, ShardsOneAfterTheOtherAreNearlyTheFloatModel) {
  const std::vector<NamedTensor> sample = test::SeededSample(model_.graph(), 99);
  const std::vector<NamedTensor> right = Run(model_, sample);
  for (const int position : {4, 5, 6}) {
    std::vector<NamedTensor> tensors;
    for (const NamedTensor& input : sample) tensors.push_back({input.name, input.tensor.Share()});
    for (const Shard& shard : DivideAt(model_.graph(), {position}).shards) {
      const Model form = QuantizedForm(ShardModel(model_, shard, "shard"), ranges_, {});
      for (NamedTensor& made : Run(form, tensors)) tensors.push_back(std::move(made));
    }
    const Comparison comparison = Compare(tensors.back().tensor, right.front().tensor);
    EXPECT_GT(comparison.sqnr_db(), 30) << position;
    EXPECT_FALSE(comparison.bitwise_equal) << position;
  }
}

// Between two shards in integers it stays there.
TEST_F(ShardFormTest, AShardThatOnlyMovesValuesIsInIntegersToo) {
  const Sharding sharding = DivideAt(model_.graph(), {5, 6});
  const Model flatten = ShardModel(model_, sharding.shards[1], "shard");
  ASSERT_EQ(flatten.graph().ops().size(), 1U);
  const Model form = QuantizedForm(flatten, ranges_, {});
  EXPECT_EQ(form.graph().ops().size(), 5U) << "two pairs around it";
  const Model before = ShardModel(model_, sharding.shards[0], "before");
  const std::vector<NamedTensor> sample = Run(before, test::SeededSample(model_.graph(), 5));
  EXPECT_GT(Compare(Run(form, sample).front().tensor, Run(flatten, sample).front().tensor).sqnr_db(), 30);
}

TEST_F(ShardFormTest, ARangeThatIsMissingIsNamed) {
  Ranges few = ranges_;
  few.erase("right");
  EXPECT_THROW(QuantizedForm(model_, few, {}), Error);
}

}  // namespace
}  // namespace consort
