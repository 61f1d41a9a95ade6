#include "edgetpu/bundle.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/files.h"
#include "base/strings.h"
#include "consort/error.h"
#include "edgetpu/parts_json.h"
#include "shard/sha256.h"
#include "tflite/port_json.h"

namespace consort {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kFiles = {kHeadName, kCompiledName, kRestName, kBundleName};

Json AuditSummary(const tflite::AuditReport& audit) {
  return {{"compiled", audit.compiled()},
          {"full_integer", audit.full_integer()},
          {"operators", audit.operators},
          {"edgetpu_operators", audit.edgetpu_operators},
          {"cpu_operators", audit.cpu_operators()}};
}

Json CompiledJson(const FileEntry& file, const Compilation& compilation) {
  const CompilerLog& log = compilation.log;
  Json json = FileJson(file);
  json.update({{"compiler", log.version},
               {"operators_on_edgetpu", OrNull(log.edgetpu_operators)},
               {"operators_on_cpu", OrNull(log.cpu_operators)},
               {"on_chip_bytes", OrNull(log.on_chip_bytes)},
               {"off_chip_bytes", OrNull(log.off_chip_bytes)},
               {"audit", AuditSummary(compilation.audit)}});
  return json;
}

Json NamesOf(const Graph& graph, const std::vector<TensorId>& tensors) {
  Json names = Json::array();
  for (const TensorId id : tensors) names.push_back(graph.tensor(id).name);
  return names;
}

class Writer {
 public:
  Writer(const BundleParts& parts, const fs::path& folder) : parts_(parts), folder_(folder) {}

  std::vector<FileEntry> Write() {
    MakeFolder();
    Json json = {{"format", kBundleFormat},
                 {"version", kBundleVersion},
                 {"source", {{"file", parts_.model.name()}, {"fingerprint", parts_.model.fingerprint()}}}};
    json["edgetpu"] = WriteHead();
    json["compiled"] = WriteCompiled();
    json["not_compiled"] = parts_.not_compiled.empty() ? Json() : Json(parts_.not_compiled);
    json["rest"] = WriteRest();
    json["cut"] = DescribeCut();
    json["outputs"] = DescribeOutputs();
    Store(kBundleName, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return std::move(files_);
  }

 private:
  void MakeFolder() {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the folder cannot be made: {}", folder_.string(), error.message()));
    for (const std::string_view name : kFiles) {
      fs::remove(folder_ / name, error);
      if (error)
        throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: an older file cannot be removed: {}",
                                                             (folder_ / name).string(), error.message()));
    }
  }

  FileEntry Store(std::string_view name, std::string_view bytes) {
    WriteFile(folder_ / name, bytes);
    return files_.emplace_back(
        FileEntry{std::string(name), Sha256Of(bytes), static_cast<int64_t>(bytes.size())});
  }

  Json WriteHead() {
    const EdgeTpuConversion& conversion = parts_.conversion;
    Json json = FileJson(Store(kHeadName, conversion.file.bytes));
    json.update({{"ops", conversion.preflight.head.size()},
                 {"macs", conversion.preflight.head_macs},
                 {"share_of_macs", conversion.preflight.macs_share()},
                 {"inputs", PortsJson(conversion.file.inputs)},
                 {"outputs", PortsJson(conversion.file.outputs)},
                 {"audit", AuditSummary(parts_.audit)}});
    return json;
  }

  Json WriteCompiled() {
    if (parts_.compilation == nullptr || !parts_.compilation->compiled) return nullptr;
    return CompiledJson(Store(kCompiledName, parts_.compilation->bytes), *parts_.compilation);
  }

  Json WriteRest() {
    const std::optional<Model>& rest = parts_.conversion.rest;
    if (!rest) return nullptr;
    Json json = FileJson(Store(kRestName, rest->Serialize({.inline_external_data = true})));
    json.update({{"ops", parts_.conversion.preflight.rest.size()},
                 {"inputs", NamesOf(rest->graph(), rest->graph().inputs())},
                 {"outputs", NamesOf(rest->graph(), rest->graph().outputs())}});
    return json;
  }

  Json DescribeCut() const {
    if (!parts_.conversion.rest) return nullptr;
    return {{"tensors", PortsJson(parts_.conversion.Crossing())},
            {"blockers", BlockersJson(parts_.conversion.preflight.blockers)}};
  }

  Json DescribeOutputs() const {
    const Graph& whole = parts_.model.graph();
    const std::optional<Model>& rest = parts_.conversion.rest;
    Json outputs = Json::array();
    for (const TensorId id : whole.outputs()) {
      const std::string& name = whole.tensor(id).name;
      const TensorId in_rest = rest ? rest->graph().FindTensor(name) : kNone;
      const bool from_rest = in_rest != kNone && rest->graph().tensor(in_rest).is_output;
      outputs.push_back({{"name", name}, {"from", from_rest ? "rest" : "edgetpu"}});
    }
    return outputs;
  }

  const BundleParts& parts_;
  const fs::path& folder_;
  std::vector<FileEntry> files_;
};

}  // namespace

void CheckBundleFolder(const fs::path& folder, const fs::path& model, bool overwrite) {
  for (const std::string_view name : kFiles) {
    const fs::path path = folder / name;
    std::error_code error;
    if (!fs::exists(fs::symlink_status(path, error))) continue;
    if (fs::equivalent(path, model, error))
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} is the model that is read: name another folder", path.string()));
    if (!overwrite)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} exists already: name another folder, or write over it with --force", path.string()));
  }
}

std::vector<FileEntry> WriteBundle(const BundleParts& parts, const fs::path& folder) {
  return Writer(parts, folder).Write();
}

}  // namespace consort
