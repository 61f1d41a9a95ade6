// From a plan to what a session runs: devices opened, stages compiled.
#ifndef CONSORT_RUN_PREPARE_H_
#define CONSORT_RUN_PREPARE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "consort/artifact.h"
#include "consort/model.h"
#include "consort/registry.h"
#include "plan/plan.h"
#include "run/prepared.h"

namespace consort {

// The model at a batch. Throws kInvalidArgument where its batch is fixed at another.
using ModelAtBatch = std::function<Model(int64_t batch)>;

// What is compiled for a stage on a replica's target; with Replica::samples the shard is of that batch.
using ShardSource = std::function<Artifact(const Stage&, const Replica&)>;

// Shards of a model cut at the plan's positions. `model_at` gives the model at a batch: the plan's, and those of
// replicas that divide its calls; it is called from several threads when devices are opened anew. Throws
// kInvalidArgument when the plan's positions are none of the graph's.
ShardSource ShardsOf(ModelAtBatch model_at, const Plan& plan);

struct PrepareOptions {
  OpenOptions open;        // isolated: each replica has a process of its own, which is started again after a loss
  CompileOptions compile;  // threads come from the plan; who executes is chosen here
  std::vector<std::vector<Target>> spares;  // by stage; may be shorter than the plan
  bool compile_spares_later = false;        // when they are needed: less memory, and samples wait for it after a loss
};

// Opens each target once (isolated: once per replica) and compiles. `model` tells the order of inputs and outputs. The
// registry and what `shards` refers to outlive the session. Throws kInvalidArgument for a plan without stages, and what
// opening and compiling throw, with the stage named.
PreparedPlan Prepare(const Plan& plan, const Graph& model, const ShardSource& shards, const Registry& registry,
                     const PrepareOptions& options = {});

}  // namespace consort

#endif  // CONSORT_RUN_PREPARE_H_
