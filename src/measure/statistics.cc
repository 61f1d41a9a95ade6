#include "measure/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "consort/error.h"

namespace consort {
namespace {

constexpr int kResamples = 2000;
constexpr double kTie = 0.05;

// Two-sided 95 % points of Student's t (Fisher and Yates, Statistical Tables, table III).
constexpr std::array<double, 30> kStudent = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                             2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                             2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};

void RequireValues(size_t count) {
  if (count == 0) throw Error(ErrorCode::kInvalidArgument, "statistics need at least one value");
}

double MedianInPlace(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// A resample that keeps neighbours together: runs of `length` values, each begun anywhere.
void Resample(const std::vector<double>& values, size_t length, std::mt19937_64& random, std::vector<double>& sample) {
  const size_t starts = values.size() - length + 1;
  for (size_t filled = 0; filled < values.size();) {
    const size_t start = random() % starts;
    for (size_t i = 0; i < length && filled < values.size(); ++i) sample[filled++] = values[start + i];
  }
}

}  // namespace

double Interval::relative_half_width() const {
  if (estimate == 0) return std::numeric_limits<double>::infinity();
  return (high - low) / 2 / std::abs(estimate);
}

double Median(std::vector<double> values) {
  RequireValues(values.size());
  return MedianInPlace(values);
}

double StudentT975(int degrees) {
  if (degrees < 1) throw Error(ErrorCode::kInvalidArgument, "Student's t needs at least one degree of freedom");
  const auto count = static_cast<size_t>(degrees);
  if (count <= kStudent.size()) return kStudent[count - 1];
  // Cornish-Fisher expansion in 1/degrees around the normal quantile (Abramowitz and Stegun 26.7.5).
  constexpr double kNormal = 1.959964;
  return kNormal + (kNormal * kNormal * kNormal + kNormal) / (4.0 * degrees);
}

Interval BootstrapMedian(const std::vector<double>& values) {
  RequireValues(values.size());
  const double estimate = Median(values);
  const auto length = static_cast<size_t>(std::cbrt(static_cast<double>(values.size())));
  std::mt19937_64 random(values.size());
  std::vector<double> sample(values.size());
  std::vector<double> medians;
  medians.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i) {
    Resample(values, std::max<size_t>(1, length), random, sample);
    medians.push_back(MedianInPlace(sample));
  }
  std::sort(medians.begin(), medians.end());
  return {estimate, std::min(estimate, medians[kResamples * 25 / 1000]),
          std::max(estimate, medians[kResamples * 975 / 1000])};
}

Interval MeanOfIndependent(const std::vector<double>& estimates) {
  RequireValues(estimates.size());
  const auto count = static_cast<double>(estimates.size());
  double mean = 0;
  for (const double value : estimates) mean += value / count;
  if (estimates.size() == 1) return {mean, mean, mean};
  double squares = 0;
  for (const double value : estimates) squares += (value - mean) * (value - mean);
  const double half = StudentT975(static_cast<int>(estimates.size()) - 1) * std::sqrt(squares / (count - 1) / count);
  return {mean, mean - half, mean + half};
}

std::vector<double> Flatten(const ByLoad& by_load) {
  std::vector<double> all;
  for (const std::vector<double>& load : by_load) all.insert(all.end(), load.begin(), load.end());
  return all;
}

std::vector<double> MediansOfLoads(const ByLoad& by_load) {
  std::vector<double> medians;
  for (const std::vector<double>& load : by_load) {
    if (!load.empty()) medians.push_back(Median(load));
  }
  return medians;
}

Interval MedianOverLoads(double estimate, const ByLoad& by_load) {
  const Interval within = BootstrapMedian(Flatten(by_load));
  const std::vector<double> loads = MediansOfLoads(by_load);
  const Interval between = loads.size() < 2 ? within : MeanOfIndependent(loads);
  return {estimate, std::min({estimate, within.low, between.low}), std::max({estimate, within.high, between.high})};
}

Interval WithBetweenRuns(const Interval& within, double relative) {
  const double between = relative * std::abs(within.estimate);
  return {within.estimate, within.estimate - std::hypot(within.estimate - within.low, between),
          within.estimate + std::hypot(within.high - within.estimate, between)};
}

Interval PairedRatio(const std::vector<double>& measured, const std::vector<double>& reference) {
  if (measured.size() != reference.size())
    throw Error(ErrorCode::kInvalidArgument, "paired ratios need as many measured values as reference values");
  std::vector<double> logarithms;
  for (size_t i = 0; i < measured.size(); ++i) logarithms.push_back(std::log(measured[i] / reference[i]));
  const Interval log_ratio = BootstrapMedian(logarithms);
  return {std::exp(log_ratio.estimate), std::exp(log_ratio.low), std::exp(log_ratio.high)};
}

double MeanStep(const std::vector<double>& values) {
  if (values.size() < 2) throw Error(ErrorCode::kInvalidArgument, "a step needs two values at least");
  const auto count = static_cast<double>(values.size());
  double mean = 0, product = 0, square = 0;
  for (const double value : values) mean += (value - values.front()) / count;
  for (size_t i = 0; i < values.size(); ++i) {
    const double index = static_cast<double>(i) - (count - 1) / 2;
    product += (values[i] - values.front() - mean) * index;
    square += index * index;
  }
  return product / square;
}

Verdict95 Judge(const Interval& ratio) {
  const bool small = ratio.estimate < 1 + kTie && ratio.estimate > 1 / (1 + kTie);
  if (small || (ratio.low <= 1 && ratio.high >= 1)) return Verdict95::kTie;
  return ratio.estimate < 1 ? Verdict95::kFaster : Verdict95::kSlower;
}

}  // namespace consort
