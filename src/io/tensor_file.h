// Tensors from files of any format that is known. What a file is follows from its content, never from its name.
#ifndef CONSORT_IO_TENSOR_FILE_H_
#define CONSORT_IO_TENSOR_FILE_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/named_tensor.h"

namespace consort {

enum class TensorFileKind : uint8_t { kNpy, kNpz, kOnnxTensor, kImage };

// Throws kInvalidModel naming `name` and the known formats.
TensorFileKind DetectTensorFile(std::string_view bytes, const std::string& name);

// Every tensor of an .npy, .npz or ONNX .pb file held in memory. Throws as their parsers do, and kInvalidArgument for
// an image: it becomes a tensor only with a PixelFormat (io/image.h).
std::vector<NamedTensor> ParseTensors(std::string_view bytes, const std::string& name);

// ParseTensors of a file. Throws kInvalidArgument when it cannot be read.
std::vector<NamedTensor> ReadTensors(const std::filesystem::path& path);

// The one tensor of a file; kInvalidArgument when it holds none or several.
Buffer ReadTensor(const std::filesystem::path& path);

}  // namespace consort

#endif  // CONSORT_IO_TENSOR_FILE_H_
