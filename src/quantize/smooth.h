// Channels of activations that lie far above the others, divided down before a product and multiplied into its weights.
#ifndef CONSORT_QUANTIZE_SMOOTH_H_
#define CONSORT_QUANTIZE_SMOOTH_H_

#include "consort/model.h"
#include "quantize/observe.h"

namespace consort {

struct SmoothedModel {
  Model model;
  int inputs = 0;  // activations that a Mul was put behind
};

// How far the spread moves from activations (0) into weights (1). 0.5 is Xiao et al.'s; on MiniLM and silero-vad 0.65 did better
// (docs/quantization.md).
inline constexpr double kSmoothing = 0.65;

// Where MatMul and Gemm with stored weights read an activation x, channel k (the last axis) is divided by
// s_k = max|x_k|^strength / max|W_k|^(1 - strength) and row k of the weights multiplied by it: the same function up to
// rounding. Products that read the same tensor share its factors. The maxima are those of the samples. Source: Xiao et
// al., "SmoothQuant", 2023, equation 4. `model` is prepared (prepare.h). Throws what `compile` and its calls throw.
SmoothedModel SmoothProducts(const Model& model, const Samples& samples, const CompileModel& compile,
                             double strength = kSmoothing);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_SMOOTH_H_
