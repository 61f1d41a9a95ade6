// What a Model holds: for code below src/ that needs the ONNX message itself (backends, shard extraction).
#ifndef CONSORT_MODEL_MODEL_REP_H_
#define CONSORT_MODEL_MODEL_REP_H_

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consort/model.h"
#include "model/external_data.h"
#include "onnx/onnx_pb.h"

namespace consort {

// Immutable once the Model exists (the fingerprint is computed at its first use).
struct Model::Rep {
  onnx::ModelProto proto;  // prepared: inlined, sorted, named, bound, with inferred shapes in value_info
  Graph graph;             // graph.ops()[i] is proto.graph().node(i)
  std::string name;
  std::optional<std::filesystem::path> path;
  std::filesystem::path data_folder;         // empty without external data
  std::vector<ExternalFile> external_files;  // in order of name
  bool rewritten = false;

  mutable std::once_flag fingerprint_once;
  mutable std::string fingerprint;
};

// A message as a Model, which errors call `name`; its external data lies in `data_folder`. Throws as Model::Parse.
Model ModelOf(const onnx::ModelProto& proto, const std::string& name, const std::filesystem::path& data_folder = {});

}  // namespace consort

#endif  // CONSORT_MODEL_MODEL_REP_H_
