// What quantization did to each layer.
#ifndef CONSORT_QUANTIZE_LAYER_ERRORS_H_
#define CONSORT_QUANTIZE_LAYER_ERRORS_H_

#include <string>
#include <vector>

#include "quantize/observe.h"
#include "quantize/qdq_writer.h"

namespace consort {

// One tensor against its float values, over all samples; what Softmax or sums alone read as far as
// they can see (WithinReach, softmax_inputs.h; LimitedBySums, group_scales.h).
struct TensorError {
  double sqnr_db = 0;  // 10·log10(Σ float² / Σ (quantized - float)²); infinity when equal
  double cosine = 1;   // the least of all samples
};

// Of a quantized op, at its output (the fused activation's; the first of several).
struct LayerError {
  OpId op = kNone;
  std::string name;    // of the op
  std::string type;    // "Conv+Relu"
  std::string tensor;
  TensorError alone;        // this layer alone quantized, its inputs the float ones
  TensorError accumulated;  // in the quantized model, behind all layers before it
};

// The layers of the plan, that with the worst `alone` SQNR first. Runs the float model with a copy of each layer beside
// it, then the float and the quantized model (as WriteQdq gave it), a few tensors at a time.
std::vector<LayerError> MeasureLayers(const Model& model, const QuantizationPlan& plan, const Ranges& ranges,
                                      const QdqOptions& options, const Model& quantized, const Samples& samples,
                                      const CompileModel& compile);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_LAYER_ERRORS_H_
