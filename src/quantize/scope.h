// How much of a model becomes integers.
#ifndef CONSORT_QUANTIZE_SCOPE_H_
#define CONSORT_QUANTIZE_SCOPE_H_

#include <cstdint>
#include <set>

#include "consort/graph.h"

namespace consort {

// Of the ops that have an integer form.
enum class QuantizeScope : uint8_t {
  kAuto,      // kProducts where HasOutliersBetweenProducts, else kAll
  kAll,       // every one: what the Edge TPU needs
  kProducts,  // Conv, ConvTranspose, Gemm and MatMul, with the Relu behind them
};

// Transformers (LayerNormalization, also as separate ops; Softmax whose result goes into a product) and recurrent nets
// (LSTM, GRU, RNN, also as separate ops): what stands between their products, sums above all, has values far apart, and 8 bits lose the small ones.
// Source: Bondarenko et al., "Understanding and Overcoming the Challenges of Efficient Transformer Quantization", 2021.
bool HasOutliersBetweenProducts(const Graph& graph);

// Ops that the scope leaves in float.
std::set<OpId> OpsBeyond(const Graph& graph, QuantizeScope scope);

}  // namespace consort

#endif  // CONSORT_QUANTIZE_SCOPE_H_
