#include "backends/null/null_program.h"

#include <fmt/format.h>

#include <cstring>

#include "consort/error.h"

namespace consort {
namespace {

std::vector<Port> PortsOf(const Graph& graph, const std::vector<TensorId>& ids) {
  std::vector<Port> ports;
  for (TensorId id : ids) {
    const Tensor& tensor = graph.tensor(id);
    if (BitWidth(tensor.spec.dtype) == 0) {
      throw Error(ErrorCode::kUnsupported, fmt::format("port '{}' is of type {}, which buffers do not carry",
                                                       tensor.name, ToString(tensor.spec.dtype)));
    }
    ports.push_back({.name = tensor.name, .spec = tensor.spec, .dim_names = tensor.dim_names});
  }
  return ports;
}

// One entry per op, in the model's order. A real backend fills this in from its engine's own report and never guesses.
Placement PlacementOf(const Graph& graph, const Target& target, const CompileOptions& options) {
  Placement placement{.evidence = "the null device has no kernels"};
  const std::string asked = fmt::format("{}/{}", target.device, ToString(target.precision.value_or(Precision::kFp32)));
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
    OpPlacement op{.op = id, .name = graph.op(id).name, .type = graph.op(id).type, .asked = asked};
    if (options.prove_placement) {
      op.state = PlacementState::kEliminated;
      op.why = "the null device computes nothing";
    } else {
      op.why = "placement was not asked for";
    }
    placement.ops.push_back(std::move(op));
  }
  return placement;
}

// The size of the bound input axis that is called `dim_name`, else 1.
int64_t SizeOf(const std::string& dim_name, Binding& binding) {
  for (int port = 0; port < binding.input_count(); ++port) {
    const std::vector<std::string>& names = binding.signature().inputs[port].dim_names;
    for (size_t axis = 0; axis < names.size(); ++axis) {
      if (!dim_name.empty() && names[axis] == dim_name) return binding.input(port).spec().shape[axis];
    }
  }
  return 1;
}

int64_t SizeOf(const Port& port, size_t axis, Binding& binding) {
  if (port.spec.shape[axis] != kDynamic) return port.spec.shape[axis];
  static const std::string kNoName;
  return SizeOf(axis < port.dim_names.size() ? port.dim_names[axis] : kNoName, binding);
}

// Whether the buffer has the sizes that the output has in this call. Takes no memory.
bool Fits(const Buffer& buffer, const Port& port, Binding& binding) {
  if (buffer.empty()) return false;
  const Shape& shape = buffer.spec().shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != SizeOf(port, axis, binding)) return false;
  }
  return true;
}

Buffer AllocateFor(const Port& port, Binding& binding) {
  TensorSpec spec = port.spec;
  for (size_t axis = 0; axis < spec.shape.size(); ++axis) spec.shape[axis] = SizeOf(port, axis, binding);
  return Buffer::Allocate(std::move(spec));
}

}  // namespace

NullProgram::NullProgram(const Model& model, const Target& target, const CompileOptions& options)
    : signature_{.inputs = PortsOf(model.graph(), model.graph().inputs()),
                 .outputs = PortsOf(model.graph(), model.graph().outputs())},
      placement_(PlacementOf(model.graph(), target, options)) {}

void NullProgram::Invoke(Binding& binding) {
  for (int port = 0; port < binding.output_count(); ++port) {
    const Port& declared = signature_.outputs[port];
    // The caller's buffer is used as it is; one of our own is kept from call to call while it fits.
    if (!binding.output_is_callers(port) && !Fits(binding.output(port), declared, binding)) {
      binding.ProvideOutput(port, AllocateFor(declared, binding));
    }
    if (binding.output(port).size_bytes() > 0)
      std::memset(binding.output(port).data(), 0, binding.output(port).size_bytes());
  }
}

}  // namespace consort
