#include "measure/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace consort {
namespace {

constexpr int kSubBits = 11;  // linear buckets per power of two: 2^11
constexpr int64_t kSub = int64_t{1} << kSubBits;

// Durations below 2 × kSub have a bucket each; above, each power of two has kSub buckets.
size_t IndexOf(TimeNs duration_ns) {
  const auto value = static_cast<uint64_t>(std::max<TimeNs>(duration_ns, 0));
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
  return static_cast<size_t>(shift * kSub) + static_cast<size_t>(value >> shift);
}

// The middle of a bucket.
double ValueOf(size_t index) {
  const auto position = static_cast<int64_t>(index);
  if (position < 2 * kSub) return static_cast<double>(position);
  const int64_t shift = position / kSub - 1;
  const auto low = static_cast<double>((position - shift * kSub) << shift);
  return low + (static_cast<double>(int64_t{1} << shift) - 1) / 2;
}

}  // namespace

void Distribution::Add(TimeNs duration_ns, int64_t times) {
  if (times <= 0) return;
  const size_t index = IndexOf(duration_ns);
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += times;
  min_ns_ = count_ == 0 ? duration_ns : std::min(min_ns_, duration_ns);
  max_ns_ = std::max(max_ns_, duration_ns);
  count_ += times;
  const auto value = static_cast<double>(duration_ns);
  sum_ns_ += value * static_cast<double>(times);
  sum_squares_ += value * value * static_cast<double>(times);
}

void Distribution::Add(const Distribution& other) {
  if (other.count_ == 0) return;
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  min_ns_ = count_ == 0 ? other.min_ns_ : std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  sum_squares_ += other.sum_squares_;
}

double Distribution::deviation_ns() const {
  if (count_ < 2) return 0;
  const auto count = static_cast<double>(count_);
  return std::sqrt(std::max(0.0, (sum_squares_ - sum_ns_ * sum_ns_ / count) / (count - 1)));
}

double Distribution::PercentileNs(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(percent / 100 * static_cast<double>(count_));
  const auto rank = std::clamp<int64_t>(static_cast<int64_t>(wanted), 1, count_);
  int64_t seen = 0;
  for (size_t index = 0; index < counts_.size(); ++index) {
    seen += counts_[index];
    if (seen >= rank) return std::clamp(ValueOf(index), static_cast<double>(min_ns_), static_cast<double>(max_ns_));
  }
  return static_cast<double>(max_ns_);
}

}  // namespace consort
