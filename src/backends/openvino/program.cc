#include "backends/openvino/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <openvino/runtime/exception.hpp>
#include <set>
#include <string>
#include <utility>

#include "backends/openvino/core.h"
#include "backends/openvino/empty_call.h"

namespace consort::openvino {
namespace {

Shape ToShape(const ov::PartialShape& shape) {
  Shape result;
  for (const ov::Dimension& dim : shape) result.push_back(dim.is_static() ? dim.get_length() : kDynamic);
  return result;
}

ov::Shape ToOvShape(const Shape& shape) { return {shape.begin(), shape.end()}; }
Shape ToShape(const ov::Shape& shape) { return {shape.begin(), shape.end()}; }

// OpenVINO refuses a null pointer even where there is nothing to point to.
void* NonNull(void* data) {
  static int64_t nothing = 0;
  return data != nullptr ? data : &nothing;
}

ov::Tensor View(const ov::element::Type& type, Buffer& buffer) {
  return {type, ToOvShape(buffer.spec().shape), NonNull(buffer.data())};
}

// The names that OpenVINO may give an input: its own, or, where ops that hand it on come first, that of what these make.
std::set<std::string> NamesOf(const Graph& graph, TensorId input) {
  std::set<std::string> names;
  std::vector<TensorId> waiting{input};
  while (!waiting.empty()) {
    const Tensor& tensor = graph.tensor(waiting.back());
    waiting.pop_back();
    if (!names.insert(tensor.name).second) continue;
    for (const OpId id : tensor.consumers) {
      const Op& op = graph.op(id);
      const bool hands_on = op.domain.empty() && (op.type == "Identity" || op.type == "Dropout");
      if (hands_on && op.outputs.front() != kNone) waiting.push_back(op.outputs.front());
    }
  }
  return names;
}

Port ToPort(const Tensor& tensor) { return {tensor.name, tensor.spec, tensor.dim_names}; }

// Fills in the axes that only OpenVINO's shape inference found; refuses a port whose number of axes nobody knows.
void Refine(Port& port, const Tensor& tensor, const ov::PartialShape& shape, const std::string& place) {
  if (!tensor.has_rank) {
    if (shape.rank().is_dynamic()) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: the number of axes of '{}' is not known; give the inputs' shapes "
                              "(--shape name:1x3x224x224)",
                              place, port.name));
    }
    port.spec.shape = ToShape(shape);
    port.dim_names.assign(port.spec.shape.size(), "");
    return;
  }
  if (shape.rank().is_dynamic() || shape.size() != port.spec.shape.size()) return;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (port.spec.shape[axis] == kDynamic && shape[axis].is_static()) port.spec.shape[axis] = shape[axis].get_length();
  }
}

// The first value that 32 signed bits do not hold.
template <typename T>
std::string FirstBeyondInt32(const Buffer& buffer) {
  for (T value : buffer.as<T>()) {
    if (!std::in_range<int32_t>(value)) return std::to_string(value);
  }
  return "";
}

}  // namespace

// The engine's side of a binding.
struct OpenVinoProgram::Request {
  std::shared_ptr<OpenVinoProgram> program;  // keeps the slot's owner alive
  ov::InferRequest infer;
  uint64_t version = 0;
  bool bound = false;
  // Per output: the tensor that OpenVINO sizes, for outputs whose shape is known after the call only.
  std::vector<std::shared_ptr<ov::Tensor>> sized_by_engine;
};

OpenVinoProgram::OpenVinoProgram(ov::CompiledModel compiled, const Graph& graph, Placement placement, std::string place)
    : compiled_(std::move(compiled)), placement_(std::move(placement)), place_(std::move(place)) {
  const auto inputs = compiled_.inputs();
  const auto outputs = compiled_.outputs();
  for (TensorId id : graph.inputs()) {
    Port& port = signature_.inputs.emplace_back(ToPort(graph.tensor(id)));
    inputs_.push_back(Match(inputs, port, NamesOf(graph, id), /*required=*/false));
    const int index = inputs_.back().index;
    Refine(port, graph.tensor(id), index < 0 ? ov::PartialShape::dynamic() : inputs[index].get_partial_shape(), place_);
  }
  CheckInputs(inputs);
  for (TensorId id : graph.outputs()) {
    Port& port = signature_.outputs.emplace_back(ToPort(graph.tensor(id)));
    outputs_.push_back(Match(outputs, port, {port.name}, /*required=*/true));
    Refine(port, graph.tensor(id), outputs[outputs_.back().index].get_partial_shape(), place_);
    outputs_.back().passed_input = signature_.FindInput(port.name);
  }
}

OpenVinoProgram::EnginePort OpenVinoProgram::Match(const std::vector<ov::Output<const ov::Node>>& ports,
                                                   const Port& port, const std::set<std::string>& names,
                                                   bool required) const {
  const std::string what = fmt::format("{}: port '{}'", place_, port.name);
  EnginePort match;
  match.type = ToOpenVino(port.spec.dtype, what);
  for (size_t i = 0; i < ports.size(); ++i) {
    const auto& given = ports[i].get_names();
    if (std::none_of(given.begin(), given.end(), [&](const std::string& name) { return names.contains(name); })) continue;
    match.index = static_cast<int>(i);
    match.fixed = ports[i].get_partial_shape().is_static();
    if (ports[i].get_element_type() != match.type) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("{} is {} in the model and {} in OpenVINO", what, ToString(port.spec.dtype),
                              ports[i].get_element_type().get_type_name()));
    }
    return match;
  }
  if (required) throw Error(ErrorCode::kUnsupported, what + " is not among the compiled model's outputs");
  return match;
}

// An input that nothing is bound to would be computed on whatever its memory holds.
void OpenVinoProgram::CheckInputs(const std::vector<ov::Output<const ov::Node>>& inputs) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto takes = [&](const EnginePort& port) { return port.index == static_cast<int>(i); };
    if (std::any_of(inputs_.begin(), inputs_.end(), takes)) continue;
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: OpenVINO asks for an input '{}' that the model does not have; use the "
                                                     "onnxruntime backend",
                                                     place_, inputs[i].get_node()->get_friendly_name()));
  }
}

OpenVinoProgram::Request& OpenVinoProgram::RequestOf(Binding& binding) {
  std::lock_guard lock(slot_mutex_);
  if (void* slot = binding.slot(this)) return *static_cast<Request*>(slot);
  auto request = std::make_shared<Request>();
  request->program = shared_from_this();
  request->infer = compiled_.create_infer_request();
  request->sized_by_engine.resize(outputs_.size());
  binding.SetSlot(this, request);
  return *request;
}

void OpenVinoProgram::BindOutput(Request& request, Binding& binding, int port) const {
  const EnginePort& engine = outputs_[port];
  // The CPU plugin would take the output's memory for the input's, without the input's values.
  if (engine.passed_input >= 0) return;
  const TensorSpec& spec = signature_.outputs[port].spec;
  if (!binding.output_is_callers(port) && IsStatic(spec.shape) && binding.output(port).empty()) {
    binding.ProvideOutput(port, Buffer::Allocate(spec));
  }
  if (binding.output_is_callers(port) || IsStatic(spec.shape)) {
    request.infer.set_output_tensor(engine.index, View(engine.type, binding.output(port)));
    request.sized_by_engine[port] = nullptr;
    return;
  }
  // A tensor that somebody else still holds (this table, the binding and the somebody) must keep its bytes.
  std::shared_ptr<ov::Tensor>& tensor = request.sized_by_engine[port];
  if (tensor != nullptr && tensor.use_count() <= 2) return;
  tensor = std::make_shared<ov::Tensor>(engine.type, ov::Shape(spec.shape.size(), 0));
  request.infer.set_output_tensor(engine.index, *tensor);
}

void OpenVinoProgram::CheckIntegers(Binding& binding) const {
  for (size_t port = 0; port < inputs_.size(); ++port) {
    if (inputs_[port].index < 0) continue;
    const Buffer& input = binding.input(static_cast<int>(port));
    std::string value;
    if (inputs_[port].type == ov::element::i64) value = FirstBeyondInt32<int64_t>(input);
    if (inputs_[port].type == ov::element::u64) value = FirstBeyondInt32<uint64_t>(input);
    if (value.empty()) continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: input '{}' holds {}; OpenVINO computes 64-bit integers as int32 and would give a wrong "
                            "result without a word; use the onnxruntime backend",
                            place_, signature_.inputs[port].name, value));
  }
}

void OpenVinoProgram::Bind(Request& request, Binding& binding) const {
  const bool changed = !request.bound || request.version != binding.version();
  request.bound = false;  // until the call has succeeded
  for (size_t port = 0; changed && port < inputs_.size(); ++port) {
    if (inputs_[port].index < 0) continue;
    request.infer.set_input_tensor(inputs_[port].index,
                                   View(inputs_[port].type, binding.input(static_cast<int>(port))));
  }
  for (size_t port = 0; port < outputs_.size(); ++port) {
    if (changed || request.sized_by_engine[port] != nullptr) BindOutput(request, binding, static_cast<int>(port));
  }
  request.version = binding.version();
}

void OpenVinoProgram::PassInput(Binding& binding, int port) const {
  const Buffer& input = binding.input(outputs_[port].passed_input);
  const bool fits = !binding.output(port).empty() && binding.output(port).spec().shape == input.spec().shape;
  if (!fits && binding.output_is_callers(port))
    RefuseShape(port, input.spec().shape, binding.output(port).spec().shape);
  if (!fits) binding.ProvideOutput(port, Buffer::Allocate(input.spec()));
  if (input.size_bytes() > 0) std::memcpy(binding.output(port).data(), input.data(), input.size_bytes());
}

void OpenVinoProgram::RefuseShape(int port, const Shape& actual, const Shape& bound) const {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: output '{}' is {}; the bound buffer is {}", place_, signature_.outputs[port].name,
                          FormatShape(actual), FormatShape(bound)));
}

void OpenVinoProgram::CollectOutput(Request& request, Binding& binding, int port) const {
  const EnginePort& engine = outputs_[port];
  if (engine.passed_input >= 0) return PassInput(binding, port);
  if (engine.fixed) return;
  const ov::Tensor actual = request.infer.get_output_tensor(engine.index);
  const Shape shape = ToShape(actual.get_shape());
  const std::shared_ptr<ov::Tensor>& tensor = request.sized_by_engine[port];
  Buffer& output = binding.output(port);
  if (tensor == nullptr) {
    if (shape == output.spec().shape && (actual.data() == output.data() || output.size_bytes() == 0)) return;
    RefuseShape(port, shape, output.spec().shape);
  }
  if (!output.empty() && output.data() == tensor->data() && output.spec().shape == shape) return;
  TensorSpec spec = signature_.outputs[port].spec;
  spec.shape = shape;
  binding.ProvideOutput(port, Buffer::Wrap(std::move(spec), {}, tensor->data(), tensor));
}

void OpenVinoProgram::ForgetOutputs(Binding& binding) const {
  for (int port = 0; port < binding.output_count(); ++port) {
    if (!binding.output_is_callers(port) && !IsStatic(signature_.outputs[port].spec.shape))
      binding.ProvideOutput(port, {});
  }
}

ErrorCode OpenVinoProgram::CodeOfFailure(const Binding& binding) const {
  for (size_t port = 0; port < outputs_.size(); ++port) {
    if (!outputs_[port].fixed && binding.output_is_callers(static_cast<int>(port))) return ErrorCode::kInvalidArgument;
  }
  return ErrorCode::kInternal;
}

bool OpenVinoProgram::AnswerEmptyCall(Binding& binding) const {
  const std::optional<std::vector<Shape>> shapes = ShapesOfEmptyCall(binding, place_);
  if (!shapes.has_value()) return false;
  for (int port = 0; port < binding.output_count(); ++port) {
    const Shape& shape = (*shapes)[port];
    if (!binding.output(port).empty() && binding.output(port).spec().shape == shape) continue;
    if (binding.output_is_callers(port)) RefuseShape(port, shape, binding.output(port).spec().shape);
    TensorSpec spec = signature_.outputs[port].spec;
    spec.shape = shape;
    binding.ProvideOutput(port, Buffer::Allocate(std::move(spec)));
  }
  return true;
}

void OpenVinoProgram::Invoke(Binding& binding) {
  if (AnswerEmptyCall(binding)) return;
  try {
    CheckIntegers(binding);
    Request& request = RequestOf(binding);
    Bind(request, binding);
    request.infer.infer();
    for (size_t port = 0; port < outputs_.size(); ++port) CollectOutput(request, binding, static_cast<int>(port));
    request.bound = true;
  } catch (const ov::Cancelled&) {
    ForgetOutputs(binding);
    throw Error(ErrorCode::kCancelled, place_ + ": the call was cancelled");
  } catch (...) {
    ForgetOutputs(binding);
    RethrowAs(CodeOfFailure(binding), place_);
  }
}

void OpenVinoProgram::Interrupt(Binding& binding) {
  std::lock_guard lock(slot_mutex_);
  if (void* slot = binding.slot(this)) static_cast<Request*>(slot)->infer.cancel();
}

}  // namespace consort::openvino
