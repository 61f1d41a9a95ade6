#include "backends/quantizing/quantizing_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "consort/emulation.h"
#include "cost/work.h"
#include "device/isolated.h"
#include "device/quantizes_itself.h"

namespace consort {
namespace {

// Whether preparing a model for integers takes such an op out (src/quantize/prepare.h).
bool IsFoldedAway(const Op& op) {
  static const std::set<std::string> folded = {"Add", "BatchNormalization", "Dropout", "Identity"};
  return op.constant || (op.domain.empty() && folded.count(op.type) > 0);
}

// The placement of the quantized form, told of the float model's ops: those of the same name. What quantizing folded away
// is eliminated, what it put between is inserted; of an op that is gone otherwise nothing is known.
Placement OfSource(const Placement& quantized, const Graph& source, const std::string& asked) {
  std::map<std::string, const OpPlacement*> by_name;
  for (const OpPlacement& op : quantized.ops) by_name.emplace(op.name, &op);
  Placement placement{.evidence = quantized.evidence, .inserted = quantized.inserted};
  for (size_t i = 0; i < source.ops().size(); ++i) {
    const Op& op = source.ops()[i];
    const auto found = by_name.find(op.name);
    OpPlacement& told = placement.ops.emplace_back();
    if (found != by_name.end()) {
      told = *found->second;
      by_name.erase(found);
    } else {
      const bool folded = IsFoldedAway(op);
      told.state = folded ? PlacementState::kEliminated : PlacementState::kUnknown;
      told.asked = asked;
      told.why = folded ? "folded into its neighbours when the model was quantized" : "the quantized form has no such op";
    }
    told.op = static_cast<int>(i);
    told.name = op.name;
    told.type = op.type;
  }
  if (!by_name.empty())
    placement.inserted.push_back(fmt::format("{} ops of the quantized form, fused or run beside these", by_name.size()));
  return placement;
}

// An executable of the quantized form.
class QuantizedExecutable : public Executable {
 public:
  QuantizedExecutable(std::unique_ptr<Executable> inner, Placement placement)
      : inner_(std::move(inner)), placement_(std::move(placement)) {}

  const Signature& signature() const override { return inner_->signature(); }
  const Placement& placement() const override { return placement_; }
  Completion Start(std::shared_ptr<Binding> binding) override { return inner_->Start(std::move(binding)); }

 private:
  std::unique_ptr<Executable> inner_;
  Placement placement_;
};

class QuantizingDevice : public Device {
 public:
  QuantizingDevice(std::shared_ptr<Device> inner, Precision precision, const Quantizer& quantizer)
      : inner_(std::move(inner)), precision_(precision), quantizer_(quantizer) {}

  const DeviceInfo& info() const override { return inner_->info(); }
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override { return inner_->Allocate(spec, space); }

  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    if (artifact.kind() != ArtifactKind::kOnnx || HoldsQuantizedOps(artifact.model().graph()))
      return inner_->Compile(artifact, options);
    std::unique_ptr<Executable> compiled =
        inner_->Compile(Artifact(quantizer_(artifact.model(), precision_)), options);
    // What an emulated device tells of itself must not be hidden.
    if (AsEmulated(*compiled) != nullptr) return compiled;
    Placement placement = OfSource(compiled->placement(), artifact.model().graph(), info().target.ToString());
    return std::make_unique<QuantizedExecutable>(std::move(compiled), std::move(placement));
  }

 private:
  std::shared_ptr<Device> inner_;
  Precision precision_;
  Quantizer quantizer_;
};

class QuantizingBackend : public Backend {
 public:
  QuantizingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer, Precision activations)
      : inner_(std::move(inner)), quantizer_(std::move(quantizer)), activations_(activations) {}

  std::string_view name() const override { return inner_->name(); }
  std::vector<std::string> devices() const override { return inner_->devices(); }
  std::vector<DeviceFinding> Find() override { return inner_->Find(); }
  std::vector<Diagnosis> Diagnose() override { return inner_->Diagnose(); }
  void CheckUnit(const Target& target) const override { inner_->CheckUnit(target); }
  // The child process is given quantized models.
  bool isolates_itself() const override { return true; }

  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override {
    std::shared_ptr<Device> device = options.isolated && !inner_->isolates_itself() ? OpenIsolated(target, options)
                                                                                    : inner_->Open(target, options);
    if (!target.precision || !IsInteger(*target.precision) || DoesQuantizeItself(*device)) return device;
    const Precision asked = *target.precision == Precision::kInt8 ? activations_ : *target.precision;
    return std::make_shared<QuantizingDevice>(std::move(device), asked, quantizer_);
  }

 private:
  std::unique_ptr<Backend> inner_;
  Quantizer quantizer_;
  Precision activations_;
};

}  // namespace

bool HoldsQuantizedOps(const Graph& graph) {
  return std::any_of(graph.ops().begin(), graph.ops().end(), [](const Op& op) { return IsQuantized(op); });
}

std::unique_ptr<Backend> MakeQuantizingBackend(std::unique_ptr<Backend> inner, Quantizer quantizer,
                                               Precision activations) {
  return std::make_unique<QuantizingBackend>(std::move(inner), std::move(quantizer), activations);
}

}  // namespace consort
