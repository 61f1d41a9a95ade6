// Where the ops of a model would run on an emulated device.
#ifndef CONSORT_EMULATE_EMULATED_PLACEMENT_H_
#define CONSORT_EMULATE_EMULATED_PLACEMENT_H_

#include <string>

#include "consort/graph.h"
#include "consort/placement.h"
#include "cost/cost_model.h"

namespace consort {

// What is the same for all ops.
struct PlacementTexts {
  std::string asked;  // "emulated:coral-usb3/int8"
  std::string got;    // "cost model edgetpu/int8"
  std::string why;    // "emulated: numbers from cpu@onnxruntime, time from …"
  std::string evidence;
};

// An op that a work holds is as asked, or elsewhere where the cost model says so; one that none holds folds to a
// constant. `estimate` is of `works`.
Placement EmulatedPlacement(const Graph& graph, const WorkList& works, const Estimate& estimate,
                            const PlacementTexts& texts);
// Every op unknown: it was not asked for.
Placement UnaskedPlacement(const Graph& graph, const PlacementTexts& texts);

}  // namespace consort

#endif  // CONSORT_EMULATE_EMULATED_PLACEMENT_H_
