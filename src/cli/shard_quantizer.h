// Integer forms of a model's shards, for targets in int8 and uint8.
#ifndef CONSORT_CLI_SHARD_QUANTIZER_H_
#define CONSORT_CLI_SHARD_QUANTIZER_H_

#include <functional>
#include <memory>
#include <vector>

#include "backends/quantizing/quantizing_backend.h"
#include "cli/model_options.h"
#include "consort/model.h"
#include "plan/plan.h"
#include "quantize/parameters.h"

namespace consort {

// Quantizes shards with the ranges of the whole model's tensors: a tensor has the same range wherever the model is cut. (Tensors
// that share a scale, as those of a Concat, share it within a shard only.) A
// handle: copies share the ranges. Thread-safe.
class ShardQuantizer {
 public:
  // `measure` gives the ranges when the first shard is quantized; what it refers to outlives that.
  explicit ShardQuantizer(std::function<Ranges()> measure);
  // Those that a plan's file holds.
  explicit ShardQuantizer(const Plan& plan);

  Quantizer quantizer() const;
  // The ranges that were used go into the plan, if any of its targets computes in integers.
  void Sign(Plan& plan) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Ranges of all float tensors of a model, computed on cpu@onnxruntime: on its inputs' files, without files on
// kCalibrationSets sets from seeds that lie kCalibrationSeeds behind the command's, so that numbers are checked on others.
// Says on the standard error which of the two.
inline constexpr int kCalibrationSets = 8;
inline constexpr uint64_t kCalibrationSeeds = 1'000'000;
Ranges MeasureRanges(const Model& model, const InputArguments& inputs);

// The built-in registry for commands that run one model whole: its targets in int8 and uint8 take the float model, whose
// ranges are measured when they are first needed. The arguments outlive it.
Registry RegistryFor(const ModelArguments& models, const InputArguments& inputs, const EmulationOptions& emulation);

// Whether any of the targets computes in int8 or uint8, as Edge TPUs do without being asked.
bool AnyInteger(const std::vector<Target>& targets);

}  // namespace consort

#endif  // CONSORT_CLI_SHARD_QUANTIZER_H_
