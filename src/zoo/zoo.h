// The zoo: networks that Consort makes itself, with the published structure and seeded weights.
#ifndef CONSORT_ZOO_ZOO_H_
#define CONSORT_ZOO_ZOO_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "consort/model.h"
#include "zoo/layers.h"

namespace consort::zoo {

// What can be chosen of a network. An option that an architecture does not list is refused.
struct MakeOptions {
  std::optional<int64_t> size;      // --size: side of the square input image
  std::optional<double> width;      // --width: multiplier of the channels (MobileNets)
  std::optional<int64_t> side;      // --side: matvec
  std::optional<double> scale;      // --scale: seed-dense
  std::optional<int64_t> sequence;  // --sequence: tokens (transformers)
  int64_t batch = 1;                // kDynamic: the symbolic dimension "batch"
  uint64_t seed = 0;
};

// Sides, tokens and batches end here: beyond, sizes would overflow long before memory sufficed.
inline constexpr int64_t kLargestNumber = 65536;

enum class Choice : uint8_t { kSize, kWidth, kSide, kScale, kSequence };
// "--size".
std::string OptionName(Choice choice);

// One architecture. `build` may throw kInvalidArgument for a value that the network cannot take (an image too small).
struct Architecture {
  std::string name;     // "resnet-50"
  std::string summary;  // one line for --list: what it is, default input, published source
  std::vector<Choice> choices;
  int64_t default_size = 0;  // side of the image, tokens of the sequence, side of the matrix; 0: has none
  std::function<void(LayerWriter& net, const MakeOptions& options)> build;
};

// All, in the order of --list. Each family is a file of its own; zoo.cc names them.
const std::vector<Architecture>& Architectures();

// The network of that name with seeded weights. Throws kInvalidArgument: an unknown name lists the nearest ones, an
// option that the architecture does not take names those it does. Throws kUnsupported where one file cannot hold it.
onnx::ModelProto Make(const std::string& name, const MakeOptions& options);

// What one inference costs, of the network that Make would give; nothing is seeded for it. Throws as Make does.
struct Costs {
  int64_t macs = 0;
  int64_t parameters = 0;  // elements of all constants: bounds, shapes and running means and variances, too
  int64_t trainable = 0;   // of weights, biases, scales: what most sources publish
};
Costs CostsOf(const std::string& name, const MakeOptions& options);

// The network that Make would give, without its weights' values: for what needs its structure only (costs, cuts). Weights are
// constants of the right shape that an op expands, so that even the largest network takes no memory. Throws as Make does.
Model Structure(const std::string& name, const MakeOptions& options);
// The same of a network that LayerWriter::Finish gave; `name` is for messages.
Model StructureOf(onnx::ModelProto network, const std::string& name);

// --- Families -------------------------------------------------------------------------------------------------------
using Family = std::vector<Architecture>;
Family SeedFamily();         // seed_networks.cc: matvec, seed-dense, seed-alexnet, seed-cnn, seed-cnn-large
Family PlainFamily();        // plain.cc: lenet, vgg-16, vgg-19, squeezenet-1.0
Family ResNetFamily();       // resnet.cc: resnet-50, -101, -152, and -50-v2, -152-v2
Family MobileNetFamily();    // mobilenet.cc: mobilenet-v1, mobilenet-v2, efficientnet-edgetpu-s, -m
Family InceptionFamily();    // inception_v1.cc, inception_v3.cc, inception_v4.cc
Family DenseNetFamily();     // densenet.cc: densenet-121
Family UNetFamily();         // unet.cc: unet-mobilenet-v2
Family TransformerFamily();  // transformer.cc: bert-like encoder, gpt-like decoder with KV cache

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_ZOO_H_
