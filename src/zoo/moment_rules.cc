// Moments of operators without weights.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "model/node_queries.h"
#include "zoo/elementwise.h"
#include "zoo/moment_walk.h"

namespace consort::zoo {
namespace {

constexpr double kSomeClasses = 64;    // of a softmax whose axis has no known size
constexpr double kSomePositions = 49;  // of an image of unknown size
constexpr double kLongestExponent = 20;

double Square(double x) { return x * x; }

double ProductOfInts(const onnx::NodeProto& node, const char* name, double otherwise) {
  const auto* attribute = FindAttribute(node, name);
  if (attribute == nullptr) return otherwise;
  double product = 1;
  for (const int64_t value : attribute->ints()) product *= static_cast<double>(value);
  return product;
}

int AxisAttribute(const onnx::NodeProto& node, int otherwise) {
  const auto* attribute = FindAttribute(node, "axis");
  return attribute == nullptr ? otherwise : static_cast<int>(attribute->i());
}

bool StartsWith(const onnx::NodeProto& node, const char* prefix) { return node.op_type().rfind(prefix, 0) == 0; }
bool EndsWith(const onnx::NodeProto& node, std::string_view suffix) {
  return std::string_view(node.op_type()).ends_with(suffix);
}

}  // namespace

Estimate MomentWalk::VisitOther(const onnx::NodeProto& node) {
  if (IsLinear(node, weights_)) return Linear(node);
  if (IsNormalisation(node, weights_))
    return node.op_type() == "BatchNormalization" ? BatchNorm(node) : Normalisation(node);
  using Rule = Estimate (MomentWalk::*)(const onnx::NodeProto&);
  static const std::map<std::string, Rule> rules = {
      {"Conv", &MomentWalk::Product},  {"MatMul", &MomentWalk::Product},  {"Gemm", &MomentWalk::Product},
      {"Gather", &MomentWalk::Gather}, {"LSTM", &MomentWalk::Recurrent},  {"GRU", &MomentWalk::Recurrent},
      {"RNN", &MomentWalk::Recurrent}, {"Softmax", &MomentWalk::Softmax}, {"Concat", &MomentWalk::Concat},
      {"Equal", &MomentWalk::OneHot},  {"OneHot", &MomentWalk::OneHot},
  };
  const auto rule = rules.find(node.op_type());
  if (rule != rules.end()) return (this->*rule->second)(node);
  if (EndsWith(node, "Pool")) return Pool(node);
  if (StartsWith(node, "Reduce")) return Reduce(node);
  return Elementwise(node);
}

// Elementwise operators; any other hands the values of its first operand on.
Estimate MomentWalk::Elementwise(const onnx::NodeProto& node) {
  DrawOperands(node);
  std::vector<Estimate> operands;
  for (const auto& input : node.input()) operands.push_back(Get(input));
  if (operands.empty()) return Estimate::Normal({});
  if (IsCombination(node)) return Combine(node, operands);
  const auto function = ElementFunction(node, operands);
  return function ? operands.front().Map(function) : operands.front();
}

// Of two activations: attention's scores and its weighted means.
Estimate MomentWalk::Product(const onnx::NodeProto& node) {
  const Estimate left = Get(node.input(0));
  const Moments a = left.moments();
  const Moments b = Get(node.input(1)).moments();
  if (left.collision() > 0) {
    const double second = left.collision() * b.second + (1 - left.collision()) * b.shared;
    return Estimate::Normal({b.mean, second, b.shared});
  }
  const double count = SizeOf(node.input(0), -1, kSomeClasses);
  const double means = Square(a.mean * b.mean);
  const double mean = count * a.mean * b.mean;
  return Estimate::Normal({mean, count * (a.second * b.second - means) + Square(mean),
                           count * (a.shared * b.shared - means) + Square(mean)});
}

// For normal logits of variance v, Σp² over n classes is near exp(v) / n.
Estimate MomentWalk::Softmax(const onnx::NodeProto& node) {
  const double classes = SizeOf(node.input(0), AxisAttribute(node, -1), kSomeClasses);
  const double variance = std::min(Get(node.input(0)).moments().variance(), kLongestExponent);
  const double collision = std::min(1.0, std::exp(variance) / classes);
  return Estimate::Normal({1 / classes, collision / classes, Square(1 / classes)}).WithCollision(collision);
}

// One of a row's elements is 1.
Estimate MomentWalk::OneHot(const onnx::NodeProto& node) {
  const double share = 1 / SizeOf(node.output(0), -1, kSomeClasses);
  return Estimate::Normal({share, share, Square(share)});
}

Estimate MomentWalk::Pool(const onnx::NodeProto& node) {
  const bool global = StartsWith(node, "Global");
  const double positions =
      SizeOf(node.input(0), 2, std::sqrt(kSomePositions)) * SizeOf(node.input(0), 3, std::sqrt(kSomePositions));
  const double count = global ? positions : ProductOfInts(node, "kernel_shape", 1);
  const Estimate x = Get(node.input(0));
  return EndsWith(node, "MaxPool") ? x.LargestOf(count) : x.MeanOf(count);
}

Estimate MomentWalk::Reduce(const onnx::NodeProto& node) {
  const Shape* shape = ShapeOf(node.input(0));
  std::vector<int64_t> axes;
  if (const auto* attribute = FindAttribute(node, "axes"))
    axes.assign(attribute->ints().begin(), attribute->ints().end());
  if (node.input_size() > 1 && integers_.count(node.input(1)) > 0) axes = integers_.at(node.input(1));
  bool positions_only = shape != nullptr && shape->size() == 4 && !axes.empty();
  double count = axes.empty() ? kSomePositions : 1;
  for (const int64_t axis : axes) {
    count *= SizeOf(node.input(0), static_cast<int>(axis), kSomePositions);
    positions_only = positions_only && (axis >= 2 || (axis < 0 && axis >= -2));
  }
  const Estimate x = Get(node.input(0));
  const Moments m = x.moments();
  if (EndsWith(node, "Max")) return x.LargestOf(count);
  if (EndsWith(node, "L2")) return Estimate::Constant(std::sqrt(count * m.second));
  if (EndsWith(node, "SumSquare")) return Estimate::Constant(count * m.second);
  const Moments mean = positions_only ? x.MeanOf(count).moments()
                                      : Moments{m.mean, Square(m.mean) + m.variance() / count,
                                                Square(m.mean) + (m.shared - Square(m.mean)) / count};
  return Estimate::Normal(EndsWith(node, "Sum") ? Scaled(mean, count) : mean);
}

// Operands weigh as much as they are long.
Estimate MomentWalk::Concat(const onnx::NodeProto& node) {
  Moments sum = {0, 0, 0};
  double total = 0;
  for (const auto& input : node.input()) {
    const double length = SizeOf(input, AxisAttribute(node, 1), 1);
    const Moments m = Get(input).moments();
    sum = {sum.mean + length * m.mean, sum.second + length * m.second, sum.shared + length * m.shared};
    total += length;
  }
  if (total <= 0) return Estimate::Normal({});
  return Estimate::Normal({sum.mean / total, sum.second / total, sum.shared / total});
}

}  // namespace consort::zoo
