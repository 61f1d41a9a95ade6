#include "quantize/range_methods.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace consort {
namespace {

// The value below which `share` of all values lie.
double Quantile(const Histogram& histogram, double share) {
  const double wanted = share * static_cast<double>(histogram.count());
  double below = 0;
  for (int bin = 0; bin < 2 * Histogram::kHalf; ++bin) {
    const auto count = static_cast<double>(histogram.bins()[static_cast<size_t>(bin)]);
    if (count > 0 && below + count >= wanted)
      return histogram.Edge(bin) + histogram.width() * std::clamp((wanted - below) / count, 0.0, 1.0);
    below += count;
  }
  return histogram.range().high;
}

// Within what the values span.
Range Clamped(double low, double high, const Histogram& histogram) {
  const Range all = histogram.range();
  return {std::max(static_cast<float>(low), all.low), std::min(static_cast<float>(high), all.high)};
}

// Counts of |value|, from 0 on, up to the last that is not empty.
std::vector<double> SizeCounts(const Histogram& histogram) {
  std::vector<double> counts(Histogram::kHalf);
  for (int bin = 0; bin < Histogram::kHalf; ++bin) {
    counts[static_cast<size_t>(bin)] =
        static_cast<double>(histogram.bins()[static_cast<size_t>(Histogram::kHalf + bin)] +
                            histogram.bins()[static_cast<size_t>(Histogram::kHalf - 1 - bin)]);
  }
  while (counts.size() > 1 && counts.back() == 0) counts.pop_back();
  return counts;
}

// Kullback-Leibler divergence of the first `length` counts, the others added to the last one, from the same merged
// into `levels` levels; infinite where the last one was empty, so that nothing stands for what was added.
double Divergence(const std::vector<double>& counts, size_t length, size_t levels, double beyond) {
  if (counts[length - 1] == 0 && beyond > 0) return std::numeric_limits<double>::infinity();
  double kept = 0, divergence = 0;
  for (size_t i = 0; i < length; ++i) kept += counts[i];
  const double whole = kept + beyond;
  for (size_t level = 0; level < levels; ++level) {
    const size_t begin = level * length / levels, end = (level + 1) * length / levels;
    double sum = 0, filled = 0;
    for (size_t i = begin; i < end; ++i) sum += counts[i], filled += counts[i] > 0;
    if (filled == 0) continue;
    const double merged = sum / filled / kept;
    for (size_t i = begin; i < end; ++i) {
      const double cut = (counts[i] + (i + 1 == length ? beyond : 0)) / whole;
      if (counts[i] > 0) divergence += cut * std::log(cut / merged);
    }
  }
  return divergence;
}

// The share of a range's end, out of a grid, that gives the least error.
template <typename Error>
double BestShare(double from, double to, Error error) {
  constexpr int kSteps = 48;
  double best = to, least = std::numeric_limits<double>::infinity();
  for (int step = kSteps; step >= 0; --step) {
    const double share = from + (to - from) * step / kSteps;
    const double found = error(share);
    if (found < least) least = found, best = share;
  }
  return best;
}

}  // namespace

Range PercentileRange(const Histogram& histogram, double percentile) {
  const double left = (100 - percentile) / 200;
  return Clamped(Quantile(histogram, left), Quantile(histogram, 1 - left), histogram);
}

Range EntropyRange(const Histogram& histogram) {
  std::vector<double> counts = SizeCounts(histogram);
  const size_t levels = histogram.range().low >= 0 ? 256 : 128;
  if (counts.size() <= levels) return histogram.range();
  counts[0] = counts[1];
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  double kept = std::accumulate(counts.begin(), counts.begin() + static_cast<ptrdiff_t>(levels), 0.0);
  constexpr size_t kStep = 16;
  size_t best = counts.size();
  double least = std::numeric_limits<double>::infinity();
  for (size_t length = levels; length <= counts.size(); length += kStep) {
    const double divergence = kept > 0 ? Divergence(counts, length, levels, std::max(0.0, all - kept)) : least;
    if (divergence < least) least = divergence, best = length;
    for (size_t i = length; i < std::min(length + kStep, counts.size()); ++i) kept += counts[i];
  }
  if (Divergence(counts, counts.size(), levels, 0) <= least) best = counts.size();
  const double threshold = static_cast<double>(best) * histogram.width();
  return Clamped(-threshold, threshold, histogram);
}

double SquaredError(const Histogram& histogram, const Range& range, const ActivationFormat& format) {
  const QuantizationParameters parameters = ParametersFor(range, format);
  const double scale = parameters.scale;
  double sum = 0;
  for (int bin = 0; bin < 2 * Histogram::kHalf; ++bin) {
    const int64_t count = histogram.bins()[static_cast<size_t>(bin)];
    if (count == 0) continue;
    const double value = histogram.Center(bin);
    const double integer = std::clamp<double>(std::nearbyint(value / scale) + parameters.zero_point, format.least(),
                                              format.greatest());
    const double difference = value - scale * (integer - parameters.zero_point);
    sum += static_cast<double>(count) * difference * difference;
  }
  return sum;
}

Range MseRange(const Histogram& histogram, const ActivationFormat& format) {
  const Range all = histogram.range();
  const auto scaled = [&](double low, double high) {
    return Range{static_cast<float>(all.low * low), static_cast<float>(all.high * high)};
  };
  const auto error = [&](double low, double high) { return SquaredError(histogram, scaled(low, high), format); };
  constexpr double kLeast = 0.04;
  const double both = BestShare(kLeast, 1, [&](double share) { return error(share, share); });
  const double high = BestShare(kLeast, 1, [&](double share) { return error(both, share); });
  const double low = BestShare(kLeast, 1, [&](double share) { return error(share, high); });
  return scaled(low, high);
}

Range FindRange(const Histogram& histogram, const RangeOptions& options) {
  if (histogram.count() == 0) return {};
  if (options.method == RangeMethod::kPercentile) return PercentileRange(histogram, options.percentile);
  if (options.method == RangeMethod::kEntropy) return EntropyRange(histogram);
  if (options.method == RangeMethod::kMse) return MseRange(histogram, options.format);
  return histogram.range();
}

}  // namespace consort
