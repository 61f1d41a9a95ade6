// A manifest as JSON.
#include <nlohmann/json.hpp>

#include "shard/manifest.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

// -----------------------------------------------------------------------------------------------------------

Json OrNull(int64_t value) { return value < 0 ? Json() : Json(value); }

// Sizes; the name of a symbolic axis, or null. The whole shape is null when not even the rank is known.
Json ShapeJson(const TensorEntry& tensor) {
  if (!tensor.has_rank) return {};
  Json shape = Json::array();
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    const int64_t size = tensor.shape[axis];
    const std::string& name = tensor.dim_names[axis];
    shape.push_back(size != kDynamic ? Json(size) : name.empty() ? Json() : Json(name));
  }
  return shape;
}

Json TensorJson(const TensorEntry& tensor) {
  return {
      {"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", ShapeJson(tensor)}, {"bytes", OrNull(tensor.bytes)}};
}

// Shards are counted from 1, as people do; null is the model's input.
Json PortJson(const PortEntry& port) {
  Json json = TensorJson(port.tensor);
  json["from"] = port.from == kNone ? Json() : Json(port.from + 1);
  return json;
}

template <typename Entry, typename Convert>
Json ListJson(const std::vector<Entry>& entries, Convert convert) {
  Json list = Json::array();
  for (const Entry& entry : entries) list.push_back(convert(entry));
  return list;
}

Json FileJson(const FileEntry& file) { return {{"file", file.name}, {"sha256", file.sha256}, {"bytes", file.bytes}}; }

Json ShardJson(const ShardEntry& shard) {
  Json json = FileJson(shard.file);
  json["data"] = ListJson(shard.data, FileJson);
  json.update({{"ops", shard.ops},
               {"macs", shard.macs},
               {"macs_known", shard.macs_known},
               {"parameter_bytes", shard.parameter_bytes},
               {"inputs", ListJson(shard.inputs, PortJson)},
               {"outputs", ListJson(shard.outputs, TensorJson)}});
  return json;
}

Json CutJson(const CutEntry& cut) {
  return {{"position", cut.position},       {"after_op", cut.after_op},   {"after", cut.names.after},
          {"crossing", cut.names.crossing}, {"bytes", OrNull(cut.bytes)}, {"fusions", cut.fusions}};
}

}  // namespace

std::string FormatManifest(const Manifest& manifest) {
  const Json json = {{"format", kManifestFormat},
                     {"version", kManifestVersion},
                     {"source", {{"file", manifest.source}, {"fingerprint", manifest.fingerprint}}},
                     {"inputs", ListJson(manifest.inputs, TensorJson)},
                     {"outputs", ListJson(manifest.outputs, PortJson)},
                     {"cuts", ListJson(manifest.cuts, CutJson)},
                     {"shards", ListJson(manifest.shards, ShardJson)}};
  // Names may hold any bytes: what is not UTF-8 is replaced.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
