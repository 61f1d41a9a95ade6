#include "tflite/operator_macs.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "tflite/operator_names.h"

namespace consort::tflite {
namespace {

constexpr MacCount kUnknown{0, false};

using Sizes = std::vector<int32_t>;

// The shapes of one operator's operands.
class Operands {
 public:
  Operands(const SubgraphEntry& graph, const OperatorEntry& op) : graph_(graph), op_(op) {}
  // nullptr where it is left out or has another rank (0: any but a scalar).
  const Sizes* input(size_t i, size_t rank) const { return Of(op_.inputs, i, rank); }
  const Sizes* output(size_t rank) const { return Of(op_.outputs, 0, rank); }

 private:
  const Sizes* Of(const std::vector<int32_t>& tensors, size_t i, size_t rank) const {
    if (i >= tensors.size() || tensors[i] < 0) return nullptr;
    const Sizes& sizes = graph_.tensors[static_cast<size_t>(tensors[i])].shape;
    const bool fits = rank == 0 ? !sizes.empty() : sizes.size() == rank;
    return fits ? &sizes : nullptr;
  }

  const SubgraphEntry& graph_;
  const OperatorEntry& op_;
};

int64_t Product(Sizes::const_iterator begin, Sizes::const_iterator end) {
  int64_t product = 1;
  for (; begin != end; ++begin) product = SaturatingMultiply(product, *begin);
  return product;
}
int64_t Product(const Sizes& sizes) { return Product(sizes.begin(), sizes.end()); }

// Weights [out, height, width, in / groups].
MacCount Conv2D(const Operands& op) {
  const Sizes* weights = op.input(1, 4);
  const Sizes* output = op.output(4);
  if (weights == nullptr || output == nullptr) return kUnknown;
  return {SaturatingMultiply(Product(*output), Product(weights->begin() + 1, weights->end()))};
}

// Weights [1, height, width, out].
MacCount DepthwiseConv2D(const Operands& op) {
  const Sizes* weights = op.input(1, 4);
  const Sizes* output = op.output(4);
  if (weights == nullptr || output == nullptr) return kUnknown;
  return {SaturatingMultiply(Product(*output), Product(weights->begin() + 1, weights->end() - 1))};
}

// The input comes third; weights [out, height, width, in]: every input value is spread by a filter of each output.
MacCount TransposeConv(const Operands& op) {
  const Sizes* weights = op.input(1, 4);
  const Sizes* input = op.input(2, 4);
  if (weights == nullptr || input == nullptr) return kUnknown;
  return {SaturatingMultiply(Product(*input), Product(weights->begin(), weights->end() - 1))};
}

// Weights [depth, height, width, in, out].
MacCount Conv3D(const Operands& op) {
  const Sizes* weights = op.input(1, 5);
  const Sizes* output = op.output(5);
  if (weights == nullptr || output == nullptr) return kUnknown;
  return {SaturatingMultiply(Product(*output), Product(weights->begin(), weights->end() - 1))};
}

// Weights [out, in].
MacCount FullyConnected(const Operands& op) {
  const Sizes* weights = op.input(1, 2);
  const Sizes* output = op.output(0);
  if (weights == nullptr || output == nullptr) return kUnknown;
  return {SaturatingMultiply(Product(*output), weights->back())};
}

// The last two axes of the left operand are [rows, depth], or the other way round; the output's are [rows, columns].
MacCount BatchMatMul(const Operands& op) {
  const Sizes* left = op.input(0, 0);
  const Sizes* output = op.output(0);
  if (left == nullptr || output == nullptr || left->size() < 2 || output->size() < 2) return kUnknown;
  const int64_t rows = (*output)[output->size() - 2];
  const int64_t pair = Product(left->end() - 2, left->end());
  return rows == 0 ? MacCount{0} : MacCount{SaturatingMultiply(Product(*output), pair / rows)};
}

using Formula = MacCount (*)(const Operands&);

const std::unordered_map<int32_t, Formula>& Formulas() {
  static const std::unordered_map<int32_t, Formula> formulas = {
      {static_cast<int32_t>(Builtin::kConv2D), Conv2D},
      {static_cast<int32_t>(Builtin::kDepthwiseConv2D), DepthwiseConv2D},
      {static_cast<int32_t>(Builtin::kTransposeConv), TransposeConv},
      {static_cast<int32_t>(Builtin::kConv3D), Conv3D},
      {static_cast<int32_t>(Builtin::kFullyConnected), FullyConnected},
      {static_cast<int32_t>(Builtin::kBatchMatMul), BatchMatMul},
  };
  return formulas;
}

// Operators that multiply, but not as shapes alone tell.
bool HidesMacs(std::string_view name) {
  static constexpr std::string_view kNames[] = {"CUSTOM",
                                                "DELEGATE",
                                                "UNKNOWN_BUILTIN",
                                                "LSTM",
                                                "RNN",
                                                "SVDF",
                                                "UNIDIRECTIONAL_SEQUENCE_RNN",
                                                "UNIDIRECTIONAL_SEQUENCE_LSTM",
                                                "BIDIRECTIONAL_SEQUENCE_RNN",
                                                "BIDIRECTIONAL_SEQUENCE_LSTM",
                                                "CONV_3D_TRANSPOSE",
                                                "STABLEHLO_CONVOLUTION",
                                                "STABLEHLO_DOT_GENERAL",
                                                "STABLEHLO_CUSTOM_CALL",
                                                "STABLEHLO_COMPOSITE"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace

MacCount CountMacs(const SubgraphEntry& graph, const CodeEntry& code, const OperatorEntry& op) {
  const auto formula = Formulas().find(code.builtin);
  if (formula != Formulas().end()) return formula->second(Operands(graph, op));
  return HidesMacs(BuiltinName(code.builtin)) ? kUnknown : MacCount{};
}

}  // namespace consort::tflite
