// What `consort audit` prints.
#ifndef CONSORT_CLI_AUDIT_REPORT_H_
#define CONSORT_CLI_AUDIT_REPORT_H_

#include <cstdint>
#include <string>

#include "tflite/audit.h"

namespace consort {

struct AuditView {
  std::string file;  // without its folder
  int64_t bytes = 0;
  tflite::AuditReport report;
  bool tensors = false;  // every tensor is listed
};

// The first line of the tables: "not compiled for the Edge TPU: 31 operators, all for the CPU; full-integer int8".
std::string AuditVerdict(const tflite::AuditReport& report);

// Text within 80 columns; JSON.
std::string AuditTables(const AuditView& view);
std::string AuditJson(const AuditView& view);

}  // namespace consort

#endif  // CONSORT_CLI_AUDIT_REPORT_H_
