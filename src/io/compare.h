// How far two tensors are apart.
#ifndef CONSORT_IO_COMPARE_H_
#define CONSORT_IO_COMPARE_H_

#include <cstdint>

#include "consort/buffer.h"

namespace consort {

// A tensor against a reference. Elements that are not finite count as equal when both are the same infinity or both
// NaN; they take no part in the other figures.
struct Comparison {
  double max_difference = 0;  // largest |value - reference|
  double max_reference = 0;   // largest |reference|
  double cosine = 1;          // of the two as vectors; 1 when both are zero, 0 when one is
  int64_t first_worst = -1;   // index of the element with the largest difference; -1 when all are equal
  int64_t nonfinite_mismatches = 0;

  bool bitwise_equal = false;
  // max_difference / max_reference; 0 when there is no difference, infinity when only the reference is all zero.
  double relative() const;
  // max_difference ≤ tolerance · max_reference and no element that is finite in one only.
  bool Within(double tolerance) const;
};

// Throws kInvalidArgument naming both specs when the shapes differ or one is floating-point and the other is not.
Comparison Compare(const Buffer& value, const Buffer& reference);

}  // namespace consort

#endif  // CONSORT_IO_COMPARE_H_
