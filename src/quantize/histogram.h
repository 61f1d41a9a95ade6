// The distribution of a tensor's values over many samples, in bounded memory.
#ifndef CONSORT_QUANTIZE_HISTOGRAM_H_
#define CONSORT_QUANTIZE_HISTOGRAM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/parameters.h"

namespace consort {

// Counts in bins of one width over [-limit, limit). A value beyond the limit doubles it: two bins become one, so that
// counts stay exact. Values that are not finite are left out and counted. 128 KiB; one thread at a time.
class Histogram {
 public:
  static constexpr int kHalf = 8192;  // bins on each side of 0

  void Add(std::span<const float> values);

  int64_t count() const { return count_; }          // of finite values
  int64_t nonfinite() const { return nonfinite_; }
  // The smallest and largest value, exactly; {0, 0} without values.
  Range range() const { return range_; }
  double width() const { return limit_ / kHalf; }
  // 2 · kHalf bins; bin i holds values from Edge(i) on, up to Edge(i + 1).
  const std::vector<int64_t>& bins() const { return bins_; }
  double Edge(int bin) const { return (bin - kHalf) * width(); }
  double Center(int bin) const { return (bin - kHalf + 0.5) * width(); }

 private:
  void Widen(double largest);

  std::vector<int64_t> bins_ = std::vector<int64_t>(size_t{2} * kHalf);
  double limit_ = 0;
  Range range_;
  int64_t count_ = 0;
  int64_t nonfinite_ = 0;
};

}  // namespace consort

#endif  // CONSORT_QUANTIZE_HISTOGRAM_H_
