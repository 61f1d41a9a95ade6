// Seeded weights for any ONNX model.
#ifndef CONSORT_ZOO_SEED_WEIGHTS_H_
#define CONSORT_ZOO_SEED_WEIGHTS_H_

#include <cstdint>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

// What SeedWeights did.
struct SeedReport {
  int64_t tensors = 0;   // that got new values
  int64_t elements = 0;  // in them
};

// Gives every weight of the main graph values that follow from the seed and the weight's name, the same on every
// machine, such that activations stay of unit order at any depth for inputs as `consort run` makes them; docs/zoo.md
// tells how. Weights that ConstantOfShape nodes made become initializers. What is no weight keeps its values: integers,
// scalars, bounds, masks, 16-bit floats, and everything in bodies of control flow. Weights become inline; kept tensors
// stay where they are. The nodes have to be in topological order. Throws kInvalidModel when shapes cannot be inferred,
// kUnsupported when the weights exceed the 2 GiB of a protobuf message.
SeedReport SeedWeights(onnx::ModelProto& model, uint64_t seed);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_SEED_WEIGHTS_H_
