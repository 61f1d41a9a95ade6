// What seeding leaves as it is, and why.
#ifndef CONSORT_ZOO_KEPT_TENSORS_H_
#define CONSORT_ZOO_KEPT_TENSORS_H_

#include <vector>

#include "onnx/onnx_pb.h"
#include "zoo/seed_weights.h"
#include "zoo/weight_roles.h"

namespace consort::zoo {

// Stored tensors of the graph and its bodies that are none of the weights, one group for each reason that occurs.
std::vector<KeptTensors> FindKeptTensors(const onnx::GraphProto& graph, const Weights& weights);

}  // namespace consort::zoo

#endif  // CONSORT_ZOO_KEPT_TENSORS_H_
