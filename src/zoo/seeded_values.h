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
  int64_t offset = 0;       // added to every integer
  int output_axis = -1;     // of the filters; -1: there are none
  int64_t mean_parts = 0;   // filters lose one of so many parts of their mean; 0: none
  bool upright = false;     // filters whose sum is negative change their sign
  bool own_square = false;  // the deviation is that of the numbers drawn, not the expected one

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

// Fills floating-point data of 16, 32 or 64 bits of the shape that `tensor` has; the values depend on `name`, the seed
// and the draw. Those of 16 bits are the ones of 32 bits rounded.
void Fill(onnx::TensorProto& tensor, const std::string& name, const Draw& draw, uint64_t seed);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_SEEDED_VALUES_H_
