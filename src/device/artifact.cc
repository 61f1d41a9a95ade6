#include "consort/artifact.h"

#include <fmt/format.h>

#include "base/files.h"
#include "consort/error.h"

namespace consort {
namespace {

// A TensorFlow Lite flatbuffer carries this identifier at offset 4 (file_identifier of its schema).
bool IsTfLite(std::string_view bytes) { return bytes.size() >= 8 && bytes.substr(4, 4) == "TFL3"; }

}  // namespace

std::string_view ToString(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::kOnnx: return "onnx";
    case ArtifactKind::kTfLite: return "tflite";
    case ArtifactKind::kBlob: return "blob";
  }
  return "blob";
}

Artifact::Artifact(Model model)
    : kind_(ArtifactKind::kOnnx),
      name_(model.name()),
      fingerprint_(model.fingerprint()),
      model_(std::make_shared<const Model>(std::move(model))) {}

Artifact::Artifact(ArtifactKind kind, std::string name, std::shared_ptr<const std::string> bytes)
    : kind_(kind), name_(std::move(name)), fingerprint_(ContentHash(*bytes)), bytes_(std::move(bytes)) {}

Artifact Artifact::Load(const std::filesystem::path& path, const ModelOptions& options) {
  if (!IsTfLite(ReadFileStart(path, 8))) return Artifact(Model::Load(path, options));
  if (!options.dims.empty() || !options.shapes.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: shapes of a TensorFlow Lite model are fixed by its file; shapes are given for ONNX only",
                            path.string()));
  }
  return Artifact(ArtifactKind::kTfLite, path.filename().string(),
                  std::make_shared<const std::string>(ReadFile(path, options.max_file_bytes)));
}

const Model& Artifact::model() const {
  if (model_ == nullptr) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} is a {} file where an ONNX model is needed", name_, ToString(kind_)));
  }
  return *model_;
}

const std::string& Artifact::bytes() const {
  if (bytes_ == nullptr) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} is an ONNX model where another kind of file is needed", name_));
  }
  return *bytes_;
}

void ModelBundle::Add(const std::string& backend, Artifact artifact) {
  by_backend_.insert_or_assign(backend, std::move(artifact));
}

const Artifact& ModelBundle::ArtifactFor(const Target& target) const {
  const auto found = by_backend_.find(target.backend);
  return found == by_backend_.end() ? default_ : found->second;
}

}  // namespace consort
