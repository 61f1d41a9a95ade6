// Model: an ONNX model that was read, checked and prepared.
#ifndef CONSORT_MODEL_H_
#define CONSORT_MODEL_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "consort/graph.h"

namespace consort {

struct ModelOptions {
  // Values for symbolic dimensions, by name: {"batch", 4}.
  std::map<std::string, int64_t> dims;
  // Whole shapes for inputs, by input name: {"x", {1, 3, 640, 640}}; kDynamic keeps an axis as it is. The name "" stands for the
  // only input.
  std::map<std::string, Shape> shapes;
  // Largest file read, in bytes (the protobuf limit). External data is not counted.
  int64_t max_file_bytes = int64_t{2} << 30;
};

// How Serialize writes.
struct SerializeOptions {
  // Reads external data into the message. Throws kUnsupported when that exceeds the 2 GiB of a protobuf message.
  bool inline_external_data = false;
};

// An ONNX model: parsed, checked (structure, types, cycles, external data inside the model's folder), functions inlined,
// symbolic dimensions bound, shapes inferred, every node named uniquely. Any opset and IR version that the linked ONNX
// knows. Immutable and cheap to copy (shared); thread-safe.
//
//   Model model = Model::Load("det.onnx", {.shapes = {{"x", {1, 3, 640, 640}}}});
//   for (const Op& op : model.graph().ops()) …
class Model {
 public:
  // Throws kInvalidModel naming the file and the place, kInvalidArgument for a name in `options` that the model lacks.
  // Reads nothing but `path` and external data files in its folder.
  static Model Load(const std::filesystem::path& path, const ModelOptions& options = {});
  // As Load, for a model in memory; external data is looked for in `data_folder` (none allowed when empty).
  static Model Parse(std::span<const std::byte> bytes, const std::string& name, const ModelOptions& options = {},
                     const std::filesystem::path& data_folder = {});

  const Graph& graph() const;
  const std::string& name() const;                    // the file's name without folder
  const std::optional<std::filesystem::path>& path() const;  // where it was loaded from
  std::string producer() const;                       // "pytorch 2.1.0"; empty when the file does not say
  bool has_external_data() const;
  const std::filesystem::path& data_folder() const;   // folder of external data; empty without
  // True when the prepared model differs from the file (names given, functions inlined, dimensions bound, ops re-ordered).
  bool rewritten() const;
  // Hex digest of the prepared model's bytes and of its external data's names, sizes and modification times.
  const std::string& fingerprint() const;

  // The prepared model as an ONNX protobuf message: what an engine is given.
  std::string Serialize(const SerializeOptions& options = {}) const;

  struct Rep;  // src/model/model_rep.h: the protobuf message, for code below src/
  const Rep& rep() const { return *rep_; }

 private:
  explicit Model(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const Rep> rep_;
};

}  // namespace consort

#endif  // CONSORT_MODEL_H_
