#include "model/op_cost.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/node_queries.h"

namespace consort {
namespace {

constexpr MacCount kUnknown{0, false};

// The operands and attributes of one op, as the formulas ask for them.
class OpView {
 public:
  OpView(const onnx::NodeProto& node, const OperandShapes& shapes) : node_(node), shapes_(shapes) {}

  // The shape of an operand if all of it is known, else nullptr.
  const Shape* input(size_t i) const { return Known(shapes_.inputs, i); }
  const Shape* output(size_t i) const { return Known(shapes_.outputs, i); }
  bool has_input(int i) const { return i < node_.input_size() && !node_.input(i).empty(); }

  int64_t Int(std::string_view name, int64_t otherwise) const {
    const auto* attribute = FindAttribute(node_, name);
    return attribute == nullptr ? otherwise : attribute->i();
  }
  std::string Text(std::string_view name) const {
    const auto* attribute = FindAttribute(node_, name);
    return attribute == nullptr ? "" : attribute->s();
  }

 private:
  static const Shape* Known(const std::vector<const Shape*>& shapes, size_t i) {
    return i < shapes.size() && shapes[i] != nullptr && IsStatic(*shapes[i]) ? shapes[i] : nullptr;
  }
  const onnx::NodeProto& node_;
  const OperandShapes& shapes_;
};

int64_t Elements(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count = SaturatingMultiply(count, size);
  return std::find(shape.begin(), shape.end(), 0) == shape.end() ? count : 0;
}

MacCount Product(int64_t a, int64_t b) {
  const int64_t macs = SaturatingMultiply(a, b);
  return {macs, macs != std::numeric_limits<int64_t>::max()};
}

// Weights [M, C/group, kernel...]: every output element takes the weights of one filter.
template <size_t weights_input>
MacCount Conv(const OpView& op) {
  const Shape* weights = op.input(weights_input);
  const Shape* output = op.output(0);
  if (weights == nullptr || output == nullptr || weights->empty() || weights->front() == 0) return kUnknown;
  return Product(Elements(*output), Elements(*weights) / weights->front());
}

// Weights [C, M/group, kernel...]: every input element is spread by the weights of its channel.
MacCount ConvTranspose(const OpView& op) {
  const Shape* weights = op.input(1);
  const Shape* input = op.input(0);
  if (weights == nullptr || input == nullptr || weights->empty() || weights->front() == 0) return kUnknown;
  return Product(Elements(*input), Elements(*weights) / weights->front());
}

MacCount Gemm(const OpView& op) {
  const Shape* a = op.input(0);
  const Shape* output = op.output(0);
  if (a == nullptr || output == nullptr || a->size() != 2) return kUnknown;
  return Product(Elements(*output), op.Int("transA", 0) != 0 ? (*a)[0] : (*a)[1]);
}

// Every output element is a sum over the last axis of the left operand.
MacCount MatMul(const OpView& op) {
  const Shape* a = op.input(0);
  const Shape* output = op.output(0);
  if (a == nullptr || output == nullptr || a->empty()) return kUnknown;
  return Product(Elements(*output), a->back());
}

// X [seq, batch, in] (or batch first), W [directions, gates*hidden, in], R [directions, gates*hidden, hidden].
MacCount Recurrent(const OpView& op) {
  const Shape* x = op.input(0);
  const Shape* w = op.input(1);
  const Shape* r = op.input(2);
  if (x == nullptr || w == nullptr || r == nullptr || x->size() != 3) return kUnknown;
  return Product(SaturatingMultiply((*x)[0], (*x)[1]), SaturatingAdd(Elements(*w), Elements(*r)));
}

// Splits "ij,jk->ik" into operand terms and the result term (nothing when it is implied).
struct Equation {
  std::vector<std::string> operands{""};
  std::optional<std::string> result;
};

Equation ParseEquation(const std::string& text) {
  Equation equation;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '-' && i + 1 < text.size() && text[i + 1] == '>') {
      equation.result.emplace();
      ++i;
    } else if (equation.result) {
      *equation.result += text[i];
    } else if (text[i] == ',') {
      equation.operands.emplace_back();
    } else {
      equation.operands.back() += text[i];
    }
  }
  return equation;
}

// Sizes of the labels of one operand: those before an ellipsis count from the front, those behind it from the back.
bool ReadLabels(const std::string& term, const Shape& shape, std::map<char, int64_t>& sizes,
                std::map<char, int>& uses) {
  const size_t dots = term.find("...");
  const std::string front = term.substr(0, dots);
  const std::string back = dots == std::string::npos ? "" : term.substr(dots + 3);
  if (front.size() + back.size() > shape.size()) return false;
  for (size_t i = 0; i < front.size(); ++i) sizes[front[i]] = std::max(sizes[front[i]], shape[i]), ++uses[front[i]];
  for (size_t i = 0; i < back.size(); ++i) {
    sizes[back[i]] = std::max(sizes[back[i]], shape[shape.size() - back.size() + i]);
    ++uses[back[i]];
  }
  return true;
}

// One product per output element and index summed over; of more than two operands, per pair.
MacCount Einsum(const OpView& op) {
  const Equation equation = ParseEquation(op.Text("equation"));
  const Shape* output = op.output(0);
  if (equation.operands.size() < 2) return {};
  std::map<char, int64_t> sizes;
  std::map<char, int> uses;
  for (size_t i = 0; i < equation.operands.size(); ++i) {
    const Shape* operand = op.input(i);
    if (operand == nullptr || !ReadLabels(equation.operands[i], *operand, sizes, uses)) return kUnknown;
  }
  if (output == nullptr) return kUnknown;
  int64_t summed = 1;
  for (const auto& [label, size] : sizes) {
    const bool kept = equation.result ? equation.result->find(label) != std::string::npos : uses[label] == 1;
    if (!kept) summed = SaturatingMultiply(summed, size);
  }
  MacCount count =
      Product(Elements(*output), SaturatingMultiply(summed, static_cast<int64_t>(equation.operands.size()) - 1));
  count.known = count.known && equation.operands.size() == 2;
  return count;
}

// Q·Kᵀ and the scores times V. Rank 4: [batch, heads, length, size]; rank 3 joins heads and size in the last axis.
MacCount Attention(const OpView& op) {
  const Shape* q = op.input(0);
  const Shape* k = op.input(1);
  const Shape* v = op.input(2);
  const Shape* past = op.input(4);
  if (q == nullptr || k == nullptr || v == nullptr || (op.has_input(4) && past == nullptr)) return kUnknown;
  if (q->size() != k->size() || k->size() != v->size() || q->size() < 3 || q->size() > 4) return kUnknown;
  const bool joined = q->size() == 3;
  const int64_t q_heads = joined ? op.Int("q_num_heads", 0) : (*q)[1];
  const int64_t kv_heads = joined ? op.Int("kv_num_heads", 0) : (*k)[1];
  if (q_heads < 1 || kv_heads < 1) return kUnknown;
  const int64_t q_size = joined ? q->back() / q_heads : q->back();
  const int64_t v_size = joined ? v->back() / kv_heads : v->back();
  const size_t length_axis = q->size() - 2;
  const int64_t past_length = past != nullptr && past->size() == 4 ? (*past)[2] : 0;
  const int64_t scores =
      SaturatingMultiply(SaturatingMultiply(q->front(), q_heads),
                         SaturatingMultiply((*q)[length_axis], SaturatingAdd((*k)[length_axis], past_length)));
  return Product(scores, SaturatingAdd(q_size, v_size));
}

using Formula = MacCount (*)(const OpView&);

// ai.onnx only; an op that is not listed counts 0.
const std::unordered_map<std::string_view, Formula>& Formulas() {
  static const std::unordered_map<std::string_view, Formula> formulas = {
      {"Conv", Conv<1>},
      {"ConvInteger", Conv<1>},
      {"QLinearConv", Conv<3>},
      {"DeformConv", Conv<1>},
      {"ConvTranspose", ConvTranspose},
      {"Gemm", Gemm},
      {"MatMul", MatMul},
      {"MatMulInteger", MatMul},
      {"QLinearMatMul", MatMul},
      {"LSTM", Recurrent},
      {"GRU", Recurrent},
      {"RNN", Recurrent},
      {"Einsum", Einsum},
      {"Attention", Attention},
  };
  return formulas;
}

}  // namespace

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

int64_t SaturatingMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() : product;
}

MacCount CountMacs(const onnx::NodeProto& node, const OperandShapes& shapes) {
  if (!node.domain().empty()) return {0, node.domain().starts_with("ai.onnx.")};
  const auto formula = Formulas().find(node.op_type());
  return formula == Formulas().end() ? MacCount{} : formula->second(OpView(node, shapes));
}

}  // namespace consort
