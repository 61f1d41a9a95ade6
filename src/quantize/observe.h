// The values of a model's tensors on samples, by whatever engine the caller has.
#ifndef CONSORT_QUANTIZE_OBSERVE_H_
#define CONSORT_QUANTIZE_OBSERVE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "consort/model.h"
#include "io/named_tensor.h"

namespace consort {

// Inputs of a model, sample by sample: get(i) gives one tensor per input, by name. Asked for again for each group of
// tensors, so that nothing needs to be kept.
struct Samples {
  int count = 0;
  std::function<std::vector<NamedTensor>(int)> get;
};

// One call of a compiled model: inputs by name in, outputs by name out.
using RunModel = std::function<std::vector<NamedTensor>(const std::vector<NamedTensor>& inputs)>;
// Compiles a model. The engine that the caller chose; src/quantize knows none.
using CompileModel = std::function<RunModel(const Model& model)>;

struct ObserveOptions {
  // Tensors are observed in groups, a compiled model each: those of one group take at most this, where sizes are known.
  int64_t max_bytes = int64_t{256} << 20;
};

// The model with these tensors as its only outputs. Inputs of the model, and what it does not make, cannot be observed.
Model WithOutputs(const Model& model, const std::vector<std::string>& tensors);

// `tensors` in groups of bounded size.
std::vector<std::vector<std::string>> GroupBySize(const Graph& graph, const std::vector<std::string>& tensors,
                                                  int64_t max_bytes);

// Calls `visit` with each of the tensors, inputs of the model included, of each sample.
void Observe(const Model& model, const std::vector<std::string>& tensors, const Samples& samples,
             const CompileModel& compile, const std::function<void(const NamedTensor&)>& visit,
             const ObserveOptions& options = {});

}  // namespace consort

#endif  // CONSORT_QUANTIZE_OBSERVE_H_
