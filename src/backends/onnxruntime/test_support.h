// What the tests of this folder share.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_TEST_SUPPORT_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_TEST_SUPPORT_H_

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "backends/onnxruntime/onnxruntime_backend.h"
#include "consort/backend.h"
#include "consort/error.h"
#include "model/test_models.h"

namespace consort::test {

inline std::shared_ptr<Device> OpenOrt(const std::string& target = "cpu@onnxruntime", const OpenOptions& options = {}) {
  return MakeOnnxRuntimeBackend()->Open(Target::Parse(target), options);
}

inline Artifact ArtifactOf(const std::string& bytes) { return Artifact(Model::Parse(AsBytes(bytes), "test.onnx")); }

inline Buffer FloatBuffer(const Shape& shape, std::initializer_list<float> values) {
  Buffer buffer = Buffer::Allocate({.dtype = DataType::kFloat32, .shape = shape});
  std::copy(values.begin(), values.end(), buffer.as<float>().begin());
  return buffer;
}

// Values 0.1 * ((i * 5) % 17 - 8).
inline Buffer PatternBuffer(const Shape& shape) {
  Buffer buffer = Buffer::Allocate({.dtype = DataType::kFloat32, .shape = shape});
  int i = 0;
  for (float& value : buffer.as<float>()) value = 0.1F * static_cast<float>(i++ * 5 % 17 - 8);
  return buffer;
}

inline std::vector<float> Floats(const Buffer& buffer) { return {buffer.as<float>().begin(), buffer.as<float>().end()}; }

// The error that `call` throws; kInternal with the text "nothing was thrown" when it throws none.
inline Error ErrorOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "nothing was thrown");
}

inline const OpPlacement& PlacementOf(const Executable& executable, const std::string& op) {
  for (const OpPlacement& placed : executable.placement().ops) {
    if (placed.name == op) return placed;
  }
  throw Error(ErrorCode::kInvalidArgument, "no op is called '" + op + "'");
}

}  // namespace consort::test

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_TEST_SUPPORT_H_
