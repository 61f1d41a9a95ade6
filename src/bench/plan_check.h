// Right numbers: a plan against an fp32 reference, and the first stage that goes wrong.
#ifndef CONSORT_BENCH_PLAN_CHECK_H_
#define CONSORT_BENCH_PLAN_CHECK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "bench/chain.h"
#include "consort/model.h"
#include "consort/registry.h"
#include "plan/plan.h"
#include "run/prepare.h"

namespace consort {

struct PlanCheckOptions {
  // Runs the model as it is for the whole, and its stages one by one for the tensors in between; at
  // Optimization::kBasic.
  Target reference{.device = "cpu", .backend = "onnxruntime"};
  AccuracyBounds bounds;
  int input_sets = 4;
  uint64_t seed = 0;  // of the first set; the others count on from it
  // All inputs of the model by name, for the set of that number. Empty: made from the seed.
  std::function<Tensors(int set)> inputs;
  PrepareOptions prepare;  // how the plan's targets are opened and compiled
};

// A replica of a stage against the reference. Where the replicas divide each call, of its rows.
struct StageAccuracy {
  int stage = 0;
  std::string target;
  std::optional<Accuracy> alone;    // given the reference's own tensors; absent: the target has no numbers
  std::optional<Accuracy> chained;  // given what the stages before it made; absent: one of them has no numbers
};

struct PlanAccuracy {
  std::string reference;
  int inputs = 0;                     // sets
  std::optional<Accuracy> whole;      // the model's outputs; absent: `problem` says why
  std::string problem;                // "stage 0 on emulated:gtx1650@null has no numbers"
  std::vector<StageAccuracy> stages;  // every replica, in the plan's order
  // What is out of bounds: of the whole, or where that has no figures of stages alone. Empty without bounds.
  std::vector<std::string> misses;
  // The first stage that misses the bounds by itself; where each keeps them, the first behind which what has added up
  // misses them. -1: no misses, or no stage can be named.
  int first_bad_stage = -1;
  std::string blame;  // a sentence that names it; empty without misses
};

// Compiles the plan and compares every replica of every stage. Throws what Prepare and the calls throw, naming the
// stage; kInvalidArgument where inputs have to be made and a shape is open; kUnsupported for a reference without
// numbers. Emulated targets over @null have no numbers: they are said, and not compared.
PlanAccuracy CheckPlan(const Registry& registry, const Plan& plan, const ModelAtBatch& model_at,
                       const PlanCheckOptions& options = {});

// The same for what Prepare gave for this plan; `prepared` can be run by a session afterwards.
PlanAccuracy CheckPrepared(const PreparedPlan& prepared, const Registry& registry, const Plan& plan,
                           const ModelAtBatch& model_at, const PlanCheckOptions& options = {});

}  // namespace consort

#endif  // CONSORT_BENCH_PLAN_CHECK_H_
