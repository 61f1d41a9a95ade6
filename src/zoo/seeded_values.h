// Values of weights from a seed: the same on every machine, whatever the order in which tensors are filled.
#ifndef CONSORT_ZOO_SEEDED_VALUES_H_
#define CONSORT_ZOO_SEEDED_VALUES_H_

#include <cstdint>
#include <string>

#include "onnx/onnx_pb.h"

namespace consort::zoo {

// How a tensor's values are drawn. Every value is an integer, exact as float32, times `scale`: one rounding, that IEEE
// 754 defines.
struct Draw {
  enum class Kind : uint8_t { kNormal, kUniform };
  Kind kind = Kind::kNormal;
  float scale = 1;
  int64_t offset = 0;      // added to every integer
  int output_axis = -1;    // filters along this axis lose a part of their mean; -1: none does
  int64_t mean_parts = 2;  // the part is one of so many

  // Nearly normal: the sum of four uniform numbers.
  static Draw Normal(double deviation, double mean = 0);
  // Uniform in [0.8, 1.2) · centre.
  static Draw Near(double centre);
  // Uniform in [-bound, bound).
  static Draw Within(double bound);

  double mean() const;
  double deviation() const;
};

// What `value` is rounded to before it becomes a factor: 12 bits, so that the last bit of a mathematical library has no
// say.
float CoarseFloat(double value);

// Fills float32 or float64 data of the shape that `tensor` has; the values depend on `name`, the seed and the draw.
void Fill(onnx::TensorProto& tensor, const std::string& name, const Draw& draw, uint64_t seed);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_SEEDED_VALUES_H_
