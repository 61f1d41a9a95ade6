// The walk itself and the layers that have weights; moment_rules.cc has the operators that have none.
#include "zoo/moment_walk.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/node_queries.h"
#include "zoo/constants.h"
#include "zoo/node_types.h"
#include "zoo/window_taps.h"

namespace consort::zoo {
namespace {

constexpr double kBiasShare = 0.05;  // deviation of biases and running means, in units of what they are added to
// Filters of fewer taps keep their mean: so little is left of them otherwise.
constexpr double kFewTaps = 16;
// Dense layers of fewer units: where so few are rectified, chance would silence them all. Their weights are scaled to
// the mean square that they happen to have; before a rectifier they lean to the positive side, and biases do, too.
constexpr double kFewUnits = 16;
constexpr double kNarrowBias = 0.5;  // mean of the biases, in units of what they are added to
// Filters lose half of their mean, in deep networks a quarter: with all of it every input would stay apart from every
// other, but rounding differences would grow layer by layer; with none all inputs would end in nearly the same
// activations.
constexpr double kDeep = 32;
constexpr Moments kInput = {.mean = 0.5, .second = 1.0 / 3, .shared = 0.25};  // uniform in [0, 1)
constexpr Moments kIntegers = {.mean = 0.5, .second = 0.5, .shared = 0.25};   // 0 or 1
constexpr int64_t kMostConstants = 1'000'000;  // values that are looked at, of a tensor that is no weight

Shape ShapeFrom(const onnx::TypeProto& type) {
  Shape shape;
  for (const auto& dim : type.tensor_type().shape().dim())
    shape.push_back(dim.has_dim_value() ? dim.dim_value() : kDynamic);
  return shape;
}

bool IsFloating(int type) {
  return type == onnx::TensorProto::FLOAT || type == onnx::TensorProto::DOUBLE || type == onnx::TensorProto::FLOAT16 ||
         type == onnx::TensorProto::BFLOAT16;
}

Estimate EstimateOf(const onnx::TensorProto& tensor) {
  if (ElementsOf(tensor) > kMostConstants) return Estimate::Normal({});
  const std::vector<double> values = NumbersOf(tensor);
  if (values.empty()) return Estimate::Normal({});
  if (values.size() == 1) return Estimate::Constant(values.front());
  Moments m = {0, 0, 0};
  for (const double value : values) {
    m.mean += value / static_cast<double>(values.size());
    m.second += value * value / static_cast<double>(values.size());
  }
  m.shared = m.second;
  return Estimate::Normal(m);
}

double Attribute(const onnx::NodeProto& node, const char* name, double otherwise) {
  const auto* attribute = FindAttribute(node, name);
  if (attribute == nullptr) return otherwise;
  return attribute->type() == onnx::AttributeProto::INT ? static_cast<double>(attribute->i()) : attribute->f();
}

double Square(double x) { return x * x; }

}  // namespace

MomentWalk::MomentWalk(const onnx::GraphProto& graph, const Weights& weights, const LayerTargets& targets)
    : graph_(graph), weights_(weights), targets_(targets) {
  for (const auto* infos : {&graph.value_info(), &graph.input(), &graph.output()}) {
    for (const auto& info : *infos) {
      if (info.type().tensor_type().has_shape()) shapes_[info.name()] = ShapeFrom(info.type());
    }
  }
  for (const auto& input : graph.input()) {
    estimates_[input.name()] =
        Estimate::Normal(IsFloating(input.type().tensor_type().elem_type()) ? kInput : kIntegers);
  }
  for (const auto& tensor : graph.initializer()) {
    shapes_[tensor.name()] = Shape(tensor.dims().begin(), tensor.dims().end());
    if (tensor.dims_size() <= 1 && ElementsOf(tensor) <= 8) integers_[tensor.name()] = IntegersOf(tensor);
    estimates_.erase(tensor.name());
    if (weights.Find(tensor.name()) == nullptr) estimates_[tensor.name()] = EstimateOf(tensor);
  }
  table_deviation_ = TableDeviation();
}

// A table of words that multiplies the last activations as well gives logits: its rows are filters over the width.
// Tables that are added to it, of positions for example, are as small.
double MomentWalk::TableDeviation() const {
  for (const auto& node : graph_.node()) {
    const Weight* table = node.op_type() == "Gather" ? weights_.Find(node.input(0)) : nullptr;
    if (table != nullptr && table->role == Role::kFilter)
      return kLogitDeviation / std::sqrt(SizeOf(node.input(0), -1, 1));
  }
  return 1;
}

void MomentWalk::Run() {
  for (const auto& node : graph_.node()) Visit(node);
}

Moments MomentWalk::MomentsOf(const std::string& tensor) const { return Get(tensor).moments(); }

void MomentWalk::Visit(const onnx::NodeProto& node) {
  if (node.op_type() == "Constant") {
    const auto* value = FindAttribute(node, "value");
    if (value != nullptr && weights_.Find(node.output(0)) == nullptr)
      estimates_[node.output(0)] = EstimateOf(value->t());
    if (value != nullptr && ElementsOf(value->t()) <= 8) integers_[node.output(0)] = IntegersOf(value->t());
    return;
  }
  // A weight on its way to its layer.
  if (node.output_size() > 0 && weights_.Find(node.output(0)) != nullptr) return;
  const Estimate estimate = node.domain().empty() ? VisitOther(node) : Get(node.input_size() > 0 ? node.input(0) : "");
  for (const auto& output : node.output()) estimates_[output] = estimate;
}

Estimate MomentWalk::Get(const std::string& name) const {
  const auto found = estimates_.find(name);
  if (found != estimates_.end()) return found->second;
  const auto weight = weights_.names.find(name);
  const auto draw = weight == weights_.names.end() ? draws_.end() : draws_.find(weight->second);
  if (draw == draws_.end()) return Estimate::Normal({});
  const double second = Square(draw->second.mean()) + Square(draw->second.deviation());
  return Estimate::Normal({draw->second.mean(), second, second});
}

const Shape* MomentWalk::ShapeOf(const std::string& name) const {
  const auto found = shapes_.find(name);
  return found == shapes_.end() ? nullptr : &found->second;
}

double MomentWalk::SizeOf(const std::string& name, int axis, double otherwise) const {
  const Shape* shape = ShapeOf(name);
  if (shape == nullptr) return otherwise;
  const int index = axis < 0 ? axis + static_cast<int>(shape->size()) : axis;
  if (index < 0 || index >= static_cast<int>(shape->size()) || (*shape)[index] == kDynamic) return otherwise;
  return static_cast<double>((*shape)[index]);
}

const Draw& MomentWalk::DrawOnce(const std::string& input, const Draw& draw) {
  return draws_.emplace(weights_.names.at(input), draw).first->second;
}

MomentWalk::Bias MomentWalk::DrawBias(const onnx::NodeProto& node, int position, double deviation, double mean) {
  if (position >= node.input_size() || weights_.Find(node.input(position)) == nullptr) return {};
  const Draw& draw = DrawOnce(node.input(position), Draw::Normal(kBiasShare * deviation, mean));
  return {draw.mean(), Square(draw.deviation())};
}

bool MomentWalk::IsNarrow(const onnx::NodeProto& node, int filter) const {
  return filter == 1 && IsOneOf(node.op_type(), {"Gemm", "MatMul"}) && weights_.Find(node.input(1))->output_axis >= 0 &&
         SizeOf(node.output(0), -1, kFewUnits) < kFewUnits;
}

MomentWalk::Taps MomentWalk::TapsOf(const onnx::NodeProto& node, int filter) const {
  Taps taps;
  const std::string& name = node.input(filter);
  const Shape* shape = ShapeOf(name);
  if (shape == nullptr || shape->empty()) return taps;
  const int rank = static_cast<int>(shape->size());
  double spatial = 1;
  for (int axis = 2; axis < rank; ++axis) spatial *= SizeOf(name, axis, 1);
  if (node.op_type() == "Conv") {
    taps.channels = SizeOf(name, 1, 1);
    taps.live = LiveShare(node);
  } else if (node.op_type() == "ConvTranspose") {
    taps.channels = SizeOf(name, 0, 1) / Attribute(node, "group", 1);
    const auto* strides = FindAttribute(node, "strides");
    for (int i = 0; strides != nullptr && i < strides->ints_size(); ++i)
      spatial /= static_cast<double>(strides->ints(i));
  } else {
    const bool transposed = node.op_type() == "Gemm" && Attribute(node, filter == 1 ? "transB" : "transA", 0) != 0;
    taps.channels = SizeOf(name, (filter == 1) == transposed ? rank - 1 : rank - 2, 1);
    if (rank == 1) taps.channels = SizeOf(name, 0, 1);
    spatial = 1;
  }
  taps.count = taps.channels * spatial;
  taps.centred = taps.count >= kFewTaps && weights_.Find(name)->output_axis >= 0;
  return taps;
}

// E over weights of an output's square is s² · live taps · (second - share · (what all taps have in common)²), share
// what centring takes.
Estimate MomentWalk::Linear(const onnx::NodeProto& node) {
  const Weight* second_operand = weights_.Find(node.input(1));
  const int filter = second_operand != nullptr && second_operand->role == Role::kFilter ? 1 : 0;
  const Weight& weight = *weights_.Find(node.input(filter));
  const Moments x = Get(node.input(1 - filter)).moments();
  const Taps taps = TapsOf(node, filter);
  const double between = (x.shared - Square(x.mean)) / taps.channels;
  const double within = (x.second - x.shared) / taps.count;
  const int64_t parts = targets_.depth > kDeep ? 4 : 2;
  // Of the square of the response to what all taps have in common, that much is lost.
  const double centred = taps.centred ? 1 - Square(1 - 1.0 / static_cast<double>(parts)) : 0;
  const double lowest = 1e-6 * x.second + 1e-30;
  const double live = taps.count * taps.live;
  const double second = live * std::max(lowest, x.second - centred * (Square(x.mean) + between + within));
  const double shared = live * std::max(0.0, x.shared - centred * (Square(x.mean) + between));
  const double gain = node.op_type() == "Gemm" ? std::abs(Attribute(node, "alpha", 1)) : 1;
  const double target = targets_.Of(node.output(0));
  Draw draw = Draw::Normal(target / (std::max(gain, 1e-6) * std::sqrt(second)));
  draw.output_axis = weight.output_axis;
  draw.mean_parts = taps.centred ? parts : 0;
  draw.own_square = IsNarrow(node, filter);
  draw.upright = draw.own_square && x.mean > 0 && !targets_.IsHead(node.output(0));
  const Draw& drawn = DrawOnce(node.input(filter), draw);
  const double s2 = Square(gain * drawn.deviation());
  const Bias bias = DrawBias(node, 2, target, drawn.upright ? kNarrowBias * target : 0);
  // Of a normal sum that changes its sign where it is negative, the mean is sqrt(2/π) deviations.
  const double mean = drawn.upright ? std::sqrt(2 / std::numbers::pi * s2 * shared) : 0;
  const double more = bias.mean * (2 * mean + bias.mean) + bias.variance;
  return Estimate::Normal({mean + bias.mean, s2 * second + more, s2 * shared + more});
}

// Running mean and variance are those that are expected, give or take; scale and the rest make the deviation what is
// wanted.
Estimate MomentWalk::BatchNorm(const onnx::NodeProto& node) {
  const Moments x = Get(node.input(0)).moments();
  const double target = targets_.Of(node.output(0));
  for (int i = 1; i < 5; ++i) {
    if (i >= node.input_size() || weights_.Find(node.input(i)) == nullptr) return Estimate::Normal({0, 1, 0.5});
  }
  const double variance = std::max(x.variance(), 1e-12);
  const Draw& mean = DrawOnce(node.input(3), Draw::Normal(kBiasShare * std::sqrt(variance), x.mean));
  const double centre = DrawOnce(node.input(4), Draw::Near(variance)).mean();
  // E[1 / v] of a v uniform in [a, b) is ln(b / a) / (b - a).
  const double epsilon = Attribute(node, "epsilon", 1e-5);
  const double inverse = std::log((1.2 * centre + epsilon) / (0.8 * centre + epsilon)) / (0.4 * centre);
  const double spread = Square(mean.deviation()) + Square(x.mean - mean.mean());
  const double gain = inverse * (1 + Square(0.4) / 12);
  const Draw& scale = DrawOnce(node.input(1), Draw::Near(target / std::sqrt(gain * (x.variance() + spread))));
  const double s2 = inverse * (Square(scale.mean()) + Square(scale.deviation()));
  const double bias = DrawBias(node, 2, target).variance;
  return Estimate::Normal({0, s2 * (x.variance() + spread) + bias, s2 * (x.shared - Square(x.mean) + spread) + bias});
}

Estimate MomentWalk::Normalisation(const onnx::NodeProto& node) {
  const Moments x = Get(node.input(0)).moments();
  const double target = targets_.Of(node.output(0));
  const Draw& scale = DrawOnce(node.input(1), Draw::Near(target));
  const double second = Square(scale.mean()) + Square(scale.deviation());
  const double bias = DrawBias(node, 2, target).variance;
  const double shared = x.variance() > 0 ? (x.shared - Square(x.mean)) / x.variance() : 0;
  return Estimate::Normal({0, second + bias, second * shared + bias});
}

Estimate MomentWalk::Gather(const onnx::NodeProto& node) {
  const Weight* table = weights_.Find(node.input(0));
  if (table == nullptr) return Get(node.input(0));
  const Draw& draw = DrawOnce(node.input(0), Draw::Normal(table_deviation_));
  return Estimate::Normal({0, Square(draw.deviation()), 0});
}

// Weights as PyTorch initialises them, uniform within 1/sqrt(hidden). The state's size is an estimate: half-open gates,
// a tanh of what the input contributes.
Estimate MomentWalk::Recurrent(const onnx::NodeProto& node) {
  const double hidden = std::max(1.0, Attribute(node, "hidden_size", SizeOf(node.input(2), -1, 1)));
  for (int i = 1; i < node.input_size(); ++i) {
    const Weight* weight = weights_.Find(node.input(i));
    if (weight != nullptr && weight->role == Role::kRecurrent)
      DrawOnce(node.input(i), Draw::Within(1 / std::sqrt(hidden)));
  }
  const double drive = SizeOf(node.input(1), -1, hidden) * Get(node.input(0)).moments().second / (3 * hidden);
  const double candidate = drive / (1 + drive);
  const double second = node.op_type() == "LSTM" ? candidate / 12 : candidate / 3;
  return Estimate::Normal({0, second, second / 2});
}

void MomentWalk::DrawOperands(const onnx::NodeProto& node) {
  double deviation = 0;
  for (const auto& input : node.input()) {
    if (weights_.Find(input) == nullptr) deviation = std::max(deviation, std::sqrt(Get(input).moments().variance()));
  }
  for (const auto& input : node.input()) {
    const Weight* weight = weights_.Find(input);
    if (weight == nullptr) continue;
    if (weight->role == Role::kScale)
      DrawOnce(input, Draw::Near(1));
    else if (weight->role == Role::kSlope)
      DrawOnce(input, Draw::Near(0.25));
    else if (weight->role == Role::kBias)
      DrawOnce(input, Draw::Normal(kBiasShare * (deviation > 0 ? deviation : 1)));
  }
}

double MomentWalk::LiveShare(const onnx::NodeProto& node) const {
  const Shape* input = ShapeOf(node.input(0));
  const Shape* filters = ShapeOf(node.input(1));
  const Shape* output = ShapeOf(node.output(0));
  if (input == nullptr || filters == nullptr || output == nullptr) return 1;
  return LiveTaps(node, *input, *filters, *output);
}

}  // namespace consort::zoo
