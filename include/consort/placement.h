// Proof of where every op of the source model ran.
#ifndef CONSORT_PLACEMENT_H_
#define CONSORT_PLACEMENT_H_

#include <string>
#include <string_view>
#include <vector>

namespace consort {

// What became of one op of the source model.
enum class PlacementState {
  kAsAsked,     // executed on the device and at the precision asked for (alone or fused into a kernel)
  kEliminated,  // not executed at all: constant-folded, identity, dead. `why` says which
  kElsewhere,   // executed on another device, by another provider, or at another precision
  kUnknown,     // the engine does not tell
};

std::string_view ToString(PlacementState state);

// One op of the source model: asked for, got, why.
struct OpPlacement {
  int op = -1;            // index into the source graph's ops(); for TFLite the operator's index
  std::string name;       // the op's name in the source model
  std::string type;       // "Conv"
  PlacementState state = PlacementState::kUnknown;
  std::string asked;      // "cpu/fp32"
  std::string got;        // "CPUExecutionProvider/fp32"; empty when eliminated or unknown
  std::string kernel;     // the engine's executed node that covers the op; a fused kernel covers several ops
  std::string why;        // the reason or the evidence, one short clause
};

// Made by a backend from its engine's own report when an artifact is compiled. Immutable afterwards.
struct Placement {
  std::string evidence;               // "session graph assignment record and optimised graph"
  std::vector<OpPlacement> ops;       // one entry per op of the source model, in its order
  std::vector<std::string> inserted;  // executed nodes that the engine added (copies, reorders), "MemcpyToHost on CPU"

  int Count(PlacementState state) const;
};

// Every op that is elsewhere or unknown, one sentence each; empty when the placement is what was asked for.
std::vector<std::string> StrictViolations(const Placement& placement);

// Throws kInfeasible with the first violations and their number, if there are any.
void RequireStrict(const Placement& placement);

}  // namespace consort

#endif  // CONSORT_PLACEMENT_H_
