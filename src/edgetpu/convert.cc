#include "edgetpu/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "consort/error.h"
#include "cost/work.h"
#include "edgetpu/listed_operators.h"
#include "model/model_rep.h"
#include "quantize/calibrate.h"
#include "quantize/prepare.h"
#include "shard/extract.h"
#include "shard/folding.h"
#include "tflite/parse.h"

namespace consort {
namespace {

void RefuseQuantized(const Model& model) {
  for (const Op& op : model.graph().ops()) {
    if (!IsQuantized(op)) continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: '{}' ({}): the model is quantized already; give the float model, or write this one as "
                            "it is with 'consort convert'",
                            model.name(), op.name, op.type));
  }
}

// Outputs of the model that no op which computes makes: they go with the rest.
std::vector<TensorId> OutputsThatNothingComputes(const Graph& graph) {
  const Folding folding(graph);
  std::vector<TensorId> outputs;
  for (const TensorId id : graph.outputs()) {
    if (graph.tensor(id).producer == kNone || folding.is_folded(id)) outputs.push_back(id);
  }
  return outputs;
}

class Converter {
 public:
  Converter(const Model& model, const Samples& samples, const CompileModel& compile,
            const EdgeTpuConversionOptions& options)
      : model_(model), graph_(model.graph()), samples_(samples), compile_(compile), options_(options),
        refused_(options.refused) {
    RefuseGroups();
  }

  // Each turn refuses at least one op more.
  EdgeTpuConversion Run() {
    while (true) {
      Preflight preflight = CheckForEdgeTpu(graph_, refused_);
      RequireParts(preflight);
      Model head = preflight.whole() ? model_ : ShardModel(model_, DescribeShard(graph_, preflight.head), "edgetpu");
      const Refusals before = refused_;
      std::optional<TfLiteFile> file = Write(head, preflight);
      if (!file && refused_.size() > before.size()) continue;
      if (!file)
        throw Error(ErrorCode::kInternal, fmt::format("{}: what is refused is not a part of the Edge TPU's", model_.name()));
      std::optional<Model> rest;
      if (!preflight.whole()) rest = Rest(preflight);
      return {std::move(preflight), std::move(head), std::move(rest), std::move(*file)};
    }
  }

 private:
  // Written as one CONV_2D with groups, which the compiler does not list (depthwise convolutions are an operator of
  // their own).
  void RefuseGroups() {
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
      const Op& op = graph_.op(id);
      if (op.type != "Conv" || !op.domain.empty() || op.inputs.size() < 2) continue;
      const Shape& image = graph_.tensor(op.inputs[0]).spec.shape;
      const Shape& weights = graph_.tensor(op.inputs[1]).spec.shape;
      if (image.size() < 3 || weights.size() < 3 || weights[1] <= 1 || image[1] == kDynamic) continue;
      if (image[1] > weights[1])
        refused_[id] = fmt::format("a convolution in {} groups is not on the compiler's list", image[1] / weights[1]);
    }
  }

  void Say(const std::string& text) const {
    if (options_.say) options_.say(text);
  }

  void RequireParts(const Preflight& preflight) const {
    if (preflight.head.empty())
      throw Error(ErrorCode::kInfeasible, fmt::format("{}: nothing of it can run on the Edge TPU: {}", model_.name(),
                                                      FirstAnd(preflight, "run it on another device")));
    if (preflight.whole() || options_.cut) return;
    throw Error(ErrorCode::kInfeasible,
                fmt::format("{}: {} of {} ops cannot run on the Edge TPU, and it must not be cut: {}", model_.name(),
                            preflight.rest.size(), preflight.ops(),
                            FirstAnd(preflight, "have it cut and leave them to another device")));
  }

  // The first blocker, what can be done about it, and what else can be done.
  static std::string FirstAnd(const Preflight& preflight, const std::string& otherwise) {
    if (preflight.blockers.empty()) return "nothing there computes; " + otherwise;
    const Blocker& first = preflight.blockers.front();
    return fmt::format("{}; {}{}", Describe(first), first.fix.empty() ? "" : first.fix + ", or ", otherwise);
  }

  Model Rest(const Preflight& preflight) const {
    return ShardModel(model_, DescribeShard(graph_, preflight.rest, OutputsThatNothingComputes(graph_)), "rest");
  }

  // Nothing where ops had to be refused.
  std::optional<TfLiteFile> Write(const Model& head, const Preflight& preflight) {
    const PreparedModel prepared = PrepareForQuantization(head);
    const QuantizationPlan plan = PlanQuantization(prepared.model);
    if (RefuseFloatOps(prepared.model.graph(), plan)) return std::nullopt;
    if (!options_.known) Say("calibrating");
    const Ranges ranges = options_.known ? *options_.known
                                         : Calibrate(prepared.model, plan.TensorsToObserve(prepared.model.graph()),
                                                     samples_, compile_, options_.ranges);
    const Model quantized = ModelOf(WriteQdq(prepared.model, plan, ranges, {.weights = options_.weights}), head.name());
    Say("writing the TensorFlow Lite model");
    try {
      TfLiteFile file = WriteTfLite(quantized, {.ports = options_.ports});
      if (RefuseUnlisted(file, preflight)) return std::nullopt;
      return file;
    } catch (const TfLiteRefused& refused) {
      if (!RefuseListed(refused.refusals(), preflight)) throw;
      return std::nullopt;
    }
  }

  // Ops that stay in float have no place in a full-integer model.
  bool RefuseFloatOps(const Graph& prepared, const QuantizationPlan& plan) {
    for (const auto& [id, why] : plan.why_float) {
      const Op& op = prepared.op(id);
      const OpId source = SourceOf(prepared, op);
      if (source == kNone)
        throw Error(ErrorCode::kUnsupported, fmt::format("{}: '{}' ({}): {}", model_.name(), op.name, op.type, why));
      refused_[source] = why == kMovesFloats ? "" : fmt::format("{} as 'consort quantize' knows it: {}", op.type, why);
    }
    return !plan.why_float.empty();
  }

  // The op that has this one's name, or makes its result.
  OpId SourceOf(const Graph& prepared, const Op& op) const {
    const OpId by_name = graph_.FindOp(op.name);
    if (by_name != kNone || op.outputs.empty() || op.outputs.front() == kNone) return by_name;
    const TensorId tensor = graph_.FindTensor(prepared.tensor(op.outputs.front()).name);
    return tensor == kNone ? kNone : graph_.tensor(tensor).producer;
  }

  // Ops that have no counterpart in TensorFlow Lite.
  bool RefuseListed(const std::vector<TfLiteRefusal>& refusals, const Preflight& preflight) {
    bool any = false;
    for (const TfLiteRefusal& refusal : refusals) {
      const OpId id = graph_.FindOp(refusal.op);
      if (!std::binary_search(preflight.head.begin(), preflight.head.end(), id)) continue;
      const bool said = refusal.why.find("TensorFlow Lite") != std::string::npos;
      refused_[id] = (said ? "" : "not in TensorFlow Lite: ") + refusal.why;
      any = true;
    }
    return any;
  }

  // Ops that became operators which the compiler does not list.
  bool RefuseUnlisted(const TfLiteFile& file, const Preflight& preflight) {
    bool any = false;
    for (const UnlistedOperator& unlisted : FindUnlisted(tflite::ParseContents(file.bytes, "edgetpu.tflite"))) {
      for (const std::string& name : unlisted.tensors) {
        const TensorId tensor = graph_.FindTensor(name);
        const OpId maker = tensor == kNone ? kNone : graph_.tensor(tensor).producer;
        if (!std::binary_search(preflight.head.begin(), preflight.head.end(), maker)) continue;
        refused_[maker] = fmt::format("it becomes {}, which is not on the compiler's list", unlisted.name);
        any = true;
        break;
      }
    }
    return any;
  }

  const Model& model_;
  const Graph& graph_;
  const Samples& samples_;
  const CompileModel& compile_;
  const EdgeTpuConversionOptions& options_;
  Refusals refused_;
};

}  // namespace

std::vector<TfLitePort> EdgeTpuConversion::Outputs(bool crossing) const {
  std::vector<TfLitePort> ports;
  for (const TfLitePort& port : file.outputs) {
    const TensorId id = rest ? rest->graph().FindTensor(port.name) : kNone;
    const bool read = id != kNone && rest->graph().tensor(id).kind == TensorKind::kInput;
    if (read == crossing) ports.push_back(port);
  }
  return ports;
}

EdgeTpuConversion ConvertForEdgeTpu(const Model& model, const Samples& samples, const CompileModel& compile,
                                    const EdgeTpuConversionOptions& options) {
  RefuseQuantized(model);
  return Converter(model, samples, compile, options).Run();
}

}  // namespace consort
