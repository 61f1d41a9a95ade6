// Inception modules as data: branches that read one tensor and are concatenated.
#ifndef CONSORT_ZOO_INCEPTION_H_
#define CONSORT_ZOO_INCEPTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "zoo/layers.h"
#include "zoo/zoo.h"

namespace consort::zoo {

// A convolution with batch norm and ReLU.
struct Step {
  int64_t channels = 0;
  Window window;
};
inline Step Pointwise(int64_t channels) { return {channels, Square(1)}; }
inline Step Same(int64_t channels, int64_t height, int64_t width) {
  return {channels, {.height = height, .width = width}};
}
inline Step Same(int64_t channels, int64_t size) { return Same(channels, size, size); }
// 3×3, stride 2, whole windows only.
inline Step Halving(int64_t channels) { return {channels, Square(3, 2, Padding::kValid)}; }

enum class Pooling : uint8_t {
  kNone,
  kAverage,  // 3×3
  kMax,      // 3×3
  kHalving,  // the largest of 3×3, stride 2, whole windows only
};

// A pooling, then steps; then all of `ends`, each reading the last step.
struct Branch {
  Pooling pooling = Pooling::kNone;
  std::vector<Step> steps;
  std::vector<Step> ends;
};
using Module = std::vector<Branch>;

Value Apply(LayerWriter& net, Value x, const std::vector<Step>& steps);
// Names its layers "<name>/branch1/…".
Value Apply(LayerWriter& net, const std::string& name, const Value& x, const Module& module);

Architecture InceptionV1();
Architecture InceptionV3();
Architecture InceptionV4();

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_INCEPTION_H_
