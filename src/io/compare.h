// How far two tensors are apart.
#ifndef CONSORT_IO_COMPARE_H_
#define CONSORT_IO_COMPARE_H_

#include <cstdint>

#include "consort/buffer.h"

namespace consort {

// A tensor against a reference. Elements that are not finite count as equal when both are the same infinity or both
// NaN; they take no part in the other figures.
struct Comparison {
  double max_difference = 0;     // largest |value - reference|
  double max_reference = 0;      // largest |reference|
  double cosine = 1;             // of the two as vectors; 1 when both are zero, 0 when one is
  double square_difference = 0;  // sum of (value - reference)²
  double square_reference = 0;   // sum of reference²
  int64_t elements = 0;          // that took part: finite in both
  int64_t first_worst = -1;      // index of the element with the largest difference; -1 when all are equal
  int64_t nonfinite_mismatches = 0;

  bool bitwise_equal = false;
  // max_difference / max_reference; 0 when there is no difference, infinity when only the reference is all zero.
  double relative() const;
  // The mean of (value - reference)²; 0 for no elements.
  double mean_square_error() const;
  // Signal-to-quantization-noise ratio, 10·log10(square_reference / square_difference); infinity without a difference,
  // minus infinity when only the reference is all zero.
  double sqnr_db() const;
  // max_difference ≤ tolerance · max_reference and no element that is finite in one only.
  bool Within(double tolerance) const;
};

// The ratio of two sums of squares in decibels, as Comparison::sqnr_db; for sums over several tensors.
double SqnrDb(double square_reference, double square_difference);

// Quantized tensors are compared by the real numbers that they stand for, with floats too. Throws kInvalidArgument naming
// both specs when the shapes differ or one is floating-point and the other holds integers without a scale.
Comparison Compare(const Buffer& value, const Buffer& reference);

}  // namespace consort

#endif  // CONSORT_IO_COMPARE_H_
