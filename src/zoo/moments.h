// Estimates of what a tensor's values are like before any value exists: the arithmetic behind seeded weights.
#ifndef CONSORT_ZOO_MOMENTS_H_
#define CONSORT_ZOO_MOMENTS_H_

#include <functional>
#include <memory>
#include <vector>

namespace consort::zoo {

// Over channels, positions and inputs. `shared` is the mean over channels of (a channel's own mean)²: what two inputs,
// or two far positions, have in common. mean² <= shared <= second.
struct Moments {
  double mean = 0;
  double second = 1;
  double shared = 0;

  double variance() const { return second - mean * mean; }
};

// A tensor seen as a function of two standard normals: one per channel ("common"), one per element ("own"). Tensors
// made elementwise from one tensor share its root, so that x · sigmoid(x) or x · (1 + erf(x)) come out right.
// Immutable, cheap to copy.
class Estimate {
 public:
  // Normal, with these moments: a new root. Moments that are not finite or contradict each other are made plausible.
  static Estimate Normal(const Moments& moments);
  static Estimate Constant(double value);

  const Moments& moments() const { return moments_; }
  bool is_constant() const { return root_ == nullptr; }
  double constant() const { return moments_.mean; }
  // Probability that two draws from a softmax's distribution meet, Σp²; 0 for anything else.
  double collision() const { return collision_; }
  Estimate WithCollision(double collision) const;

  // f of every element. Where f is not finite for every value, its value at the mean counts, or moments stay as they
  // are.
  Estimate Map(const std::function<double(double)>& f) const;
  // f of two tensors' elements; they have to be comparable.
  bool SharesRoot(const Estimate& other) const;
  Estimate Zip(const Estimate& other, const std::function<double(double, double)>& f) const;
  // The largest of `count` elements of one channel, and their mean. Neighbours that a convolution made resemble each
  // other: in a mean they count as half as many.
  Estimate LargestOf(double count) const;
  Estimate MeanOf(double count) const;

 private:
  Estimate FromCurve(std::vector<double> curve, const Moments& otherwise) const;

  Moments moments_;
  double collision_ = 0;
  std::shared_ptr<const char> root_;                  // nullptr: a constant
  std::shared_ptr<const std::vector<double>> curve_;  // common-major; nullptr: a constant
};

// Of tensors that have nothing to do with each other, elementwise.
Moments SumOf(const Moments& a, const Moments& b);
Moments ProductOf(const Moments& a, const Moments& b);
Moments Scaled(const Moments& moments, double factor);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_MOMENTS_H_
