#include "io/compare.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "consort/error.h"
#include "io/element.h"

namespace consort {
namespace {

bool SameNonFinite(double a, double b) { return (std::isnan(a) && std::isnan(b)) || a == b; }

double Cosine(double dot, double square_a, double square_b) {
  if (square_a == 0 && square_b == 0) return 1;
  if (square_a == 0 || square_b == 0) return 0;
  return dot / (std::sqrt(square_a) * std::sqrt(square_b));
}

}  // namespace

double Comparison::relative() const {
  if (max_difference == 0) return 0;
  return max_reference == 0 ? std::numeric_limits<double>::infinity() : max_difference / max_reference;
}

bool Comparison::Within(double tolerance) const {
  return nonfinite_mismatches == 0 && max_difference <= tolerance * max_reference;
}

double SqnrDb(double square_reference, double square_difference) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (square_difference == 0) return kInfinity;
  return square_reference == 0 ? -kInfinity : 10 * std::log10(square_reference / square_difference);
}

double Comparison::mean_square_error() const {
  return elements == 0 ? 0 : square_difference / static_cast<double>(elements);
}

double Comparison::sqnr_db() const { return SqnrDb(square_reference, square_difference); }

Comparison Compare(const Buffer& value, const Buffer& reference) {
  const TensorSpec& a = value.spec();
  const TensorSpec& b = reference.spec();
  const bool real = IsReal(a) && IsReal(b);
  if (a.shape != b.shape || (!real && IsFloat(a.dtype) != IsFloat(b.dtype))) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be compared with a reference of {}", FormatSpec(a), FormatSpec(b)));
  }
  const std::vector<double> values = real ? ToRealValues(value) : ToDoubles(value);
  const std::vector<double> references = real ? ToRealValues(reference) : ToDoubles(reference);
  Comparison result;
  result.bitwise_equal = a.dtype == b.dtype && (value.size_bytes() == 0 ||
                                                std::memcmp(value.data(), reference.data(), value.size_bytes()) == 0);
  double dot = 0, square_value = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || !std::isfinite(references[i])) {
      result.nonfinite_mismatches += !SameNonFinite(values[i], references[i]);
      continue;
    }
    const double difference = std::abs(values[i] - references[i]);
    if (difference > result.max_difference)
      result.max_difference = difference, result.first_worst = static_cast<int64_t>(i);
    result.max_reference = std::max(result.max_reference, std::abs(references[i]));
    dot += values[i] * references[i];
    square_value += values[i] * values[i];
    result.square_reference += references[i] * references[i];
    result.square_difference += difference * difference;
    ++result.elements;
  }
  result.cosine = Cosine(dot, square_value, result.square_reference);
  return result;
}

}  // namespace consort
