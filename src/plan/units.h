// Units: the grain at which a model is planned.
#ifndef CONSORT_PLAN_UNITS_H_
#define CONSORT_PLAN_UNITS_H_

#include <functional>
#include <vector>

#include "consort/graph.h"

namespace consort {

struct UnitsOptions {
  int most_units = 96;
  int most_crossing = 8;                      // tensors that may cross a cut
  std::function<bool(int)> divides_a_fusion;  // positions to leave out; none: every position counts
  std::vector<double> op_weights;             // time of each op; empty: all alike
};

// Where the graph may be cut, in order; the begin (0) and the end (ops().size()) included. Of two positions that only
// ops which fold to constants tell apart there is one.
std::vector<OpId> CutPositions(const Graph& graph, const UnitsOptions& options);

// At most `most_units` units: of the positions in each of so many equal parts of the weight the one that fewest bytes
// cross. Positions in `kept` stay whatever the grain (those that are cut positions).
std::vector<OpId> MergeUnits(const Graph& graph, const std::vector<OpId>& positions, const UnitsOptions& options,
                             const std::vector<OpId>& kept = {});

// At most about `most_units` units that lie around the positions of `around`: all of the cut positions near each, so
// that boundaries found at a coarse grain can be moved to the best place.
std::vector<OpId> UnitsAround(const std::vector<OpId>& positions, const std::vector<OpId>& around, int most_units);

}  // namespace consort

#endif  // CONSORT_PLAN_UNITS_H_
