// What the messages of an isolated device hold, as JSON.
//
// On the channel that the process is started with:
//   {"open": target, "version": n, "plugin": path}      → {"info": DeviceInfo}
//   {"channel": true} + socket                           (no answer; a thread serves the new channel)
// On each further channel, one executable:
//   {"compile": options, "kind": k, "name": s, "bytes": n, "data_folder": s} + memory  → {"signature", "placement"}
//   {"share": binding, "first": i, "bytes": [n, …]} + memories  → {}   memories i… of a binding; the first is the
//   staging memory
//   {"run": binding, "bind": BindingLayout or absent, "forget": [binding, …]}
//                                   → {"results": [OutputResult, …], "bytes": n or absent (+ memory)}
// Any answer may be {"error": code, "message": s} instead.
#ifndef CONSORT_DEVICE_ISOLATED_MESSAGES_H_
#define CONSORT_DEVICE_ISOLATED_MESSAGES_H_

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "consort/device.h"
#include "consort/error.h"

namespace consort {

// Where a tensor lies: in which of the binding's shared memories (-1: nowhere yet), at which byte.
struct SharedPlace {
  int memory = -1;
  size_t offset = 0;
  Shape shape;
  bool operator==(const SharedPlace&) const = default;
};

// The tensors of a binding, by port. An output with memory -1 is allocated by the backend.
struct BindingLayout {
  std::vector<SharedPlace> inputs;
  std::vector<SharedPlace> outputs;
  bool operator==(const BindingLayout&) const = default;
};

// An output that the backend allocated, copied into the results memory.
struct OutputResult {
  int port = 0;
  size_t offset = 0;
  Shape shape;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SharedPlace, memory, offset, shape)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BindingLayout, inputs, outputs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OutputResult, port, offset, shape)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Quantization, scale, zero_point, axis)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TensorSpec, dtype, shape, layout, quantization)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Port, name, spec, dim_names)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Signature, inputs, outputs, states)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpPlacement, op, name, type, state, asked, got, kernel, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Placement, evidence, ops, inserted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MemorySpace, kind, device_index)

// The options that concern the child: how calls are executed and queued is the parent's affair.
void to_json(nlohmann::json& json, const CompileOptions& options);
void from_json(const nlohmann::json& json, CompileOptions& options);

void to_json(nlohmann::json& json, const Target& target);
void from_json(const nlohmann::json& json, Target& target);
void to_json(nlohmann::json& json, const CoreSet& cores);
void from_json(const nlohmann::json& json, CoreSet& cores);

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DeviceInfo, target, name, engine, driver, resource, cores, memory_bytes, precisions,
                                   accepts, spaces, max_in_flight)

// {"error": code, "message": text}
nlohmann::json ErrorMessage(const Error& error);
// Throws the error that an answer holds, if it holds one.
void RethrowError(const nlohmann::json& answer);

}  // namespace consort

#endif  // CONSORT_DEVICE_ISOLATED_MESSAGES_H_
