// Which layers stay float so that a bound on the whole model holds.
#ifndef CONSORT_QUANTIZE_FLOAT_LAYERS_H_
#define CONSORT_QUANTIZE_FLOAT_LAYERS_H_

#include <functional>
#include <set>
#include <span>
#include <vector>

#include "quantize/layer_errors.h"

namespace consort {

struct FloatLayers {
  int kept = 0;      // so many of the worst layers stay float
  int tries = 0;     // models that were judged
  bool met = false;  // false: not even with one layer left that is quantized
};

// The least number of layers, from the worst on, with which `holds(ops)` is true, as far as more layers in float never
// hurt: doubled until the bound holds, then bisected. `holds` gets the ops that stay float. None at first: a model that
// holds the bound is left as it is.
FloatLayers KeepWorstInFloat(std::span<const LayerError> worst_first, const QuantizationPlan& plan,
                             const std::function<bool(const std::set<OpId>&)>& holds);

// The ops of the first `count` layers, with the activations that are fused into them.
std::set<OpId> OpsOfWorst(std::span<const LayerError> worst_first, int count, const QuantizationPlan& plan);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_FLOAT_LAYERS_H_
