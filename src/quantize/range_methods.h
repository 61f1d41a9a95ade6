// From the values that a tensor took to the range that its integers stand for.
#ifndef CONSORT_QUANTIZE_RANGE_METHODS_H_
#define CONSORT_QUANTIZE_RANGE_METHODS_H_

#include <cstdint>

#include "quantize/histogram.h"
#include "quantize/parameters.h"

namespace consort {

enum class RangeMethod : uint8_t {
  kMinMax,      // all values
  kPercentile,  // without the share of values at each end that the percentile leaves
  kEntropy,     // the threshold that loses least information (Kullback-Leibler)
  kMse,         // the range with the least mean squared error
};

struct RangeOptions {
  RangeMethod method = RangeMethod::kMinMax;
  double percentile = 99.99;  // of kPercentile, in (50, 100]
  ActivationFormat format;    // of kMse: whose rounding is counted
};

// The range of a histogram's values; {0, 0} when it is empty. Never wider than the values themselves.
Range FindRange(const Histogram& histogram, const RangeOptions& options);

// --- The methods ----------------------------------------------------------------------------------------------------
// (100 - percentile) / 2 percent of the values lie below, as many above; linear within a bin.
Range PercentileRange(const Histogram& histogram, double percentile);
// Migacz, "8-bit Inference with TensorRT", GTC 2017: the distribution of |value| is cut at a threshold, what lies
// beyond is counted at the threshold, and the rest is merged into 128 levels (256 where no value is negative); of all
// thresholds the one is taken at which the merged distribution diverges least from the cut one. Zeros are left out of
// the first bin, as in NVIDIA's pytorch-quantization: rectified activations are mostly zeros.
Range EntropyRange(const Histogram& histogram);
// Ends are moved inwards, first together, then each, to where the squared error of rounding and saturation is least.
Range MseRange(const Histogram& histogram, const ActivationFormat& format);
// Σ count · (value - what its integer stands for)², values at the centers of their bins.
double SquaredError(const Histogram& histogram, const Range& range, const ActivationFormat& format);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_RANGE_METHODS_H_
