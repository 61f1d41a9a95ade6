#include "quantize/shard_form.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "consort/error.h"
#include "model/model_rep.h"
#include "quantize/plan_moves.h"
#include "quantize/prepare.h"

namespace consort {

namespace {

// Ops that hand their input on. An engine need not know the shape of what old Dropouts make.
bool HandsOn(const Graph& graph, OpId id) {
  if (id == kNone || !graph.op(id).domain.empty()) return false;
  return graph.op(id).type == "Identity" || graph.op(id).type == "Dropout";
}

}  // namespace

Ranges CalibrateAll(const Model& model, const Samples& samples, const CompileModel& compile,
                    const RangeOptions& options) {
  const Graph& graph = model.graph();
  std::vector<std::string> tensors;
  for (const Tensor& tensor : graph.tensors()) {
    const bool constant = tensor.kind == TensorKind::kInitializer ||
                          (tensor.producer != kNone && graph.op(tensor.producer).constant);
    if (!constant && tensor.spec.dtype == DataType::kFloat32 && !HandsOn(graph, tensor.producer))
      tensors.push_back(tensor.name);
  }
  Ranges ranges = Calibrate(model, tensors, samples, compile, options);
  for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
    if (!HandsOn(graph, id)) continue;
    const auto found = ranges.find(graph.tensor(graph.op(id).inputs.front()).name);
    if (found != ranges.end()) ranges[graph.tensor(graph.op(id).outputs.front()).name] = found->second;
  }
  return ranges;
}

Model QuantizedForm(const Model& model, const Ranges& ranges, const QdqOptions& options, QuantizeScope scope) {
  const PreparedModel prepared = PrepareForQuantization(model);
  QuantizationPlan plan = PlanQuantization(prepared.model, OpsBeyond(prepared.model.graph(), scope));
  if (plan.units.empty()) plan = PlanMoves(prepared.model);
  if (plan.units.empty())
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: no op of it has an integer form", model.name()));
  return ModelOf(WriteQdq(prepared.model, plan, ranges, options), model.name());
}

}  // namespace consort
