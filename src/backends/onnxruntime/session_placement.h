// Proof of placement from ONNX Runtime's own records.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_SESSION_PLACEMENT_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_SESSION_PLACEMENT_H_

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "backends/onnxruntime/executed_graph.h"
#include "backends/onnxruntime/ort_library.h"
#include "base/files.h"
#include "consort/placement.h"
#include "consort/target.h"

namespace consort {

// What a session says of itself.
struct SessionRecord {
  // Assignment of nodes to providers after the basic optimisations, by node name; "" where one name has several providers.
  std::map<std::string, std::string> provider_of;
  // The graph that is executed; nothing where the engine cannot write it (providers that compile subgraphs).
  std::optional<ExecutedGraph> executed;
};

// Makes a session record its assignments and write the graph that it executes. Weights are not written: their file is a link to
// /dev/null. Configure before the session is made, read afterwards. Not thread-safe.
class SessionRecorder {
 public:
  // `with_graph`: false asks for the assignments only.
  SessionRecorder(const OrtLibrary& library, OrtSessionOptions* options, bool with_graph);
  SessionRecord Read(const OrtSession* session) const;

 private:
  std::map<std::string, std::string> ReadAssignments(const OrtSession* session) const;
  std::optional<ExecutedGraph> ReadGraph() const;

  const OrtLibrary& library_;
  TemporaryFolder folder_;
  bool with_graph_;
};

// What was asked for, in words and as the engine's provider.
struct PlacementQuestion {
  std::string device;                  // "cpu:0-1"
  std::string provider;                // "CPUExecutionProvider"
  bool only_provider = true;           // no other provider in the session
  std::optional<Precision> precision;  // absent: what the model holds
};

// Op by op: asked for, got, why. Without an executed graph, only ops with an assignment of their own are known.
Placement MakePlacement(const Graph& source, const SessionRecord& record, const PlacementQuestion& question);

// Every op unknown: placement was not asked for.
Placement UnprovenPlacement(const Graph& source, const std::string& asked);

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_SESSION_PLACEMENT_H_
