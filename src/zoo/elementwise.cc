#include "zoo/elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "model/node_queries.h"

namespace consort::zoo {
namespace {

using Function = std::function<double(double)>;
using Pair = std::function<double(double, double)>;

constexpr double kMask = 1e6;  // second moment of what hides positions: no part of the values that remain
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Softplus(double x) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0); }
double HardSigmoid(double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }
double Gelu(double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; }

// Operators without attributes that matter here.
const std::map<std::string, Function>& PlainFunctions() {
  static const std::map<std::string, Function> functions = {
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"Sigmoid", Sigmoid},
      {"Tanh", [](double x) { return std::tanh(x); }},
      {"Erf", [](double x) { return std::erf(x); }},
      {"Gelu", Gelu},
      {"Exp", [](double x) { return std::exp(x); }},
      {"Log", [](double x) { return std::log(x); }},
      {"Sqrt", [](double x) { return std::sqrt(x); }},
      {"Abs", [](double x) { return std::abs(x); }},
      {"Neg", [](double x) { return -x; }},
      {"Sin", [](double x) { return std::sin(x); }},
      {"Cos", [](double x) { return std::cos(x); }},
      {"Softplus", Softplus},
      {"Softsign", [](double x) { return x / (1 + std::abs(x)); }},
      {"HardSwish", [](double x) { return x * HardSigmoid(x); }},
      {"Mish", [](double x) { return x * std::tanh(Softplus(x)); }},
      {"Selu", [](double x) { return 1.0507 * (x > 0 ? x : 1.6733 * std::expm1(x)); }},
  };
  return functions;
}

double FloatAttribute(const onnx::NodeProto& node, const char* name, double otherwise) {
  const auto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->f();
}

Function ClipFunction(const onnx::NodeProto& node, const std::vector<Estimate>& operands) {
  const auto bound = [&](size_t position, const char* name, double otherwise) {
    const bool given = position < operands.size() && operands[position].is_constant();
    return given ? operands[position].constant() : FloatAttribute(node, name, otherwise);
  };
  const bool has_lower = node.input_size() > 1 && !node.input(1).empty();
  const bool has_upper = node.input_size() > 2 && !node.input(2).empty();
  const double lower = has_lower ? bound(1, "min", -kInfinity) : FloatAttribute(node, "min", -kInfinity);
  const double upper = has_upper ? bound(2, "max", kInfinity) : FloatAttribute(node, "max", kInfinity);
  return [lower, upper](double x) { return std::min(std::max(x, lower), upper); };
}

// To first order: values near 0, as a quotient of normals has them, are what an implementation's epsilon keeps away.
Estimate Reciprocal(const Estimate& x) {
  if (x.is_constant()) return x.Map([](double value) { return 1 / value; });
  const Moments& m = x.moments();
  const double square = m.mean * m.mean;
  if (square > m.variance()) {
    const double second = (1 + m.variance() / square) / square;
    return Estimate::Normal({.mean = 1 / m.mean, .second = second, .shared = second});
  }
  return Estimate::Normal({.mean = 0, .second = m.second > 0 ? 1 / m.second : 1, .shared = 0});
}

Pair PairFunction(const std::string& type) {
  if (type == "Add" || type == "Sum" || type == "Mean") return [](double a, double b) { return a + b; };
  if (type == "Sub") return [](double a, double b) { return a - b; };
  if (type == "Mul") return [](double a, double b) { return a * b; };
  if (type == "Div") return [](double a, double b) { return a / b; };
  if (type == "Pow") return [](double a, double b) { return std::pow(a, b); };
  if (type == "Max") return [](double a, double b) { return std::max(a, b); };
  if (type == "Min") return [](double a, double b) { return std::min(a, b); };
  return [](double x, double slope) { return x < 0 ? slope * x : x; };  // PRelu
}

Estimate CombineTwo(const std::string& type, const Estimate& a, const Estimate& b) {
  if (b.moments().second > kMask) return a;
  if (a.moments().second > kMask) return b;
  if (a.SharesRoot(b)) return a.Zip(b, PairFunction(type));
  if (type == "Mul") return Estimate::Normal(ProductOf(a.moments(), b.moments()));
  if (type == "Div") return Estimate::Normal(ProductOf(a.moments(), Reciprocal(b).moments()));
  if (type == "Sub") return Estimate::Normal(SumOf(a.moments(), Scaled(b.moments(), -1)));
  if (type == "PRelu") return a.Map([&](double x) { return x < 0 ? b.moments().mean * x : x; });
  if (type == "Add" || type == "Sum" || type == "Mean") return Estimate::Normal(SumOf(a.moments(), b.moments()));
  return a;
}

}  // namespace

Function ElementFunction(const onnx::NodeProto& node, const std::vector<Estimate>& operands) {
  const std::string& type = node.op_type();
  const auto plain = PlainFunctions().find(type);
  if (plain != PlainFunctions().end()) return plain->second;
  if (type == "Clip") return ClipFunction(node, operands);
  const double alpha = FloatAttribute(node, "alpha", type == "LeakyRelu" ? 0.01 : type == "HardSigmoid" ? 0.2 : 1);
  if (type == "LeakyRelu") return [alpha](double x) { return x < 0 ? alpha * x : x; };
  if (type == "Elu") return [alpha](double x) { return x < 0 ? alpha * std::expm1(x) : x; };
  if (type == "HardSigmoid") {
    const double beta = FloatAttribute(node, "beta", 0.5);
    return [alpha, beta](double x) { return std::clamp(alpha * x + beta, 0.0, 1.0); };
  }
  return nullptr;
}

bool IsCombination(const onnx::NodeProto& node) {
  static const std::vector<std::string> types = {"Add", "Sub", "Mul",  "Div",   "Pow",   "Max",
                                                 "Min", "Sum", "Mean", "PRelu", "Where", "Reciprocal"};
  return std::find(types.begin(), types.end(), node.op_type()) != types.end();
}

Estimate Combine(const onnx::NodeProto& node, const std::vector<Estimate>& operands) {
  if (node.op_type() == "Where") return operands.at(1).is_constant() ? operands.at(2) : operands.at(1);
  if (node.op_type() == "Reciprocal") return Reciprocal(operands.at(0));
  Estimate result = operands.at(0);
  for (size_t i = 1; i < operands.size(); ++i) result = CombineTwo(node.op_type(), result, operands[i]);
  if (node.op_type() != "Mean") return result;
  const double share = 1.0 / static_cast<double>(operands.size());
  return result.Map([share](double x) { return x * share; });
}

}  // namespace consort::zoo
