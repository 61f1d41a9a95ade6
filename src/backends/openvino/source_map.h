// Which source op each node of an OpenVINO model computes.
#ifndef CONSORT_BACKENDS_OPENVINO_SOURCE_MAP_H_
#define CONSORT_BACKENDS_OPENVINO_SOURCE_MAP_H_

#include <openvino/openvino.hpp>
#include <string>
#include <vector>

#include "consort/graph.h"

namespace consort::openvino {

// What became of the source ops when OpenVINO read the model, before it was compiled.
struct SourceMap {
  std::vector<bool> present;  // by OpId: at least one OpenVINO node computes it
  std::vector<OpId> alias;    // by OpId: the op whose output stands for this one's (an identity), or kNone
};

// Marks every node of `model` with the source op that it computes, so that the mark survives in the plugin's fused
// names: the node that makes a tensor belongs to the op that makes the tensor of that name; one without a tensor name
// belongs to the op that it feeds; nodes of bodies belong to the op that holds the body. Changes friendly names only.
SourceMap MarkSourceOps(ov::Model& model, const Graph& graph);

// The source ops whose marks occur in a list of names as plugins write them ("a,b/WithoutBiases,c.0"), each once, in
// that order.
std::vector<OpId> MarkedOps(const std::string& names);

// The text without marks, as a reader should see it.
std::string WithoutMarks(std::string text);

}  // namespace consort::openvino

#endif  // CONSORT_BACKENDS_OPENVINO_SOURCE_MAP_H_
