// Fuzz target: bytes as an ONNX model. Whatever they are, Model::Parse returns a model or throws consort::Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "consort/error.h"
#include "consort/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const consort::Model model = consort::Model::Parse(std::as_bytes(std::span(data, size)), "fuzzed.onnx");
    model.graph().Cuts(2);
    model.Serialize();
  } catch (const consort::Error&) {
  }
  return 0;
}
