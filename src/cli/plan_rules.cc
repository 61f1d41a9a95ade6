#include "cli/plan_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "consort/placement.h"

namespace consort {

bool IsBounded(const AccuracyBounds& bounds) { return bounds.min_cosine || bounds.max_error; }

AccuracyBounds BoundsOf(const AccuracyBounds& asked) {
  return IsBounded(asked) ? asked : AccuracyBounds{.min_cosine = kLeastCosine};
}

void CheckBoundsUsage(const std::optional<ReferenceArgument>& reference, const AccuracyBounds& asked) {
  if (reference && !reference->wanted && IsBounded(asked))
    throw UsageError("--reference none leaves nothing to bound; leave out --min-cosine and --max-error");
}

void CheckModelsOfPlan(const ModelArguments& arguments) {
  if (arguments.models.size() == 1 && arguments.models.front().name.empty()) return;
  throw UsageError("a plan divides one ONNX model: give --model once, and without a backend");
}

PlanCheckOptions CheckOptionsOf(const InputSets& inputs, const Signature& signature,
                                const std::optional<ReferenceArgument>& reference, const AccuracyBounds& bounds,
                                const PrepareOptions& prepare) {
  PlanCheckOptions options{.bounds = bounds, .input_sets = inputs.count(), .prepare = prepare};
  if (reference) options.reference = reference->target;
  options.inputs = [&inputs, signature](int set) { return inputs.Named(set, signature); };
  return options;
}

void HoldToBounds(PlanAccuracy& accuracy, const AccuracyBounds& asked) {
  if (!accuracy.problem.empty() && IsBounded(asked) && accuracy.misses.empty())
    accuracy.misses.push_back(accuracy.problem);
}

ExitCode SayMisses(const PlanAccuracy& accuracy, const std::string& place) {
  if (accuracy.misses.empty()) return ExitCode::kDone;
  for (const std::string& miss : accuracy.misses) fmt::print(stderr, "consort: {}{}\n", place, miss);
  if (!accuracy.blame.empty() && accuracy.blame != accuracy.misses.front())
    fmt::print(stderr, "consort: {}{}\n", place, accuracy.blame);
  return ExitCode::kAccuracyMissed;
}

void RequireStrict(const PreparedPlan& prepared) {
  for (size_t stage = 0; stage < prepared.stages.size(); ++stage) {
    const auto check = [stage](const PreparedReplica& replica) {
      try {
        RequireStrict(replica.executable->placement());
      } catch (const Error& error) {
        throw Error(error.code(), fmt::format("stage {} on {}: {}", stage, replica.name, error.what()));
      }
    };
    std::for_each(prepared.stages[stage].replicas.begin(), prepared.stages[stage].replicas.end(), check);
    std::for_each(prepared.stages[stage].spares.begin(), prepared.stages[stage].spares.end(), check);
  }
}

std::vector<Target> TargetsOf(const Plan& plan) {
  std::vector<Target> targets;
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) targets.push_back(replica.target);
  }
  return targets;
}

std::string WordFor(const std::vector<Target>& targets, Provenance of_emulated) {
  const auto emulated = std::count_if(targets.begin(), targets.end(), IsEmulated);
  if (emulated == 0) return std::string(ToString(Provenance::kMeasured));
  const std::string word(ToString(of_emulated));
  if (emulated == static_cast<std::ptrdiff_t>(targets.size())) return word;
  return fmt::format("{} and {}", ToString(Provenance::kMeasured), word);
}

}  // namespace consort
