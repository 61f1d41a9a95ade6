// What of a model the Edge TPU can run, before anything is converted.
#ifndef CONSORT_EDGETPU_PREFLIGHT_H_
#define CONSORT_EDGETPU_PREFLIGHT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "consort/graph.h"

namespace consort {

// An op that keeps itself off the Edge TPU.
struct Blocker {
  OpId op = kNone;
  std::string name;
  std::string type;
  std::string why;  // "Erf is not on the Edge TPU's list of operators"
  // What its user can do, a clause: "--shape x:1x3x224x224 fixes the sizes"; empty: nothing but another device.
  std::string fix;
};

// Ops that fold to constants are of neither part.
struct Preflight {
  std::vector<OpId> head;  // for the Edge TPU, ascending; none of them reads what the rest makes
  std::vector<OpId> rest;  // for another device, ascending
  // All that do, in the graph's order; the cut stands before the first. Other ops of `rest` stand behind one.
  std::vector<Blocker> blockers;
  int64_t macs = 0;
  int64_t head_macs = 0;
  bool macs_known = true;  // false: `macs` is a lower bound

  bool whole() const { return rest.empty(); }
  size_t ops() const { return head.size() + rest.size(); }
  // Of the multiply-accumulates, those of the head; 1 where there are none.
  double macs_share() const { return macs == 0 ? 1 : static_cast<double>(head_macs) / static_cast<double>(macs); }
};

// Why an op is refused that the documented rules take; empty: it is left to the rest without being a reason for the
// cut (it moves values, and nothing for the Edge TPU computes with them).
using Refusals = std::map<OpId, std::string>;

// The compiler makes one subgraph, from the inputs on: the head is all ops that the documented rules (JudgeForEdgeTpu)
// and `refused` take and that read nothing that a refused op makes, directly or not. Any number of tensors may cross to
// the rest. No part is empty but where the other is everything.
Preflight CheckForEdgeTpu(const Graph& graph, const Refusals& refused = {});

// "'gelu' (Erf): Erf is not on the Edge TPU's list of operators".
std::string Describe(const Blocker& blocker);
// The fix, or another device: "train with …, or leave it to another device, as here".
std::string WayOut(const Blocker& blocker);

}  // namespace consort

#endif  // CONSORT_EDGETPU_PREFLIGHT_H_
