#include "cli/shard_quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "bench/subject.h"
#include "cli/batch.h"
#include "cli/input_sets.h"
#include "cli/plan_rules.h"
#include "cli/quantize_samples.h"
#include "quantize/shard_form.h"

namespace consort {

struct ShardQuantizer::State {
  Model FormOf(const Model& model, Precision precision) {
    std::lock_guard lock(mutex);
    if (!ranges) ranges = measure();
    const std::pair key(model.fingerprint(), precision);
    const auto known = forms.find(key);
    if (known != forms.end()) return known->second;
    // Signed activations are for TensorFlow Lite, which takes no float operators; both x86 engines get unsigned ones.
    const bool is_signed = precision == Precision::kInt8;
    const QdqOptions bytes = {.format = {.type = is_signed ? ByteType::kInt8 : ByteType::kUInt8}};
    const QuantizeScope scope = is_signed ? QuantizeScope::kAll : QuantizeScope::kAuto;
    return forms.emplace(key, QuantizedForm(model, *ranges, bytes, scope)).first->second;
  }

  std::mutex mutex;
  std::function<Ranges()> measure;
  std::optional<Ranges> ranges;
  // By the float model's fingerprint: planning compiles each shard for several targets, and anew for each load.
  std::map<std::pair<std::string, Precision>, Model> forms;
};

ShardQuantizer::ShardQuantizer(std::function<Ranges()> measure) : state_(std::make_shared<State>()) {
  state_->measure = std::move(measure);
}

ShardQuantizer::ShardQuantizer(const Plan& plan) : state_(std::make_shared<State>()) {
  Ranges& ranges = state_->ranges.emplace();
  for (const auto& [tensor, range] : plan.ranges) ranges[tensor] = {range.first, range.second};
}

Quantizer ShardQuantizer::quantizer() const {
  return [state = state_](const Model& model, Precision precision) { return state->FormOf(model, precision); };
}

void ShardQuantizer::Sign(Plan& plan) const {
  std::lock_guard lock(state_->mutex);
  if (!state_->ranges || !AnyInteger(TargetsOf(plan))) return;
  for (const auto& [tensor, range] : *state_->ranges) plan.ranges[tensor] = {range.low, range.high};
}

Ranges MeasureRanges(const Model& model, const InputArguments& given) {
  const bool random = given.inputs.empty();
  InputArguments inputs = given;
  inputs.seed += kCalibrationSeeds;
  const InputSets sets(inputs, random ? kCalibrationSets : 1);
  fmt::print(stderr, "consort: scales of integers come from {}\n",
             random ? "random inputs: give -i, or a plan's file with ranges, for figures that are to be relied on"
                    : "the inputs that are given");
  const Signature signature = SignatureOf(model.graph());
  const Samples samples{.count = sets.count(), .get = [&](int set) {
                          std::vector<NamedTensor> tensors;
                          for (auto& [name, tensor] : sets.Named(set, signature)) tensors.push_back({name, std::move(tensor)});
                          return tensors;
                        }};
  const Registry registry = MakeBuiltinRegistry();
  return CalibrateAll(model, samples, CompileOnCpu(registry), {.method = RangeMethod::kMse});
}

Registry RegistryFor(const ModelArguments& models, const InputArguments& inputs, const EmulationOptions& emulation) {
  const ShardQuantizer quantizer([&models, &inputs] {
    return MeasureRanges(LoadWithBatch(models, inputs, Target{}, 0).artifact.model(), inputs);
  });
  return MakeQuantizingRegistry(emulation, quantizer.quantizer());
}

bool AnyInteger(const std::vector<Target>& targets) {
  return std::any_of(targets.begin(), targets.end(), [](const Target& target) {
    return target.precision ? IsInteger(*target.precision) : target.device == "edgetpu" || IsEmulated(target);
  });
}

}  // namespace consort
