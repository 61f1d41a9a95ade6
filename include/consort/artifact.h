// Artifacts: a model in the form that one target takes.
#ifndef CONSORT_ARTIFACT_H_
#define CONSORT_ARTIFACT_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "consort/model.h"
#include "consort/target.h"

namespace consort {

enum class ArtifactKind : uint8_t { kOnnx, kTfLite, kBlob };

std::string_view ToString(ArtifactKind kind);

// A shard or a whole model as bytes that a backend compiles. Cheap to copy (shared); immutable; thread-safe.
class Artifact {
 public:
  explicit Artifact(Model model);
  // A TensorFlow Lite flatbuffer or an engine's own blob.
  Artifact(ArtifactKind kind, std::string name, std::shared_ptr<const std::string> bytes);

  // Reads a file; the kind comes from its content (TFL3 identifier, else ONNX). Throws kInvalidModel, kInvalidArgument.
  static Artifact Load(const std::filesystem::path& path, const ModelOptions& options = {});

  ArtifactKind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  const std::string& fingerprint() const { return fingerprint_; }
  // The ONNX model; throws kUnsupported for another kind.
  const Model& model() const;
  // The raw bytes; throws kUnsupported for ONNX (use model().Serialize()).
  const std::string& bytes() const;

 private:
  ArtifactKind kind_;
  std::string name_;
  std::string fingerprint_;
  std::shared_ptr<const Model> model_;
  std::shared_ptr<const std::string> bytes_;
};

// One logical model in the forms that different devices need: a default, and others by backend name.
// Set up first, then read from any thread.
class ModelBundle {
 public:
  explicit ModelBundle(Artifact artifact) : default_(std::move(artifact)) {}
  // From now on `backend` gets this artifact.
  void Add(const std::string& backend, Artifact artifact);
  // What the backend of `target` compiles.
  const Artifact& ArtifactFor(const Target& target) const;
  const Artifact& primary() const { return default_; }

 private:
  Artifact default_;
  std::map<std::string, Artifact> by_backend_;
};

}  // namespace consort

#endif  // CONSORT_ARTIFACT_H_
