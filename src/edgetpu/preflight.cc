#include "edgetpu/preflight.h"

#include <fmt/format.h>

#include <algorithm>

#include "cost/edgetpu_support.h"
#include "edgetpu/fixes.h"
#include "shard/folding.h"

namespace consort {
namespace {

// The verdict names the type first where it speaks of a tensor; the blocker has it already.
std::string WithoutType(const std::string& why, const std::string& type) {
  return why.starts_with(type + ": ") ? why.substr(type.size() + 2) : why;
}

class Division {
 public:
  Division(const Graph& graph, const Refusals& refused)
      : graph_(graph),
        refused_(refused),
        verdicts_(JudgeForEdgeTpu(graph)),
        folding_(graph),
        off_(graph.tensors().size()) {}

  Preflight Run() {
    for (OpId id = 0; id < static_cast<OpId>(graph_.ops().size()); ++id) {
      if (!folding_.folds(id)) Place(id);
    }
    return std::move(preflight_);
  }

 private:
  void Place(OpId id) {
    const Op& op = graph_.op(id);
    const bool runs = Runs(id) && !ReadsRest(op);
    (runs ? preflight_.head : preflight_.rest).push_back(id);
    preflight_.macs += op.cost.macs;
    if (runs) preflight_.head_macs += op.cost.macs;
    preflight_.macs_known = preflight_.macs_known && op.cost.macs_known;
    for (const TensorId output : op.outputs) {
      if (output != kNone) off_[static_cast<size_t>(output)] = !runs;
    }
  }

  // False for an op that keeps itself off, which is noted.
  bool Runs(OpId id) {
    const Op& op = graph_.op(id);
    const EdgeTpuVerdict& verdict = verdicts_[static_cast<size_t>(id)];
    const auto refusal = refused_.find(id);
    if (verdict.runs() && refusal == refused_.end()) return true;
    Blocker blocker{.op = id, .name = op.name, .type = op.type};
    if (verdict.runs()) {
      blocker.why = refusal->second;
      blocker.fix = FixForConversion(op);
    } else {
      blocker.why = WithoutType(verdict.why, op.type);
      blocker.fix = FixFor(graph_, op, verdict);
    }
    if (!blocker.why.empty()) preflight_.blockers.push_back(std::move(blocker));
    return false;
  }

  bool ReadsRest(const Op& op) const {
    for (const auto* ids : {&op.inputs, &op.captures}) {
      const auto off = [this](TensorId id) { return id != kNone && off_[static_cast<size_t>(id)]; };
      if (std::any_of(ids->begin(), ids->end(), off)) return true;
    }
    return false;
  }

  const Graph& graph_;
  const Refusals& refused_;
  const std::vector<EdgeTpuVerdict> verdicts_;
  const Folding folding_;
  std::vector<bool> off_;  // by tensor: made by the rest
  Preflight preflight_;
};

}  // namespace

Preflight CheckForEdgeTpu(const Graph& graph, const Refusals& refused) { return Division(graph, refused).Run(); }

std::string Describe(const Blocker& blocker) {
  return fmt::format("'{}' ({}): {}", blocker.name, blocker.type, blocker.why);
}

std::string WayOut(const Blocker& blocker) {
  return blocker.fix.empty() ? "leave it to another device, as here"
                             : blocker.fix + ", or leave it to another device, as here";
}

}  // namespace consort
