// Where the ops of an ONNX model ran that were computed from a .tflite file.
#ifndef CONSORT_BACKENDS_CONVERTING_FILE_PLACEMENT_H_
#define CONSORT_BACKENDS_CONVERTING_FILE_PLACEMENT_H_

#include <string>
#include <string_view>

#include "consort/graph.h"
#include "consort/placement.h"

namespace consort {

// `of_file`: op by op of the file's first graph, in its order. An op of the model whose output is a tensor of the file
// is where the operator is that makes it. Others were written into the operator that makes what follows from them (a
// fused activation, a normalisation in the weights, axes that are only renamed, the part that a compiled operator
// stands for): they are where those are that read them; they are unknown where these differ. `asked`: the target.
Placement PlacementOfSource(const Placement& of_file, std::string_view tflite, const Graph& source,
                            const std::string& asked);

}  // namespace consort

#endif  // CONSORT_BACKENDS_CONVERTING_FILE_PLACEMENT_H_
