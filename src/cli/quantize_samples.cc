#include "cli/quantize_samples.h"

#include <algorithm>
#include <utility>

namespace consort {

QuantizeSamples::QuantizeSamples(const QuantizeArguments& arguments, const Signature& signature)
    : random_(arguments.calibration.empty() && !signature.inputs.empty()),
      calibration_(arguments.calibration, arguments.image, signature, arguments.seed),
      count_(std::min(arguments.samples.value_or(calibration_.count().value_or(kSeeded)),
                      calibration_.count().value_or(arguments.samples.value_or(kSeeded)))),
      validation_(arguments.validation.empty() ? arguments.calibration : arguments.validation, arguments.image,
                  signature, arguments.seed + (random_ ? static_cast<uint64_t>(count_) : 0)) {}

Samples QuantizeSamples::Validation() const {
  const int available = validation_.count().value_or(count_);
  const int count = std::min(available, kMostValidated);
  return validation_.Take(count, 0, available / count);
}

OutputJudge::OutputJudge(const Model& reference, const Samples& samples, CompileModel compile)
    : samples_(samples), compile_(std::move(compile)) {
  const RunModel run = compile_(reference);
  for (int i = 0; i < samples_.count; ++i) reference_.push_back(run(samples_.get(i)));
}

Accuracy OutputJudge::Judge(const Model& model) const {
  AccuracyTally tally;
  const RunModel run = compile_(model);
  for (int i = 0; i < samples_.count; ++i) tally.Add(run(samples_.get(i)), reference_[static_cast<size_t>(i)]);
  return tally.Summarise();
}

}  // namespace consort
