// int8 and uint8 as precisions of any device that takes quantized ONNX models: a decorator over a backend.
#ifndef CONSORT_BACKENDS_QUANTIZING_QUANTIZING_BACKEND_H_
#define CONSORT_BACKENDS_QUANTIZING_QUANTIZING_BACKEND_H_

#include <functional>
#include <memory>

#include "consort/backend.h"
#include "consort/registry.h"

namespace consort {

// A float model, or a shard of one, in the quantized form that computes the same function roughly. Thread-safe.
using Quantizer = std::function<Model(const Model& model, Precision precision)>;

inline bool IsInteger(Precision precision) { return precision == Precision::kInt8 || precision == Precision::kUInt8; }

// Whether a model is quantized already.
bool HoldsQuantizedOps(const Graph& graph);

// `inner`, whose devices compile the quantized form of a float model where the target asks for int8 or uint8: "cpu@openvino/int8" then stands beside "cpu@openvino" in a plan, and both take the same shards. Models
// that are quantized already, and other precisions, pass as they are. The placement is told by the float model's ops.
// `activations`: what the quantizer is asked for in place of int8, where an engine's int8 is meant for other activations.
std::unique_ptr<Backend> MakeQuantizingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer,
                                               Precision activations = Precision::kInt8);

// MakeBuiltinRegistry with every engine's backend made quantizing (src/backends/builtin.cc).
Registry MakeQuantizingRegistry(const EmulationOptions& emulation, const Quantizer& quantizer);

}  // namespace consort

#endif  // CONSORT_BACKENDS_QUANTIZING_QUANTIZING_BACKEND_H_
