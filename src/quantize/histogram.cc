#include "quantize/histogram.h"

#include <algorithm>
#include <cmath>

namespace consort {

void Histogram::Add(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    const float size = std::abs(value);
    if (std::isfinite(size)) largest = std::max(largest, size);
  }
  Widen(largest);
  const double per_width = limit_ == 0 ? 0 : kHalf / limit_;
  for (const float value : values) {
    if (!std::isfinite(value)) {
      ++nonfinite_;
      continue;
    }
    if (count_++ == 0) range_ = {value, value};
    range_.Include({value, value});
    const int bin = kHalf + static_cast<int>(std::floor(value * per_width));
    ++bins_[static_cast<size_t>(std::clamp(bin, 0, 2 * kHalf - 1))];
  }
}

// The first limit is a power of two, so that the edges of bins are exact.
void Histogram::Widen(double largest) {
  if (largest == 0) return;
  if (limit_ == 0) limit_ = std::exp2(std::floor(std::log2(largest)) + 1);
  while (largest >= limit_) {
    std::vector<int64_t> wider(bins_.size());
    for (int bin = -kHalf; bin < kHalf; ++bin) {
      const int half = bin >> 1;  // rounds down for negative ones, too
      wider[static_cast<size_t>(kHalf + half)] += bins_[static_cast<size_t>(kHalf + bin)];
    }
    bins_ = std::move(wider);
    limit_ *= 2;
  }
}

}  // namespace consort
