// Fuzz target: bytes as a .tflite file. Whatever they are, they are read within their bounds or refused; what is read
// has every index in its list, and says the same when it is written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "consort/error.h"
#include "tflite/audit.h"
#include "tflite/format.h"
#include "tflite/parse.h"

namespace {

using consort::tflite::AuditReport;
using consort::tflite::Contents;

void CheckIndices(const Contents& contents) {
  for (const auto& graph : contents.subgraphs) {
    const auto count = static_cast<int64_t>(graph.tensors.size());
    for (const auto& tensor : graph.tensors) {
      if (tensor.buffer >= contents.buffers.size()) std::abort();
    }
    for (const auto& op : graph.operators) {
      if (op.code >= contents.codes.size()) std::abort();
      for (const int32_t i : op.inputs) {
        if (i < -1 || i >= count) std::abort();
      }
      for (const int32_t i : op.outputs) {
        if (i < 0 || i >= count) std::abort();
      }
    }
  }
}

void CheckSame(const AuditReport& a, const AuditReport& b) {
  if (a.operators != b.operators || a.edgetpu_operators != b.edgetpu_operators) std::abort();
  if (a.cpu_macs != b.cpu_macs || a.subgraphs != b.subgraphs) std::abort();
  if (a.decoys != b.decoys || a.float_operators != b.float_operators || a.open_shapes != b.open_shapes) std::abort();
  if (a.description != b.description || a.tensors.size() != b.tensors.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Contents contents = consort::tflite::ParseContents(bytes, "fuzzed.tflite");
    CheckIndices(contents);
    const AuditReport report = consort::tflite::Audit(contents);
    const std::string written = consort::tflite::FormatContents(contents);
    CheckSame(report, consort::tflite::Audit(consort::tflite::ParseContents(written, "written.tflite")));
  } catch (const consort::Error&) {
  }
  return 0;
}
