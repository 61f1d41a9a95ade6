// Transformers. Encoders: Devlin et al., "BERT", 2018; the small ones from Turc et al., "Well-Read Students Learn
// Better", 2019. Decoders with a cache of keys and values: Radford et al., "Language Models are Unsupervised Multitask
// Learners" (GPT-2), 2019.
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "consort/error.h"
#include "zoo/node_types.h"
#include "zoo/zoo.h"

namespace consort::zoo {
namespace {

struct Transformer {
  const char* name;
  int layers;
  int64_t width;
  int64_t heads;
  int64_t words;
  int64_t positions;

  int64_t head_width() const { return width / heads; }
};
constexpr Transformer kBertTiny = {"bert-tiny", 2, 128, 2, 30522, 512};
constexpr Transformer kBertMini = {"bert-mini", 4, 256, 4, 30522, 512};
constexpr Transformer kBertBase = {"bert-base", 12, 768, 12, 30522, 512};
constexpr Transformer kGptTiny = {"gpt-tiny", 4, 256, 4, 8192, 1024};
constexpr Transformer kGpt2Small = {"gpt2-small", 12, 768, 12, 50257, 1024};

constexpr int64_t kSegments = 2;
constexpr int64_t kUsualSequence = 128;
constexpr float kBertEpsilon = 1e-12F;
constexpr float kHidden = -1e4F;  // added to the scores of padding, as google-research/bert has it

int64_t SequenceOf(const MakeOptions& options, const Transformer& kind, int64_t most, const char* what) {
  const int64_t sequence = options.sequence.value_or(kUsualSequence);
  if (sequence >= 1 && sequence <= most) return sequence;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} takes 1 to {} {}, not {}: give --sequence within that", kind.name, most, what, sequence));
}

// batch × tokens × width → batch × heads × tokens × head width, or, for the keys of the scores, with the last two
// swapped.
Value SplitHeads(LayerWriter& net, const Value& x, const Transformer& kind, bool swapped = false) {
  const Value split = net.Reshape(x, {0, 0, kind.heads, kind.head_width()});
  return net.Transpose(split, swapped ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 2, 1, 3});
}

Value JoinHeads(LayerWriter& net, const Value& x) { return net.Reshape(net.Transpose(x, {0, 2, 1, 3}), {0, 0, -1}); }

Value ScaledScores(LayerWriter& net, const Value& query, const Value& swapped_key, const Transformer& kind) {
  const auto width = static_cast<float>(kind.head_width());
  return net.Scale(net.MatMul(query, swapped_key), 1 / std::sqrt(width));
}

// --- BERT -----------------------------------------------------------------------------------------------------------

// (1 - mask) · -10000, to be added to scores: batch × 1 × 1 × tokens.
Value MaskBias(LayerWriter& net, const Value& mask) {
  const LayerWriter::Scope scope(net, "mask");
  onnx::NodeProto* node = nullptr;
  const Value number = net.Op("Cast", {mask}, mask.shape, &node);
  AddAttribute(node, "to", onnx::AttributeProto::INT)->set_i(onnx::TensorProto::FLOAT);
  const Value hidden = net.Op("Sub", {net.ConstantFloat("one", 1), number}, mask.shape);
  return net.Reshape(net.Scale(hidden, kHidden), {0, 1, 1, -1});
}

Value BertEmbedding(LayerWriter& net, const Value& ids, const Value& segments, const Transformer& kind) {
  const LayerWriter::Scope scope(net, "embeddings");
  std::vector<int64_t> places(static_cast<size_t>(ids.shape[1]));
  std::iota(places.begin(), places.end(), 0);
  const Value words = net.Embedding(ids, kind.words, kind.width);
  const Value types = net.Embedding(segments, kSegments, kind.width);
  const Value positions = net.Embedding(net.ConstantInts("positions", places), kind.positions, kind.width);
  return net.LayerNorm(net.Add(net.Add(words, types), positions), kBertEpsilon);
}

Value BertAttention(LayerWriter& net, const Value& x, const Value& bias, const Transformer& kind) {
  const LayerWriter::Scope scope(net, "attention");
  const Value query = SplitHeads(net, net.Dense(x, kind.width), kind);
  const Value key = SplitHeads(net, net.Dense(x, kind.width), kind, true);
  const Value value = SplitHeads(net, net.Dense(x, kind.width), kind);
  const Value weights = net.Softmax(net.Add(ScaledScores(net, query, key, kind), bias));
  return net.Dense(JoinHeads(net, net.MatMul(weights, value)), kind.width);
}

// Layer norms behind the sums.
Value BertLayer(LayerWriter& net, const Value& x, const Value& bias, const Transformer& kind) {
  const Value attended = net.LayerNorm(net.Add(x, BertAttention(net, x, bias, kind)), kBertEpsilon);
  const Value inner = net.Gelu(net.Dense(attended, 4 * kind.width));
  return net.LayerNorm(net.Add(attended, net.Dense(inner, kind.width)), kBertEpsilon);
}

void BuildBert(LayerWriter& net, const MakeOptions& options, const Transformer& kind) {
  const Shape shape = {options.batch, SequenceOf(options, kind, kind.positions, "tokens")};
  const Value ids = net.Input("input_ids", shape, DataType::kInt64);
  const Value mask = net.Input("attention_mask", shape, DataType::kInt64);
  const Value segments = net.Input("token_type_ids", shape, DataType::kInt64);
  Value x = BertEmbedding(net, ids, segments, kind);
  const Value bias = MaskBias(net, mask);
  for (int layer = 0; layer < kind.layers; ++layer) {
    const LayerWriter::Scope scope(net, fmt::format("layer{}", layer));
    x = BertLayer(net, x, bias, kind);
  }
  const Value first = net.Reshape(net.Slice(x, 1, 0, 1), {0, -1});
  const Value pooled = net.Tanh(net.Dense(first, kind.width));
  net.Output("last_hidden_state", x);
  net.Output("pooler_output", pooled);
}

// --- GPT-2 ----------------------------------------------------------------------------------------------------------

// x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2: the approximation of Hendrycks and Gimpel, 2016, that GPT-2 uses.
Value GeluByTanh(LayerWriter& net, const Value& x) {
  const Value cube = net.Mul(net.Mul(x, x), x);
  const auto factor = static_cast<float>(std::sqrt(2 / std::numbers::pi));
  const Value inner = net.Scale(net.Add(x, net.Scale(cube, 0.044715F)), factor);
  return net.Scale(net.Mul(x, net.Add(net.Tanh(inner), net.ConstantFloat("one", 1))), 0.5F);
}

// `name` of the layer's past and present: batch × heads × tokens × head width. Returns what was and what is new.
Value Cached(LayerWriter& net, const std::string& name, int layer, const Value& latest, int64_t past) {
  Shape shape = latest.shape;
  shape[2] = past;
  const Value before = net.Input(fmt::format("past_{}_{}", name, layer), shape);
  const Value all = net.Concat({before, latest}, 2);
  net.Output(fmt::format("present_{}_{}", name, layer), all);
  return all;
}

// One token attends to all before it and to itself: nothing is to be masked.
Value GptAttention(LayerWriter& net, const Value& x, const Transformer& kind, int layer, int64_t past) {
  const LayerWriter::Scope scope(net, "attention");
  const int64_t width = kind.width;
  const Value joined = net.Dense(x, 3 * width);
  const Value query = SplitHeads(net, net.Slice(joined, 2, 0, width), kind);
  const Value key = SplitHeads(net, net.Slice(joined, 2, width, 2 * width), kind);
  const Value value = SplitHeads(net, net.Slice(joined, 2, 2 * width, 3 * width), kind);
  const Value keys = Cached(net, "key", layer, key, past);
  const Value values = Cached(net, "value", layer, value, past);
  const Value weights = net.Softmax(ScaledScores(net, query, net.Transpose(keys, {0, 1, 3, 2}), kind));
  return net.Dense(JoinHeads(net, net.MatMul(weights, values)), width);
}

// Layer norms in front.
Value GptLayer(LayerWriter& net, const Value& x, const Transformer& kind, int layer, int64_t past) {
  const LayerWriter::Scope scope(net, fmt::format("layer{}", layer));
  const Value attended = net.Add(x, GptAttention(net, net.LayerNorm(x), kind, layer, past));
  const Value inner = GeluByTanh(net, net.Dense(net.LayerNorm(attended), 4 * kind.width));
  return net.Add(attended, net.Dense(inner, kind.width));
}

// The output reads the table of the words, transposed.
void BuildGpt(LayerWriter& net, const MakeOptions& options, const Transformer& kind) {
  const int64_t past = SequenceOf(options, kind, kind.positions - 1, "past tokens");
  const Value ids = net.Input("input_ids", {options.batch, 1}, DataType::kInt64);
  const Value places = net.Input("position_ids", {options.batch, 1}, DataType::kInt64);
  const Value table = net.Weight("words", {kind.words, kind.width});
  const Value words = net.Op("Gather", {table, ids}, {options.batch, 1, kind.width});
  Value x = net.Add(words, net.Embedding(places, kind.positions, kind.width));
  for (int layer = 0; layer < kind.layers; ++layer) x = GptLayer(net, x, kind, layer, past);
  net.Output("logits", net.MatMul(net.LayerNorm(x), net.Transpose(table, {1, 0})));
}

using Builder = void (*)(LayerWriter&, const MakeOptions&, const Transformer&);

Architecture Describe(const Transformer& kind, Builder build, const std::string& what, const std::string& source) {
  return {.name = kind.name,
          .summary = fmt::format("{}, {} layers, {} wide, {} heads, {} words{}", what, kind.layers, kind.width,
                                 kind.heads, kind.words, source),
          .choices = {Choice::kSequence},
          .default_size = kUsualSequence,
          .build = [kind, build](LayerWriter& net, const MakeOptions& options) { build(net, options, kind); }};
}

}  // namespace

Family TransformerFamily() {
  const std::string encoder = "BERT encoder, 128 tokens";
  const std::string decoder =
      "GPT-2 decoder, 1 token behind 128 cached ones (--sequence), present_* 1 longer than past_*";
  return {Describe(kBertTiny, BuildBert, encoder, " (Turc et al. 2019)"),
          Describe(kBertMini, BuildBert, encoder, " (Turc et al. 2019)"),
          Describe(kBertBase, BuildBert, encoder, " (Devlin et al. 2018)"), Describe(kGptTiny, BuildGpt, decoder, ""),
          Describe(kGpt2Small, BuildGpt, decoder, " (Radford et al. 2019)")};
}

}  // namespace consort::zoo
