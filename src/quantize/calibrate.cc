#include "quantize/calibrate.h"

#include <fmt/format.h>

#include <map>

#include "consort/error.h"
#include "quantize/softmax_inputs.h"

namespace consort {

Ranges Calibrate(const Model& model, const std::vector<std::string>& tensors, const Samples& samples,
                 const CompileModel& compile, const RangeOptions& options) {
  if (samples.count < 1)
    throw Error(ErrorCode::kInvalidArgument, "there are no calibration samples: one at least is needed");
  std::map<std::string, bool> feeds_softmax;
  for (const std::string& name : tensors) feeds_softmax[name] = FeedsSoftmaxOnly(model, name);
  std::map<std::string, Histogram> histograms;
  Observe(model, tensors, samples, compile, [&](const NamedTensor& tensor) {
    Histogram& histogram = histograms[tensor.name];
    const Buffer values = feeds_softmax[tensor.name] ? WithinReach(tensor.tensor) : tensor.tensor.Share();
    histogram.Add(values.as<float>());
  });
  Ranges ranges;
  for (const auto& [name, histogram] : histograms) {
    if (histogram.count() == 0 && histogram.nonfinite() > 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("tensor '{}' holds nothing but infinities and NaN on the calibration samples; keep the "
                              "op that makes it in float, or give other samples",
                              name));
    }
    ranges[name] = FindRange(histogram, options);
  }
  return ranges;
}

}  // namespace consort
