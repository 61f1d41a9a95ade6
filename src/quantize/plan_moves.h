// What of a model that computes nothing is quantized.
#ifndef CONSORT_QUANTIZE_PLAN_MOVES_H_
#define CONSORT_QUANTIZE_PLAN_MOVES_H_

#include "quantize/plan_quantization.h"

namespace consort {

// PlanQuantization where ops that only move values (pooling, reshaping, …) become integer ones wherever they stand: for
// a shard that holds nothing else, between shards in integers.
QuantizationPlan PlanMoves(const Model& model);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_PLAN_MOVES_H_
