#include "backends/litert/litert_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "consort/error.h"

namespace consort::litert {
namespace {

const TfLiteOpaqueTensor* Opaque(const TfLiteTensor* tensor) {
  return reinterpret_cast<const TfLiteOpaqueTensor*>(tensor);
}

Quantization ToQuantization(const TfLiteQuantization& quantization) {
  Quantization result;
  const auto* affine = static_cast<const TfLiteAffineQuantization*>(quantization.params);
  if (quantization.type != kTfLiteAffineQuantization || affine == nullptr || affine->scale == nullptr) return result;
  result.scale.assign(affine->scale->data, affine->scale->data + affine->scale->size);
  if (affine->zero_point != nullptr) {
    result.zero_point.assign(affine->zero_point->data, affine->zero_point->data + affine->zero_point->size);
  }
  result.zero_point.resize(result.scale.size(), 0);
  if (result.scale.size() > 1) result.axis = affine->quantized_dimension;
  return result;
}

}  // namespace

LiteRtProgram::LiteRtProgram(std::unique_ptr<Interpreter> interpreter, Placement placement, std::string place)
    : library_(LiteRtLibrary::Get()),
      interpreter_(std::move(interpreter)),
      placement_(std::move(placement)),
      place_(std::move(place)) {
  for (int i = 0; i < interpreter_->input_count(); ++i) {
    signature_.inputs.push_back(Describe(interpreter_->input(i), fmt::format("input_{}", i)));
  }
  const bool resizable = std::any_of(signature_.inputs.begin(), signature_.inputs.end(),
                                     [](const Port& port) { return !IsStatic(port.spec.shape); });
  for (int i = 0; i < interpreter_->output_count(); ++i) {
    const TfLiteTensor* tensor = interpreter_->output(i);
    Port& port = signature_.outputs.emplace_back(Describe(tensor, fmt::format("output_{}", i)));
    // Known after the call only, or following the inputs although the file does not say how.
    if (library_.TensorAllocationType(Opaque(tensor)) == kTfLiteDynamic || (resizable && IsStatic(port.spec.shape))) {
      std::fill(port.spec.shape.begin(), port.spec.shape.end(), kDynamic);
    }
  }
}

Shape LiteRtProgram::ShapeOf(const TfLiteTensor* tensor) const {
  Shape shape;
  for (int axis = 0; axis < library_.TensorNumDims(tensor); ++axis) shape.push_back(library_.TensorDim(tensor, axis));
  return shape;
}

Port LiteRtProgram::Describe(const TfLiteTensor* tensor, const std::string& fallback_name) const {
  Port port;
  const char* name = library_.TensorName(tensor);
  port.name = name != nullptr && *name != '\0' ? name : fallback_name;
  port.spec.dtype = FromLiteRt(library_.TensorType(tensor));
  if (BitWidth(port.spec.dtype) == 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: port '{}' is of a type that Consort's buffers do not carry ({})", place_, port.name,
                            ToString(port.spec.dtype)));
  }
  port.spec.shape = ShapeOf(tensor);
  int32_t axes = 0;
  if (library_.TensorNumDimsSignature(Opaque(tensor), &axes) == kTfLiteOk &&
      axes == static_cast<int32_t>(port.spec.shape.size())) {
    for (int32_t axis = 0; axis < axes; ++axis) {
      int32_t size = 0;
      if (library_.TensorDimSignature(Opaque(tensor), axis, &size) == kTfLiteOk && size < 0)
        port.spec.shape[axis] = kDynamic;
    }
  }
  port.spec.quantization = ToQuantization(library_.TensorQuantization(Opaque(tensor)));
  port.dim_names.assign(port.spec.shape.size(), "");
  return port;
}

void LiteRtProgram::CopyIn(Binding& binding) {
  for (int port = 0; port < binding.input_count(); ++port) {
    const Shape& shape = binding.input(port).spec().shape;
    if (!IsStatic(signature_.inputs[port].spec.shape) && shape != ShapeOf(interpreter_->input(port))) {
      interpreter_->Resize(port, shape);
    }
  }
  interpreter_->Allocate();
  for (int port = 0; port < binding.input_count(); ++port) {
    const Buffer& buffer = binding.input(port);
    TfLiteTensor* tensor = interpreter_->input(port);
    if (library_.TensorByteSize(tensor) != buffer.size_bytes()) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("{}: LiteRT holds {} bytes for input '{}' of {}", place_, library_.TensorByteSize(tensor),
                              signature_.inputs[port].name, FormatSpec(buffer.spec())));
    }
    if (buffer.size_bytes() > 0) std::memcpy(library_.TensorData(tensor), buffer.data(), buffer.size_bytes());
  }
}

void LiteRtProgram::CopyOut(Binding& binding, int port) const {
  const TfLiteTensor* tensor = interpreter_->output(port);
  TensorSpec spec = signature_.outputs[port].spec;
  if (!IsStatic(spec.shape)) spec.shape = ShapeOf(tensor);
  const bool fits = !binding.output(port).empty() && binding.output(port).spec().shape == spec.shape;
  if (!fits && binding.output_is_callers(port)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: output '{}' is {}; the bound buffer is {}", place_, signature_.outputs[port].name,
                            FormatShape(spec.shape), FormatShape(binding.output(port).spec().shape)));
  }
  if (!fits) binding.ProvideOutput(port, Buffer::Allocate(std::move(spec)));
  Buffer& buffer = binding.output(port);
  if (library_.TensorByteSize(tensor) != buffer.size_bytes()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("{}: LiteRT holds {} bytes for output '{}' of {}", place_, library_.TensorByteSize(tensor),
                            signature_.outputs[port].name, FormatSpec(buffer.spec())));
  }
  if (buffer.size_bytes() > 0) std::memcpy(buffer.data(), library_.TensorData(tensor), buffer.size_bytes());
}

void LiteRtProgram::Invoke(Binding& binding) {
  CopyIn(binding);
  interpreter_->Invoke();
  for (int port = 0; port < binding.output_count(); ++port) CopyOut(binding, port);
}

void LiteRtProgram::Interrupt(Binding& /*binding*/) { interpreter_->Cancel(); }

}  // namespace consort::litert
