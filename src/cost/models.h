// The cost models, one file each; cost_model.cc lists them.
#ifndef CONSORT_COST_MODELS_H_
#define CONSORT_COST_MODELS_H_

#include <memory>

#include "cost/cost_model.h"

namespace consort {

// edgetpu_model.cc: a systolic array behind a link, with a parameter cache.
const CostSchema& EdgeTpuSchema();
std::unique_ptr<CostModel> MakeEdgeTpuModel(const Platform& platform, const PlatformDevice& device);

// roofline_model.cc: CPUs and GPUs; every op is bound by arithmetic or by memory (Williams, Waterman, Patterson:
// Roofline, 2009).
const CostSchema& RooflineSchema();
std::unique_ptr<CostModel> MakeRooflineModel(const Platform& platform, const PlatformDevice& device);

// replay_model.cc: the times that somebody published, over the multiply-accumulates of the model.
const CostSchema& ReplaySchema();
std::unique_ptr<CostModel> MakeReplayModel(const Platform& platform, const PlatformDevice& device);

}  // namespace consort

#endif  // CONSORT_COST_MODELS_H_
