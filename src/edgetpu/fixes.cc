#include "edgetpu/fixes.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

namespace consort {
namespace {

// What can take an operator's place before the model is trained, of what the compiler lists.
const std::unordered_map<std::string_view, std::string_view>& Substitutes() {
  static constexpr std::string_view kActivation = "train with Relu, Relu6 or Sigmoid in its place";
  static constexpr std::string_view kNorm = "train with BatchNormalization in its place, which goes into the weights";
  static const std::unordered_map<std::string_view, std::string_view> substitutes = {
      {"LeakyRelu", "train with PRelu or Relu in its place"},
      {"HardSwish", kActivation},
      {"HardSigmoid", "train with Sigmoid or Relu6 in its place"},
      {"Elu", kActivation},
      {"Selu", kActivation},
      {"Gelu", kActivation},
      {"Erf", kActivation},
      {"Mish", kActivation},
      {"Softplus", kActivation},
      {"Softsign", kActivation},
      {"LRN", kNorm},
      {"LayerNormalization", kNorm},
      {"InstanceNormalization", kNorm},
      {"GroupNormalization", kNorm},
      {"GRU", "train with convolutions in its place"},
      {"RNN", "train with convolutions in its place"},
  };
  return substitutes;
}

// "--shape x:1x3xHEIGHTxWIDTH": a batch of one, the model's own names for what else is open.
std::string ShapeOption(const Tensor& input) {
  std::string sizes;
  for (size_t axis = 0; axis < input.spec.shape.size(); ++axis) {
    const int64_t size = input.spec.shape[axis];
    const std::string name = axis < input.dim_names.size() && !input.dim_names[axis].empty() ? input.dim_names[axis]
                                                                                            : "SIZE";
    if (axis > 0) sizes += 'x';
    sizes += size != kDynamic ? std::to_string(size) : axis == 0 ? "1" : name;
  }
  return fmt::format("--shape {}:{}", input.name, sizes);
}

std::string FixForOpenShape(const Graph& graph) {
  for (const TensorId id : graph.inputs()) {
    const Tensor& input = graph.tensor(id);
    if (input.has_rank && !IsStatic(input.spec.shape)) return ShapeOption(input) + " fixes the sizes";
  }
  return "";  // it depends on values
}

// A batch in an input is what most often makes a fourth axis.
std::string FixForAxes(const Graph& graph) {
  for (const TensorId id : graph.inputs()) {
    Tensor input = graph.tensor(id);
    if (input.spec.shape.empty() || input.spec.shape.front() <= 1) continue;
    input.spec.shape.front() = 1;
    return ShapeOption(input) + " takes one sample at a time";
  }
  return "divide the tensor along its outer axes";
}

}  // namespace

std::string FixFor(const Graph& graph, const Op& op, const EdgeTpuVerdict& verdict) {
  switch (verdict.limit) {
    case EdgeTpuLimit::kNone:
      return "";
    case EdgeTpuLimit::kOpenShape:
      return FixForOpenShape(graph);
    case EdgeTpuLimit::kAxes:
      return FixForAxes(graph);
    case EdgeTpuLimit::kType:
      return "compute it in float32, which becomes int8";
    case EdgeTpuLimit::kUse:
      return "give it sizes and operands that the compiler takes";
    case EdgeTpuLimit::kOperator:
      break;
  }
  return FixForConversion(op);
}

std::string FixForConversion(const Op& op) {
  const auto substitute = Substitutes().find(op.domain.empty() ? op.type : "");
  return substitute == Substitutes().end() ? "" : std::string(substitute->second);
}

}  // namespace consort
