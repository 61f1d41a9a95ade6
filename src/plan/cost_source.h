// CostSource: what ranges of a model's ops cost on the devices that a plan may use.
#ifndef CONSORT_PLAN_COST_SOURCE_H_
#define CONSORT_PLAN_COST_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "consort/graph.h"
#include "consort/target.h"
#include "plan/plan.h"

namespace consort {

// A device that a plan may use.
struct PlanDevice {
  std::string name;  // for people: "gtx1650", "cpu@openvino"
  Target target;
  int threads = 0;             // engine threads of a call; 0: one per core of the target
  std::vector<int> resources;  // indices into CostSource::resources() that its calls may take time of
  int alike = -1;  // the first device that costs the same (its calls take their own resources); -1: none before it
  int64_t memory_bytes = 0;  // 0: not limited
  double idle_watts = 0;     // 0: not known
  double active_watts = 0;
};

// Time that a call takes of one physical resource.
struct Busy {
  int resource = 0;
  double seconds = 0;
};

// One call on one device.
struct RangeCost {
  double call_s = 0;         // from the inputs in the host's memory to the outputs in the host's memory
  std::vector<Busy> busy;    // of that: the device, each link on the way, and who else works for it. Each resource once
  double joules = 0;         // active power × busy time; 0: not known
  int64_t memory_bytes = 0;  // on the device: parameters and the largest layer's activations
  double convert_in_s = 0;   // of call_s: inputs into the forms that the device takes,
  double convert_out_s = 0;  // outputs out of them
  double link_s = 0;         // of call_s: transfers, as far as they are known (for reasons only)
  Provenance provenance = Provenance::kModelled;
  std::string refused;  // why it cannot run there; empty: it can, and the rest holds
};

// Costs by formula (ModelledCosts), by hand (WrittenCosts), or from measurements. Implementations may remember what
// they worked out: one thread at a time.
class CostSource {
 public:
  virtual ~CostSource() = default;
  virtual const std::vector<PlanDevice>& devices() const = 0;
  // Physical resources by name: devices, links. What several devices use is shared: their times on it add up.
  virtual const std::vector<std::string>& resources() const = 0;
  // Of one call of `batch` samples through the ops from `begin` up to `end` of the graph.
  virtual RangeCost Cost(int device, OpId begin, OpId end, int64_t batch) = 0;
  // Whether calls of this many samples can be costed at all (a model's batch may be fixed).
  virtual bool HasBatch(int64_t batch) = 0;
};

// The index of a resource; a name that is new is added.
int ResourceNamed(const std::string& name, std::vector<std::string>& resources);

}  // namespace consort

#endif  // CONSORT_PLAN_COST_SOURCE_H_
