// TensorFlow Lite operators that Coral's compiler lists.
#ifndef CONSORT_EDGETPU_LISTED_OPERATORS_H_
#define CONSORT_EDGETPU_LISTED_OPERATORS_H_

#include <string>
#include <vector>

#include "tflite/audit.h"
#include "tflite/contents.h"

namespace consort {

// "2 × PADV2": operators of a file before it is compiled that are not among the "Supported operations" of
// coral.ai/docs/edgetpu/models-intro (compiler 16). One ONNX operator can become several of TensorFlow Lite, so that a model whose
// operators all fit may hold some; the compiler leaves them, and what stands behind them, to the CPU.
std::vector<std::string> UnlistedOperators(const tflite::AuditReport& report);

struct UnlistedOperator {
  std::string name;                  // "PADV2"
  std::vector<std::string> tensors;  // that it makes, and then all that follow from them, in the order of the file
};
// Each of them in the model's graph.
std::vector<UnlistedOperator> FindUnlisted(const tflite::Contents& contents);

}  // namespace consort

#endif  // CONSORT_EDGETPU_LISTED_OPERATORS_H_
