#include "io/tensor_file.h"

#include <fmt/format.h>

#include <utility>

#include "base/files.h"
#include "consort/error.h"
#include "io/image.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/onnx_tensor.h"

namespace consort {

TensorFileKind DetectTensorFile(std::string_view bytes, const std::string& name) {
  if (bytes.starts_with("\x93NUMPY")) return TensorFileKind::kNpy;
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return TensorFileKind::kNpz;
  if (IsImage(bytes)) return TensorFileKind::kImage;
  if (LooksLikeOnnxTensor(bytes)) return TensorFileKind::kOnnxTensor;
  throw Error(ErrorCode::kInvalidModel, name + ": is none of .npy, .npz, ONNX tensor (.pb), JPEG, PNG");
}

std::vector<NamedTensor> ParseTensors(std::string_view bytes, const std::string& name) {
  std::vector<NamedTensor> tensors;
  switch (DetectTensorFile(bytes, name)) {
    case TensorFileKind::kNpy:
      tensors.push_back({"", ParseNpy(bytes, name)});
      break;
    case TensorFileKind::kNpz:
      tensors = ParseNpz(bytes, name);
      break;
    case TensorFileKind::kOnnxTensor:
      tensors.push_back(ParseOnnxTensor(bytes, name));
      break;
    case TensorFileKind::kImage:
      throw Error(ErrorCode::kInvalidArgument, name + ": is an image where a tensor file (.npy, .npz, .pb) is needed");
  }
  return tensors;
}

std::vector<NamedTensor> ReadTensors(const std::filesystem::path& path) {
  return ParseTensors(ReadFile(path), path.string());
}

Buffer ReadTensor(const std::filesystem::path& path) {
  std::vector<NamedTensor> tensors = ReadTensors(path);
  if (tensors.size() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: holds {} tensors where one is needed", path.string(), tensors.size()));
  }
  return std::move(tensors.front().tensor);
}

}  // namespace consort
