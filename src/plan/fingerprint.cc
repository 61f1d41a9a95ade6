#include "plan/fingerprint.h"

#include <fmt/format.h>

#include "base/files.h"

namespace consort {
namespace {

void AddTensors(const Graph& graph, const std::vector<TensorId>& ids, std::string& text) {
  for (const TensorId id : ids) {
    if (id == kNone) continue;
    const Tensor& tensor = graph.tensor(id);
    const bool parameter =
        tensor.kind == TensorKind::kInitializer || (tensor.producer != kNone && graph.op(tensor.producer).constant);
    if (!parameter) text += tensor.name + '\n';
  }
  text += '\0';
}

void AddFigure(const std::string& name, double value, std::string& text) {
  text += fmt::format("{}={:.17g}\n", name, value);
}

void AddDevice(const PlatformDevice& device, std::string& text) {
  text += fmt::format("device {} {} {} {} {}\n", device.name, ToString(device.kind), device.resource, device.link,
                      device.cost.model);
  for (const Precision precision : device.precisions) text += fmt::format("{} ", ToString(precision));
  for (const std::string& op : device.missing_ops) text += op + '\n';
  AddFigure("memory", device.memory.value, text);
  AddFigure("active", device.active_power.value, text);
  for (const auto& [name, figure] : device.cost.parameters) AddFigure(name, figure.value, text);
  for (const auto& row : device.cost.rows) {
    for (const auto& [name, figure] : row) AddFigure(name, figure.value, text);
  }
}

}  // namespace

std::string FingerprintOf(const Graph& graph) {
  std::string text;
  for (const TensorId id : graph.inputs()) {
    const TensorSpec& spec = graph.tensor(id).spec;
    text += fmt::format("input {} {}", graph.tensor(id).name, ToString(spec.dtype));
    for (size_t axis = 1; axis < spec.shape.size(); ++axis) text += fmt::format("x{}", spec.shape[axis]);
    text += '\n';
  }
  for (const Op& op : graph.ops()) {
    if (op.constant) continue;
    text += fmt::format("op {} {} {} {}\n", op.name, op.domain, op.type, op.cost.parameter_bytes);
    AddTensors(graph, op.inputs, text);
    AddTensors(graph, op.outputs, text);
  }
  AddTensors(graph, graph.outputs(), text);
  return ContentHash(text);
}

std::string FingerprintOf(const Platform& platform) {
  std::string text = platform.name + '\n';
  for (const PlatformDevice& device : platform.devices) AddDevice(device, text);
  for (const Link& link : platform.links) {
    text += fmt::format("link {} {}\n", link.name, link.via);
    AddFigure("out", link.bandwidth.value, text);
    AddFigure("back", link.bandwidth_back.value, text);
    AddFigure("latency", link.latency.value, text);
  }
  return ContentHash(text);
}

}  // namespace consort
