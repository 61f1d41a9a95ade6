// Models with their batch axis bound.
#ifndef CONSORT_CLI_BATCH_H_
#define CONSORT_CLI_BATCH_H_

#include <cstdint>

#include "bench/bench.h"
#include "cli/model_options.h"

namespace consort {

// Reads the model of a target with axis 0 of every input set to `batch`, and times the reading. A batch of 0 leaves the
// model as it is, but for axes 0 that are open and for which no file is given: they become 1. Inputs that `inputs`
// calls states and scalars are left out. Throws what LoadArtifact throws, and kInvalidArgument saying what to do when
// an axis 0 is fixed at another value. UsageError when the target has no model.
LoadedModel LoadWithBatch(const ModelArguments& models, const InputArguments& inputs, const Target& target,
                          int64_t batch);

// Throws kInvalidArgument unless the inputs of a compiled model have that batch (0: any); for formats whose shapes show
// only then.
void CheckBatch(const Signature& signature, const InputArguments& inputs, int64_t batch, const std::string& model);

}  // namespace consort

#endif  // CONSORT_CLI_BATCH_H_
