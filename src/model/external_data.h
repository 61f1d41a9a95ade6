// Tensor data that lies in files beside the model.
#ifndef CONSORT_MODEL_EXTERNAL_DATA_H_
#define CONSORT_MODEL_EXTERNAL_DATA_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace onnx {
class ModelProto;
class TensorProto;
}  // namespace onnx

namespace consort {

struct ExternalFile {
  std::string location;  // as the model names it, relative to its folder
  int64_t size_bytes = 0;
  int64_t modified_ns = 0;
};

// Checks every external tensor without reading it: the file is a regular one inside `folder` (no absolute path, no
// "..", no link), offset and length lie in it, and the length is what dims and dtype need. Returns the files, sorted
// and unique. Throws kInvalidModel naming the tensor; an empty `folder` allows no external data.
std::vector<ExternalFile> CheckExternalData(const onnx::ModelProto& model, const std::filesystem::path& folder);

// Reads all external data into the message. Throws kUnsupported when the message would pass 2 GiB.
void InlineExternalData(onnx::ModelProto& model, const std::filesystem::path& folder);

}  // namespace consort

#endif  // CONSORT_MODEL_EXTERNAL_DATA_H_
