// Fuzz target: bytes as a quantized ONNX model that becomes a .tflite file. Whatever they are, a file is written or
// consort::Error thrown; what is written can be read and holds integers only.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "consort/error.h"
#include "consort/model.h"
#include "tflite/audit.h"
#include "tflite/parse.h"
#include "tflite/write_tflite.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const consort::Model model = consort::Model::Parse(std::as_bytes(std::span(data, size)), "fuzzed.onnx");
    const consort::TfLiteFile file = consort::WriteTfLite(model);
    if (!consort::tflite::Audit(consort::tflite::ParseContents(file.bytes, "written.tflite")).full_integer()) std::abort();
  } catch (const consort::Error&) {
  }
  return 0;
}
