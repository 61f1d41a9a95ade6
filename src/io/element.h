// Element values of tensors as double, whatever their type.
#ifndef CONSORT_IO_ELEMENT_H_
#define CONSORT_IO_ELEMENT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "consort/buffer.h"

namespace consort {

// IEEE half precision and bfloat16 bit patterns; to them with rounding to nearest even.
float HalfToFloat(uint16_t bits);
uint16_t FloatToHalf(float value);
float BFloat16ToFloat(uint16_t bits);
uint16_t FloatToBFloat16(float value);

bool IsFloat(DataType dtype);

// Every element as double (64-bit integers beyond 2^53 are rounded). Throws kUnsupported for int4 and for memory that
// the host cannot read.
std::vector<double> ToDoubles(const Buffer& tensor);

// Sets every element: integers are rounded to nearest (ties to even) and saturate, NaN becomes 0; bool is value != 0.
// Throws kInvalidArgument when the counts differ, kUnsupported for int4.
void SetFromDoubles(std::span<const double> values, Buffer& tensor);

// Whether elements stand for real numbers: floats, and integers with a scale.
bool IsReal(const TensorSpec& spec);
// The real numbers that elements stand for: scale · (element - zero point) in a quantized tensor, per channel where it has
// several scales; else ToDoubles.
std::vector<double> ToRealValues(const Buffer& tensor);
// The reverse, rounded and saturated as by SetFromDoubles. Throws as that, and kUnsupported for several scales.
void SetFromRealValues(std::vector<double> values, Buffer& tensor);

}  // namespace consort

#endif  // CONSORT_IO_ELEMENT_H_
