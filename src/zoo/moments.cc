#include "zoo/moments.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace consort::zoo {
namespace {

// Points of the quadrature over a standard normal: ±5 in steps of 1/4. Smooth functions come out exact to rounding, a
// kink like Relu's to 0.5 %.
constexpr int kPoints = 41;
constexpr double kStep = 0.25;
constexpr double kLargest = 1e12;  // of a second moment

using Weights = std::vector<double>;

double Point(int index) { return (index - (kPoints - 1) / 2) * kStep; }

// Density of the largest of `count` standard normals: count · φ(x) · Φ(x)^(count - 1).
Weights LargestDensity(double count) {
  Weights weights(kPoints);
  double sum = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = Point(i);
    weights[i] = std::exp(-x * x / 2) * std::pow(std::erfc(-x / std::sqrt(2.0)) / 2, count - 1);
    sum += weights[i];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

const Weights& NormalDensity() {
  static const Weights weights = LargestDensity(1);
  return weights;
}

Moments Plausible(Moments m) {
  if (!std::isfinite(m.mean) || !std::isfinite(m.second) || !std::isfinite(m.shared)) return {};
  m.second = std::clamp(m.second, 0.0, kLargest);
  m.mean = std::clamp(m.mean, -std::sqrt(m.second), std::sqrt(m.second));
  m.shared = std::clamp(m.shared, m.mean * m.mean, m.second);
  return m;
}

Moments Measure(const std::vector<double>& curve, const Weights& own) {
  const Weights& common = NormalDensity();
  Moments m = {.mean = 0, .second = 0, .shared = 0};
  for (int i = 0; i < kPoints; ++i) {
    double mean = 0;
    double second = 0;
    for (int j = 0; j < kPoints; ++j) {
      const double value = curve[i * kPoints + j];
      mean += own[j] * value;
      second += own[j] * value * value;
    }
    m.mean += common[i] * mean;
    m.second += common[i] * second;
    m.shared += common[i] * mean * mean;
  }
  return m;
}

bool Finite(const std::vector<double>& curve) {
  return std::all_of(curve.begin(), curve.end(), [](double value) { return std::isfinite(value); });
}

// Elements of a window that tell something new: windows of neighbouring outputs overlap.
double Independent(double count) { return (count + 1) / 2; }

}  // namespace

Estimate Estimate::Normal(const Moments& moments) {
  Estimate estimate;
  estimate.moments_ = Plausible(moments);
  const Moments& m = estimate.moments_;
  const double common = std::sqrt(m.shared - m.mean * m.mean);
  const double own = std::sqrt(m.second - m.shared);
  std::vector<double> curve(static_cast<size_t>(kPoints) * kPoints);
  for (int i = 0; i < kPoints; ++i) {
    for (int j = 0; j < kPoints; ++j) curve[i * kPoints + j] = m.mean + common * Point(i) + own * Point(j);
  }
  estimate.root_ = std::make_shared<const char>();
  estimate.curve_ = std::make_shared<const std::vector<double>>(std::move(curve));
  return estimate;
}

Estimate Estimate::Constant(double value) {
  Estimate estimate;
  estimate.moments_ = Plausible({value, value * value, value * value});
  return estimate;
}

Estimate Estimate::WithCollision(double collision) const {
  Estimate estimate = *this;
  estimate.collision_ = collision;
  return estimate;
}

Estimate Estimate::FromCurve(std::vector<double> curve, const Moments& otherwise) const {
  if (!Finite(curve)) return Normal(otherwise);
  Estimate estimate;
  estimate.moments_ = Plausible(Measure(curve, NormalDensity()));
  estimate.root_ = root_;
  estimate.curve_ = std::make_shared<const std::vector<double>>(std::move(curve));
  return estimate;
}

Estimate Estimate::Map(const std::function<double(double)>& f) const {
  if (is_constant()) return Constant(f(constant()));
  std::vector<double> curve = *curve_;
  for (double& value : curve) value = f(value);
  const double middle = f(moments_.mean);
  const Moments around = {middle, middle * middle, middle * middle};
  return FromCurve(std::move(curve), std::isfinite(middle) ? around : moments_);
}

bool Estimate::SharesRoot(const Estimate& other) const {
  return is_constant() || other.is_constant() || root_ == other.root_;
}

Estimate Estimate::Zip(const Estimate& other, const std::function<double(double, double)>& f) const {
  if (other.is_constant()) return Map([&](double x) { return f(x, other.constant()); });
  if (is_constant()) return other.Map([&](double x) { return f(constant(), x); });
  std::vector<double> curve = *curve_;
  for (size_t i = 0; i < curve.size(); ++i) curve[i] = f(curve[i], (*other.curve_)[i]);
  return FromCurve(std::move(curve), moments_);
}

Estimate Estimate::LargestOf(double count) const {
  if (is_constant()) return *this;
  return Normal(Measure(*curve_, LargestDensity(count)));
}

Estimate Estimate::MeanOf(double count) const {
  if (is_constant()) return *this;
  Moments m = moments_;
  m.second = m.shared + (m.second - m.shared) / Independent(count);
  return Normal(m);
}

Moments SumOf(const Moments& a, const Moments& b) {
  const double mean = a.mean + b.mean;
  const double common = a.shared - a.mean * a.mean + b.shared - b.mean * b.mean;
  return {mean, mean * mean + a.variance() + b.variance(), mean * mean + common};
}

Moments ProductOf(const Moments& a, const Moments& b) {
  return {a.mean * b.mean, a.second * b.second, a.shared * b.shared};
}

Moments Scaled(const Moments& moments, double factor) {
  return {moments.mean * factor, moments.second * factor * factor, moments.shared * factor * factor};
}

}  // namespace consort::zoo
