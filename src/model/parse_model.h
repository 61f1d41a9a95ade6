// From bytes to a message whose header makes sense.
#ifndef CONSORT_MODEL_PARSE_MODEL_H_
#define CONSORT_MODEL_PARSE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "onnx/onnx_pb.h"

namespace consort {

// Throws kInvalidModel when the bytes are not a complete ONNX message.
onnx::ModelProto ParseModel(std::span<const std::byte> bytes);

// As ParseModel, straight from the file, without a second copy in memory. Throws kInvalidArgument when the path is
// absent, not a regular file, unreadable or larger than `max_bytes` (or than 2 GiB, protobuf's limit).
onnx::ModelProto ParseModelFile(const std::filesystem::path& path, int64_t max_bytes);

// Checks IR version and opset imports against what the linked ONNX knows, spells the domain "ai.onnx" as "" everywhere,
// and adds opset 1 to models of IR 1 and 2 that import none. Returns whether anything was changed. Throws
// kInvalidModel.
bool NormalizeHeader(onnx::ModelProto& model);

}  // namespace consort

#endif  // CONSORT_MODEL_PARSE_MODEL_H_
