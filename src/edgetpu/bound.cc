#include "edgetpu/bound.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "consort/error.h"
#include "model/model_rep.h"
#include "quantize/float_layers.h"
#include "quantize/prepare.h"
#include "quantize/shard_form.h"

namespace consort {
namespace {

class BoundSearch {
 public:
  BoundSearch(const Model& model, const Samples& samples, const Samples& validation, const CompileModel& compile,
              const EdgeTpuConversionOptions& options, const HoldsBound& holds)
      : graph_(model.graph()),
        model_(model),
        samples_(samples),
        validation_(validation),
        compile_(compile),
        options_(options),
        holds_(holds) {}

  BoundedConversion Run() {
    EdgeTpuConversion first = ConvertForEdgeTpu(model_, samples_, compile_, options_);
    ++result_.tries;
    if (holds_(first)) {
      result_.conversion = std::move(first);
    } else if (options_.cut) {
      // What every smaller part needs.
      options_.known = CalibrateAll(first.head, samples_, compile_, options_.ranges);
      SendWorst(first);
      SendFrom(first.preflight.head);
    }
    return std::move(result_);
  }

 private:
  void SendWorst(const EdgeTpuConversion& whole) {
    const PreparedModel prepared = PrepareForQuantization(whole.head);
    const QuantizationPlan plan = PlanQuantization(prepared.model);
    const QdqOptions qdq{.weights = options_.weights};
    const Model quantized = ModelOf(WriteQdq(prepared.model, plan, *options_.known, qdq), whole.head.name());
    const std::vector<LayerError> layers =
        MeasureLayers(prepared.model, plan, *options_.known, qdq, quantized, validation_, compile_);
    // The first try was made.
    KeepWorstInFloat(layers, plan, [&](const std::set<OpId>& ops) {
      if (ops.empty()) return false;
      Refusals sent;
      std::vector<std::string> names;
      for (const LayerError& layer : layers) {
        const OpId source = graph_.FindOp(layer.name);
        if (source == kNone || !ops.contains(layer.op)) continue;
        sent[source] = fmt::format("for the bound: alone in integers it has an SQNR of {:.1f} dB", layer.alone.sqnr_db);
        names.push_back(layer.name);
      }
      return !sent.empty() && Try(sent, std::move(names));
    });
  }

  // Bisects how many ops, in the graph's order, stay.
  void SendFrom(const std::vector<OpId>& head) {
    size_t held = 0, missed = head.size();
    while (missed - held > 1) {
      const size_t middle = held + (missed - held) / 2;
      Refusals sent;
      for (size_t i = middle; i < head.size(); ++i) sent[head[i]] = "";
      const std::string& name = graph_.op(head[middle]).name;
      sent[head[middle]] = "for the bound: from here on too much would be lost";
      (Try(sent, {name}) ? held : missed) = middle;
    }
  }

  // Keeps a cut that holds the bound and leaves more to the Edge TPU than those before.
  bool Try(const Refusals& sent, std::vector<std::string> names) {
    options_.refused = sent;
    std::optional<EdgeTpuConversion> tried;
    try {
      tried = ConvertForEdgeTpu(model_, samples_, compile_, options_);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInfeasible && error.code() != ErrorCode::kUnsupported) throw;
      return false;  // nothing is left
    }
    ++result_.tries;
    if (!holds_(*tried)) return false;
    if (!result_.conversion || tried->preflight.head_macs > result_.conversion->preflight.head_macs) {
      result_.conversion = std::move(tried);
      result_.moved = std::move(names);
    }
    return true;
  }

  const Graph& graph_;
  const Model& model_;
  const Samples& samples_;
  const Samples& validation_;
  const CompileModel& compile_;
  EdgeTpuConversionOptions options_;
  const HoldsBound& holds_;
  BoundedConversion result_;
};

}  // namespace

BoundedConversion ConvertWithin(const Model& model, const Samples& samples, const Samples& validation,
                                const CompileModel& compile, const EdgeTpuConversionOptions& options,
                                const HoldsBound& holds) {
  return BoundSearch(model, samples, validation, compile, options, holds).Run();
}

}  // namespace consort
