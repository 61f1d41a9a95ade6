// Where two devices' times cross.
#ifndef CONSORT_EXPERIMENT_CROSSING_H_
#define CONSORT_EXPERIMENT_CROSSING_H_

#include <string>
#include <vector>

#include "experiment/rows.h"

namespace consort::experiment {

// One device's times over a size that grows. Of equal length; sizes ascend; a time that is NaN is left out.
struct Curve {
  std::string device;
  std::vector<double> sizes;
  std::vector<double> times;
};

// Up to `below` the one device is faster, from `above` on the other: the crossing lies between these two points that both
// have, and about at `at`, where straight lines in log-log meet. below == above == at where the times are equal there.
struct Crossing {
  std::string faster_below;
  std::string faster_above;
  double below = 0;
  double above = 0;
  double at = 0;
};

// Of two curves, in the order of the sizes. Only sizes that both have count.
std::vector<Crossing> FindCrossings(const Curve& a, const Curve& b);
// Of all pairs.
std::vector<Crossing> FindCrossings(const std::vector<Curve>& curves);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_CROSSING_H_
