// Fuzz target: bytes as a tensor file of any format. What is read must be writable and compare equal with itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "consort/error.h"
#include "io/compare.h"
#include "io/npy.h"
#include "io/tensor_file.h"

namespace {

void CheckRoundTrip(const consort::Buffer& tensor) {
  if (consort::BitWidth(tensor.spec().dtype) < 8) return;  // .npy has no int4
  const consort::Buffer again = consort::ParseNpy(consort::FormatNpy(tensor), "again");
  if (!consort::Compare(again, tensor).bitwise_equal) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const consort::NamedTensor& tensor : consort::ParseTensors(bytes, "fuzzed")) CheckRoundTrip(tensor.tensor);
  } catch (const consort::Error&) {
  }
  return 0;
}
