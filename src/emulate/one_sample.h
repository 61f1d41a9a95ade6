// A model for calls of one sample, where it was made for more.
#ifndef CONSORT_EMULATE_ONE_SAMPLE_H_
#define CONSORT_EMULATE_ONE_SAMPLE_H_

#include <cstdint>
#include <optional>

#include "consort/model.h"

namespace consort {

// Samples of one call: the size of axis 0 that all inputs and outputs have in common; 1 where there is none. The only
// axis of an input is none of samples.
int64_t SamplesOf(const Graph& graph);

// The same model with axis 0 of all inputs and outputs at 1: the same ops in the same order. Nothing where its samples
// are fixed inside, as by a Reshape to a written size.
std::optional<Model> WithOneSample(const Model& model);

}  // namespace consort

#endif  // CONSORT_EMULATE_ONE_SAMPLE_H_
