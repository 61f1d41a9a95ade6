// Durations in bounded memory, all percentiles at once.
#ifndef CONSORT_MEASURE_DISTRIBUTION_H_
#define CONSORT_MEASURE_DISTRIBUTION_H_

#include <cstdint>
#include <vector>

#include "consort/clock.h"

namespace consort {

// A histogram of durations with a relative resolution of 2^-11 (0.05 %; exact up to 4 µs), after Gil Tene's
// HdrHistogram: buckets are linear within each power of two. Memory grows with the range that occurs, about 8 KiB per
// power of two, never with the count. Count, sum, minimum and maximum are exact. A value.
class Distribution {
 public:
  void Add(TimeNs duration_ns, int64_t times = 1);
  void Add(const Distribution& other);

  int64_t count() const { return count_; }
  TimeNs min_ns() const { return min_ns_; }  // 0 while empty
  TimeNs max_ns() const { return max_ns_; }
  double mean_ns() const { return count_ == 0 ? 0 : sum_ns_ / static_cast<double>(count_); }
  // Standard deviation from the exact sums.
  double deviation_ns() const;
  // The smallest duration that at least `percent` % of all do not exceed ("nearest rank"), within the resolution. 0 <
  // percent ≤ 100.
  double PercentileNs(double percent) const;

 private:
  std::vector<int64_t> counts_;
  int64_t count_ = 0;
  double sum_ns_ = 0;
  double sum_squares_ = 0;
  TimeNs min_ns_ = 0;
  TimeNs max_ns_ = 0;
};

}  // namespace consort

#endif  // CONSORT_MEASURE_DISTRIBUTION_H_
