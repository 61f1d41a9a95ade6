// Seeded weights for any ONNX model.
#ifndef CONSORT_ZOO_SEED_WEIGHTS_H_
#define CONSORT_ZOO_SEED_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

// Stored tensors that keep their values for one reason.
struct KeptTensors {
  std::string reason;
  int64_t tensors = 0;
  int64_t elements = 0;
};

// What SeedWeights did.
struct SeedReport {
  int64_t tensors = 0;            // that got new values
  int64_t elements = 0;           // in them
  int64_t trainable = 0;          // of these elements: without running means and variances of batch norms
  std::vector<KeptTensors> kept;  // most elements first
};

// One ONNX file with its weights inside stays below this many bytes: protobuf's limit.
inline constexpr int64_t kLargestFile = (int64_t{2} << 30) - 1;

// Gives every weight values that follow from the seed, the weight's name and the graph around it, the same on every
// machine, such that activations of the main graph stay of unit order at any depth for inputs as `consort run` makes
// them; docs/zoo.md tells how. What bodies of control flow read is drawn by the number of its inputs alone. Weights
// that ConstantOfShape nodes made become initializers. What is no weight keeps its values and is reported: integers,
// scalars, bounds, masks, initial states. Weights become inline; kept tensors stay where they are. The nodes have to be
// in topological order. Throws kInvalidModel when shapes cannot be inferred, kUnsupported when the model with its
// weights reaches 2 GiB.
SeedReport SeedWeights(onnx::ModelProto& model, uint64_t seed);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_SEED_WEIGHTS_H_
