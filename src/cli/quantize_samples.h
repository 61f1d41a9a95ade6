// The samples of `consort quantize`: those that scales come from, and those that figures are taken on.
#ifndef CONSORT_CLI_QUANTIZE_SAMPLES_H_
#define CONSORT_CLI_QUANTIZE_SAMPLES_H_

#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "bench/compile_on_cpu.h"
#include "cli/calibration_samples.h"
#include "cli/quantize_options.h"
#include "consort/registry.h"

namespace consort {

// Without files: kSeeded samples from seeds, and as many behind them to take figures on.
class QuantizeSamples {
 public:
  static constexpr int kSeeded = 16;
  static constexpr int kMostValidated = 32;  // spread over all

  // `arguments` outlive it.
  QuantizeSamples(const QuantizeArguments& arguments, const Signature& signature);

  bool random() const { return random_; }
  int count() const { return count_; }
  Samples Calibration() const { return calibration_.Take(count_); }
  Samples Validation() const;
  std::string DescribeCalibration() const { return calibration_.Describe(); }
  std::string DescribeValidation() const { return validation_.Describe(); }

 private:
  bool random_;
  CalibrationSamples calibration_;
  int count_;
  CalibrationSamples validation_;
};

// Models against a reference, output by output. The reference runs once.
class OutputJudge {
 public:
  OutputJudge(const Model& reference, const Samples& samples, CompileModel compile);
  Accuracy Judge(const Model& model) const;

 private:
  Samples samples_;
  CompileModel compile_;
  std::vector<Outputs> reference_;  // by sample
};

}  // namespace consort

#endif  // CONSORT_CLI_QUANTIZE_SAMPLES_H_
