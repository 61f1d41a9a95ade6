// What `consort edgetpu` says about the bundle that it wrote.
#ifndef CONSORT_CLI_EDGETPU_REPORT_H_
#define CONSORT_CLI_EDGETPU_REPORT_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "edgetpu/bundle.h"
#include "edgetpu/estimate.h"

namespace consort {

struct EdgeTpuCheckReport {
  Accuracy accuracy;
  std::string samples;  // where they come from
};

struct EdgeTpuBoundReport {
  std::string bound;               // "SQNR of at least 30 dB"
  std::vector<std::string> moved;  // layers that went to the rest for it
  int tries = 0;                   // cuts that were judged
};

struct EdgeTpuReport {
  std::string source;
  std::string fingerprint;
  std::filesystem::path folder;
  Preflight preflight;
  std::vector<TfLitePort> inputs;    // of the Edge TPU's part
  std::vector<TfLitePort> crossing;  // what it gives to the rest,
  std::vector<TfLitePort> outputs;   // and what else
  tflite::AuditReport audit;         // of its file before it is compiled
  std::vector<std::string> unlisted;  // operators of that file that the compiler does not list
  EdgeTpuEstimate estimate;
  std::string calibrated_on;
  int samples = 0;
  std::optional<Compilation> compilation;  // absent: no compiler ran
  std::string not_compiled;                // why there is no compiled file; empty where there is one
  std::optional<EdgeTpuCheckReport> check;  // absent: --no-check
  std::optional<EdgeTpuBoundReport> bound;  // absent: none was asked for
  std::vector<FileEntry> files;
};

// "104 of 106 ops and 99.9 % of the MACs fit the Edge TPU; cut before 'gelu' (Erf): …".
std::string DescribeFit(const Preflight& preflight);

// Text for a terminal of 80 columns, as far as names allow.
std::string EdgeTpuTables(const EdgeTpuReport& report);
// One JSON object; its keys are in docs/edgetpu.md and stay.
std::string EdgeTpuJson(const EdgeTpuReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_EDGETPU_REPORT_H_
