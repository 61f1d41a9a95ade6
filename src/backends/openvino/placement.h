// Where OpenVINO runs every op of the source model.
#ifndef CONSORT_BACKENDS_OPENVINO_PLACEMENT_H_
#define CONSORT_BACKENDS_OPENVINO_PLACEMENT_H_

#include <openvino/openvino.hpp>
#include <string>
#include <vector>

#include "backends/openvino/source_map.h"
#include "consort/device.h"
#include "consort/graph.h"
#include "consort/target.h"

namespace consort::openvino {

// Reads the runtime model of a compiled, marked model. Never throws on a plugin that tells nothing: the ops are then
// kUnknown.
Placement ReadPlacement(const ov::CompiledModel& compiled, const Graph& graph, const SourceMap& source,
                        const Target& target, Optimization optimization);

// Every op kUnknown, with the reason.
Placement UnknownPlacement(const Graph& graph, const Target& target, const std::string& why);

}  // namespace consort::openvino

#endif  // CONSORT_BACKENDS_OPENVINO_PLACEMENT_H_
