// What the tests of this folder share.
#ifndef CONSORT_BACKENDS_OPENVINO_TESTING_H_
#define CONSORT_BACKENDS_OPENVINO_TESTING_H_

#include <memory>
#include <string>
#include <vector>

#include "backends/openvino/openvino_backend.h"
#include "base/test_error.h"
#include "consort/error.h"
#include "model/test_models.h"

namespace consort::test {

inline Artifact OnnxArtifact(const std::string& bytes, const std::string& name = "test.onnx") {
  return Artifact(Model::Parse(AsBytes(bytes), name));
}

inline std::shared_ptr<Device> OpenDevice(const std::string& target) {
  static const std::unique_ptr<Backend> backend = MakeOpenVinoBackend();
  Target parsed = Target::Parse(target);
  parsed.backend = "openvino";
  return backend->Open(parsed, {});
}

inline std::unique_ptr<Executable> CompileOn(const std::string& target, const std::string& model,
                                             CompileOptions options = {}) {
  return OpenDevice(target)->Compile(OnnxArtifact(model), options);
}

template <typename T>
Buffer Filled(DataType dtype, const Shape& shape, const std::vector<T>& values) {
  Buffer buffer = Buffer::Allocate({dtype, shape});
  for (size_t i = 0; i < values.size(); ++i) buffer.as<T>()[i] = values[i];
  return buffer;
}

inline Buffer Floats(const Shape& shape, const std::vector<float>& values) {
  return Filled<float>(DataType::kFloat32, shape, values);
}

// A buffer with a value of its own in every element.
inline Buffer Ramp(const Shape& shape) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, shape});
  float next = -1;
  for (float& value : buffer.as<float>()) value = next += 0.125F;
  return buffer;
}

template <typename T>
std::vector<T> Values(const Buffer& buffer) {
  const auto view = buffer.as<T>();
  return {view.begin(), view.end()};
}

}  // namespace consort::test

#endif  // CONSORT_BACKENDS_OPENVINO_TESTING_H_
