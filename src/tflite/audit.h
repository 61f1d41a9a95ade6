// What a .tflite file says of where it can run: on the Edge TPU or not, and with which numbers.
#ifndef CONSORT_TFLITE_AUDIT_H_
#define CONSORT_TFLITE_AUDIT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tflite/contents.h"

namespace consort::tflite {

// All operators of one kind.
struct OperatorCount {
  std::string name;  // "CONV_2D", or a custom operator's code
  int count = 0;
  int64_t macs = 0;
  bool macs_known = true;  // false: what the operator computes cannot be told from shapes (custom ones, recurrent ones)
  bool on_edgetpu = false;
};

struct AuditedTensor {
  std::string name;
  std::vector<int32_t> shape;
  std::string type;  // "int8"
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  bool constant = false;
};

struct AuditReport {
  std::string description;
  std::string runtime_version;  // the least that the file asks for; empty: it does not say
  int subgraphs = 0;

  int operators = 0;
  int edgetpu_operators = 0;                // that really are of the custom code `edgetpu-custom-op`
  std::vector<OperatorCount> kinds;         // most MACs first, then by name
  int64_t cpu_macs = 0;                     // of all operators but those of the Edge TPU
  bool cpu_macs_known = true;
  std::vector<std::string> decoys;          // where the code's text stands without an operator that uses it

  std::map<std::string, int> activation_types;  // of tensors that operators make or that go in: type → how many
  std::vector<std::string> float_operators;     // that read or write floating point: "'name of the output' (CONV_2D)"
  std::vector<std::string> open_shapes;         // tensors whose shape the file leaves open
  std::vector<AuditedTensor> inputs;
  std::vector<AuditedTensor> outputs;
  std::vector<AuditedTensor> tensors;  // all of the first subgraph

  bool compiled() const { return edgetpu_operators > 0; }
  bool full_integer() const { return float_operators.empty(); }
  int cpu_operators() const { return operators - edgetpu_operators; }
};

// Counts one multiply-accumulate per weight-times-value product, as `consort inspect` does.
AuditReport Audit(const Contents& contents);

// "int8"; "type 77" for one that the schema lacks.
std::string NameOf(ElementType type);

}  // namespace consort::tflite

#endif  // CONSORT_TFLITE_AUDIT_H_
