#include "shard/fusions.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "shard/pattern.h"

namespace consort {
namespace {

// A rewrite of the engines. What lies inside must be read by nobody else, as the engines ask; `shared` lifts that.
struct Rule {
  std::string name;  // what the ops are together; "" where their types say it
  std::string pattern;
  bool shared = false;
};

// What follows a convolution or matrix product and is computed on its results before they are stored.
const std::string kActivation =
    "Relu|Clip|LeakyRelu|PRelu|Elu|Selu|Celu|Sigmoid|HardSigmoid|Tanh|HardSwish|Swish|Mish|Gelu|Softplus|Softsign|"
    "ThresholdedRelu";

// One of the rows of heads that attention multiplies: a projection, split into heads, perhaps scaled.
// `l` is what attention begins with: a normalisation, where there is one.
const std::string kHeads =
    "[Mul|Div]([Transpose]([Transpose]([Reshape]([Add](MatMul(l:[LayerNormalization](?), @))))))";
const std::string kAnyHeads =
    "[Add]([Mul|Div]([Transpose]([Squeeze]([Slice]([Transpose]([Reshape]([Add]([MatMul](?)))))))))";

// The rules: ONNX Runtime's graph transformers (onnxruntime/core/optimizer: conv_bn_fusion, conv_add_fusion,
// conv_mul_fusion, conv_add_act_fusion, conv_activation_fusion, pad_fusion, matmul_add_fusion, matmul_transpose_fusion,
// matmul_scale_fusion, gemm_activation_fusion, gelu_fusion, bias_gelu_fusion, fast_gelu_fusion, layer_norm_fusion,
// attention_fusion, dynamic_quantize_matmul_fusion, qdq_transformer) and OpenVINO's common and CPU transformations
// (ConvFusion, ConvMulFusion, SwishFusion, HSwishFusion, MishFusion, GeluFusion, MVNFusion, NormalizeL2Fusion,
// SoftmaxFusion, ScaledDotProductAttentionFusion, FullyConnected and convolution with post-ops).
std::vector<Rule> MakeRules() {
  const std::string conv = "[BatchNormalization](Conv|ConvTranspose([Pad](?)))";
  const std::string bias = "x:[Add]([MatMul|Gemm](?))";
  const std::string erf = "Add(Erf(Div|Mul(x, @)), @)";
  const std::string tanh = "Add(Tanh(Mul(Add(x, Mul([Mul|Pow]([Mul](x)))), @)), @)";
  const std::string normalised = "Div(d:Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Pow|Mul(d)), @)))";
  const std::string normalised_twice = "Div(Sub(x, m:ReduceMean(x)), Sqrt(Add(ReduceMean(Pow(Sub(x, m), @)), @)))";
  const auto attention = [](const std::string& heads) {
    return "[Reshape]([Transpose](MatMul([Cast](Softmax([Add|Sub|Where]([Mul|Div](MatMul(" + heads + ", " + heads +
           "), @)))), " + heads + ")))";
  };
  const std::string conv_and_more = "x:[" + kActivation + "]([Add|Sum]([Mul|Div|Sub](" + conv + ", @)))";
  return {
      {"", "[" + kActivation + "]([Add|Sum]([Mul|Div|Sub](" + conv + ", @)))"},
      {"", "[" + kActivation + "]([Mul|Div|Sub]([Add|Sum](" + conv + "), @))"},
      {"", "[" + kActivation + "]([Add|Sub]([Mul|Div](BatchNormalization(?), @), @))"},
      {"", "MaxPool|AveragePool(Pad(?))"},
      {"", "[Add]([" + kActivation +
               "]([Add|Sum]([Mul|Div](MatMul|Gemm([Mul|Div]([Transpose](?), @), [Mul|Div]([Transpose](?), @)), @))))"},
      // One rounding less where multiplication and addition become one instruction.
      {"", "Add(Mul(?, ?), ?)"},
      {"SiLU", "Mul(x:[BatchNormalization]([Conv|ConvTranspose](?)), Sigmoid([Mul](x, @)))"},
      {"HardSwish", "Mul(x:[BatchNormalization]([Conv|ConvTranspose](?)), HardSigmoid(x))"},
      {"HardSwish", "Mul|Div(Mul(x:[BatchNormalization]([Conv|ConvTranspose](?)), Clip([Min](Add(x, @)))), @)"},
      {"HardSwish", "Mul(x:[BatchNormalization]([Conv|ConvTranspose](?)), Mul|Div(Clip(Add(x, @)), @))"},
      {"Mish", "Mul(x:[BatchNormalization]([Conv|ConvTranspose](?)), Tanh(Softplus(x)))"},
      {"Gelu", "Mul(Mul(" + bias + ", " + erf + "), @)"},
      {"Gelu", "Mul(" + bias + ", Mul(" + erf + ", @))"},
      {"Gelu", "Mul(Mul(" + bias + ", @), " + erf + ")"},
      {"Gelu", "Mul(Mul(" + bias + ", @), " + tanh + ")"},
      {"Gelu", "Mul(Mul(" + bias + ", " + tanh + "), @)"},
      {"Gelu", "Mul(" + bias + ", Mul(" + tanh + ", @))"},
      {"Gelu", "Gelu(Add([MatMul|Gemm](?)))"},
      {"LayerNormalization", "[Add]([Mul](" + normalised + ", @), @)"},
      {"LayerNormalization", "[Add]([Mul](" + normalised_twice + ", @), @)"},
      {"RMSNormalization", "[Mul](Mul(x, Reciprocal(Sqrt(Add(ReduceMean(Pow|Mul(x)), @)))), @)"},
      {"RMSNormalization", "[Mul](Mul(x, Div(@, Sqrt(Add(ReduceMean(Pow|Mul(x)), @)))), @)"},
      {"RMSNormalization", "[Mul](Div(x, Sqrt(Add(ReduceMean(Pow|Mul(x)), @))), @)"},
      {"", "LayerNormalization|RMSNormalization(Add([Add](?)))"},
      {"L2 normalisation",
       "Div(x, [Expand]([Max|Clip|Add]([Sqrt]([Max|Clip|Add](ReduceL2|ReduceSum([Pow|Mul](x)))))))"},
      {"softmax", "Div(e:Exp([Sub](x, [Expand]([Reshape]([Max](ReduceMax(x)))))), [Expand]([Reshape](ReduceSum(e))))"},
      {"attention", "Add([Add](MatMul(" + attention(kHeads) + ", @)), l)"},
      {"attention", "[Add]([Add](MatMul(" + attention(kHeads) + ", @)))"},
      {"attention", attention(kAnyHeads), true},
      {"attention", attention("?")},
      // OpenVINO sums over the layout in which the convolution left its result; after a cut it is another one.
      {"", "ReduceMean|ReduceSum|GlobalAveragePool(" + conv_and_more + ")", true},
      // ONNX Runtime moves transpositions behind what follows, so that other axes are summed over.
      {"", "ReduceMean|ReduceSum(Transpose(?))", true},
      {"", "ReduceMean(Add([Add](MatMul(?))))", true},
      {"",
       "[" + kActivation +
           "]([Add]([Mul](Cast(MatMulInteger|ConvInteger(DynamicQuantizeLinear)), [Mul](DynamicQuantizeLinear)), @))",
       true},
  };
}

bool IsQuantize(const Op& op) { return op.type == "QuantizeLinear"; }
bool IsDequantize(const Op& op) { return op.type == "DequantizeLinear"; }

// Whether all that is made inside is read inside, but for what the last op makes.
bool IsClosed(const Graph& graph, const std::vector<OpId>& ops) {
  if (ops.empty()) return true;
  const auto inside = [&](OpId id) { return std::binary_search(ops.begin(), ops.end(), id); };
  return std::all_of(ops.begin(), ops.end() - 1, [&](OpId id) {
    return std::all_of(graph.op(id).outputs.begin(), graph.op(id).outputs.end(), [&](TensorId output) {
      if (output == kNone) return true;
      const Readers readers = ReadersOf(graph, output);
      return !readers.outside && std::all_of(readers.ops.begin(), readers.ops.end(), inside);
    });
  });
}

std::string NameOf(const Graph& graph, const std::string& what, const std::vector<OpId>& ops) {
  std::vector<std::string> types;
  for (const OpId id : ops) types.push_back(graph.op(id).type);
  const std::string joined = Join(types, "+");
  return what.empty() ? joined : fmt::format("{} ({})", what, joined);
}

// An op that computes, with the dequantization of what it reads and the quantization of what it makes: engines run it
// on integers.
void AddQuantized(const Graph& graph, OpId id, std::vector<Fusion>& fusions) {
  const Op& op = graph.op(id);
  if (op.constant || IsQuantize(op) || IsDequantize(op)) return;
  std::set<OpId> ops{id};
  for (const TensorId input : op.inputs) {
    const OpId producer = input == kNone ? kNone : graph.tensor(input).producer;
    if (producer != kNone && !graph.op(producer).constant && IsDequantize(graph.op(producer))) ops.insert(producer);
  }
  for (const TensorId output : op.outputs) {
    if (output == kNone) continue;
    for (const OpId reader : graph.tensor(output).consumers) {
      if (IsQuantize(graph.op(reader))) ops.insert(reader);
    }
  }
  if (ops.size() < 2) return;
  const std::vector<OpId> sorted(ops.begin(), ops.end());
  fusions.push_back({NameOf(graph, "quantized " + op.type, sorted), sorted});
}

bool Holds(const Fusion& outer, const Fusion& inner) {
  return std::includes(outer.ops.begin(), outer.ops.end(), inner.ops.begin(), inner.ops.end());
}

// Without those that lie in another; of equal ones the first stays.
std::vector<Fusion> Maximal(const Graph& graph, std::vector<Fusion> all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Fusion& a, const Fusion& b) { return a.ops.size() > b.ops.size(); });
  std::vector<Fusion> kept;
  std::vector<std::vector<size_t>> by_op(graph.ops().size());  // of `kept`
  for (Fusion& fusion : all) {
    const auto& around = by_op[static_cast<size_t>(fusion.ops.front())];
    if (std::any_of(around.begin(), around.end(), [&](size_t i) { return Holds(kept[i], fusion); })) continue;
    for (const OpId id : fusion.ops) by_op[static_cast<size_t>(id)].push_back(kept.size());
    kept.push_back(std::move(fusion));
  }
  std::stable_sort(kept.begin(), kept.end(), [](const Fusion& a, const Fusion& b) { return a.ops < b.ops; });
  return kept;
}

}  // namespace

std::vector<Fusion> FindFusions(const Graph& graph) {
  static const std::vector<Rule> rules = MakeRules();
  static const std::vector<Pattern> patterns = [] {
    std::vector<Pattern> made;
    for (const Rule& rule : rules) made.emplace_back(rule.pattern);
    return made;
  }();
  std::vector<Fusion> fusions;
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
    AddQuantized(graph, id, fusions);
    for (size_t i = 0; i < rules.size(); ++i) {
      std::vector<OpId> ops =
          patterns[i].Match(graph, id, rules[i].shared ? Pattern::Extent::kShared : Pattern::Extent::kFull);
      if (!rules[i].shared && !IsClosed(graph, ops)) ops = patterns[i].Match(graph, id, Pattern::Extent::kShort);
      if (ops.size() < 2 || (!rules[i].shared && !IsClosed(graph, ops))) continue;
      fusions.push_back({NameOf(graph, rules[i].name, ops), ops});
    }
  }
  return Maximal(graph, std::move(fusions));
}

FusionIndex::FusionIndex(const Graph& graph) : fusions_(FindFusions(graph)), at_position_(graph.ops().size() + 1) {
  for (size_t i = 0; i < fusions_.size(); ++i) {
    for (OpId position = fusions_[i].ops.front() + 1; position <= fusions_[i].ops.back(); ++position) {
      at_position_[static_cast<size_t>(position)].push_back(static_cast<int>(i));
    }
  }
}

std::vector<std::string> FusionIndex::NamesAt(int position) const {
  std::vector<std::string> names;
  for (const int i : AtPosition(position)) {
    const std::string& name = fusions_[static_cast<size_t>(i)].name;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace consort
