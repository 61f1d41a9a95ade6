// Stages: a graph divided over several equal devices, one segment each, so that the slowest segment is as fast as can
// be.
#ifndef CONSORT_COST_STAGES_H_
#define CONSORT_COST_STAGES_H_

#include <optional>
#include <vector>

#include "consort/graph.h"
#include "cost/cost_model.h"
#include "platform/platform.h"

namespace consort {

// The ops from `begin` up to `end` of a graph, on one device.
struct Segment {
  OpId begin = 0;
  OpId end = 0;
  Estimate estimate;

  // The time of one inference in which the stage's link is busy for it: inputs, outputs, streamed parameters,
  // instructions.
  double link_s() const;
};

struct StagesOptions {
  int stages = 2;
  // Stages, by index, whose devices hang on one link: their transfers take turns. A list per such link.
  std::vector<std::vector<int>> sharing_a_link;
  CostQuery query;  // of every stage and of the single device
  // What every stage must run on and fit into: its operators, its memory. nullptr: the cost model alone says.
  const PlatformDevice* device = nullptr;
};

// A division and what it gives. While one stage computes, the others compute other inferences.
struct Division {
  std::vector<Segment> stages;     // in order; one device each
  std::optional<Estimate> single;  // the whole model on one device; absent where its memory is too small
  double slowest_s = 0;            // latency of the slowest stage
  double shared_link_s = 0;  // the time that one inference takes of the busiest shared link; 0 where each has its own

  // Between two results: the slowest stage, or the shared link where that is slower.
  double period_s() const { return slowest_s > shared_link_s ? slowest_s : shared_link_s; }
  double latency_s() const;  // of one inference through all stages
  // The error band of the period and of the latency, as factors: the widest of the stages.
  double low() const;
  double high() const;
  // Throughput against one device; 0 where one device cannot hold the model.
  double speedup() const { return single ? single->latency_s / period_s() : 0; }
};

// At most so many places are tried; of more, those that lie nearest to equal steps of the multiply-accumulates.
inline constexpr int kMostCutPositions = 160;

// The division with the shortest period (of several, the one with the least link time) into exactly `stages` segments
// between cuts that one tensor crosses and that divide no fusion. Exact over these places, by dynamic programming;
// where only some of the stages share a link, the slowest stage alone is made as fast as can be. Throws kInfeasible
// where there are too few places, or where some segment cannot run on the device wherever one cuts; kUnsupported where
// the whole model cannot run on one device.
Division DivideIntoStages(const Graph& graph, const CostModel& model, const StagesOptions& options);

}  // namespace consort

#endif  // CONSORT_COST_STAGES_H_
