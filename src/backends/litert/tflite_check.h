// Checks of a .tflite file beyond what LiteRT's own verification covers.
#ifndef CONSORT_BACKENDS_LITERT_TFLITE_CHECK_H_
#define CONSORT_BACKENDS_LITERT_TFLITE_CHECK_H_

#include <string>

namespace consort::litert {

// LiteRT verifies offsets and then trusts every index and every size; this throws kInvalidModel, begun by `place`, for
// whatever tflite/parse.h refuses, a tensor that is read but never made, and one larger than this machine's memory.
void CheckIndices(const std::string& bytes, const std::string& place);

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_TFLITE_CHECK_H_
