#include "quantize/shard_form.h"

#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

#include "consort/error.h"
#include "quantize/prepare.h"

namespace consort {

Ranges CalibrateAll(const Model& model, const Samples& samples, const CompileModel& compile,
                    const RangeOptions& options) {
  const Graph& graph = model.graph();
  std::vector<std::string> tensors;
  for (const Tensor& tensor : graph.tensors()) {
    const bool constant = tensor.kind == TensorKind::kInitializer ||
                          (tensor.producer != kNone && graph.op(tensor.producer).constant);
    if (!constant && tensor.spec.dtype == DataType::kFloat32) tensors.push_back(tensor.name);
  }
  return Calibrate(model, tensors, samples, compile, options);
}

Model QuantizedForm(const Model& model, const Ranges& ranges, const QdqOptions& options) {
  const PreparedModel prepared = PrepareForQuantization(model);
  const QuantizationPlan plan = PlanQuantization(prepared.model);
  if (plan.units.empty())
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: no op of it has an integer form", model.name()));
  const std::string bytes = WriteQdq(prepared.model, plan, ranges, options).SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), model.name());
}

}  // namespace consort
