// What every command that works with a plan asks of it: right numbers, ops where they were asked for; and the word for
// its figures.
#ifndef CONSORT_CLI_PLAN_RULES_H_
#define CONSORT_CLI_PLAN_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "bench/plan_check.h"
#include "cli/command.h"
#include "cli/compare_options.h"
#include "cli/input_sets.h"
#include "consort/provenance.h"
#include "consort/target.h"
#include "run/prepared.h"

namespace consort {

// The cosine that a plan must have with the reference where no other bound is asked for.
inline constexpr double kLeastCosine = 0.99;

bool IsBounded(const AccuracyBounds& bounds);
// What a plan's numbers must keep: what was asked for, else kLeastCosine.
AccuracyBounds BoundsOf(const AccuracyBounds& asked);
// Throws UsageError for bounds without a reference.
void CheckBoundsUsage(const std::optional<ReferenceArgument>& reference, const AccuracyBounds& asked);
// Throws UsageError unless there is one model, for all backends.
void CheckModelsOfPlan(const ModelArguments& arguments);

// Sets of inputs that a plan's numbers are compared over where no other number is asked for; with input files 1.
inline constexpr int kPlanInputSets = 4;
// How a plan of that model is compared with the reference (cpu@onnxruntime unless another is asked for): over `inputs`,
// which outlive what is returned.
PlanCheckOptions CheckOptionsOf(const InputSets& inputs, const Signature& signature,
                                const std::optional<ReferenceArgument>& reference, const AccuracyBounds& bounds,
                                const PrepareOptions& prepare);
// A plan whose numbers cannot be told misses the bounds that were asked for.
void HoldToBounds(PlanAccuracy& accuracy, const AccuracyBounds& asked);
// Says on the standard error what is out of bounds and which stage is to blame, each line after `place` ("plan.json: ",
// or ""). kAccuracyMissed then, else kDone.
ExitCode SayMisses(const PlanAccuracy& accuracy, const std::string& place);

// Throws kInfeasible, naming the stage, unless every op of every replica and spare is known to run where it was asked
// to. The plan was prepared with a proof of the placement.
void RequireStrict(const PreparedPlan& prepared);

// Of all replicas, stage by stage.
std::vector<Target> TargetsOf(const Plan& plan);
// "measured" where every target is a real device; where none is the word for `of_emulated`; else both.
std::string WordFor(const std::vector<Target>& targets, Provenance of_emulated);

}  // namespace consort

#endif  // CONSORT_CLI_PLAN_RULES_H_
