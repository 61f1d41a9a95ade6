// What `consort quantize` says about the model that it wrote.
#ifndef CONSORT_CLI_QUANTIZE_REPORT_H_
#define CONSORT_CLI_QUANTIZE_REPORT_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "quantize/layer_errors.h"
#include "quantize/prepare.h"

namespace consort {

// How the bound was held.
struct BoundReport {
  std::string bound;                // "SQNR of at least 30 dB"
  bool met = false;
  int tries = 0;                    // models that were judged
  std::vector<std::string> layers;  // that stay float for it, the worst first
};

struct QuantizeReport {
  std::string source;
  std::string fingerprint;
  std::filesystem::path output;
  std::string scheme;  // "int8, weights int8 per channel, activations asymmetric"
  std::string method;  // "minmax", "percentile 99.99"; empty without calibration
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  Preparation made;
  int smoothed = 0;       // activations whose spread went into weights (SmoothProducts)
  int ops = 0;            // that compute something in each inference
  int quantized_ops = 0;  // fused activations included
  int64_t clamped = 0;    // weights beyond the range of fp16
  std::vector<std::string> clamped_in;
  // Ops that stay float: "Erf: no integer form" → how many.
  std::map<std::string, int> float_ops;
  std::string calibrated_on;  // "cal.npz"
  int samples = 0;
  std::string validated_on;
  Accuracy accuracy;  // of the whole model against the float one
  std::string target;
  std::vector<LayerError> layers;  // the worst first
  bool all_layers = false;         // list all
  std::optional<BoundReport> bound;
  std::vector<std::string> notes;  // what engines are known to get wrong
  bool written = false;  // false: the bound is missed
};

// Text for a terminal of 80 columns, as far as names allow.
std::string QuantizeTables(const QuantizeReport& report);
// One JSON object; its keys are in docs/cli.md and stay.
std::string QuantizeJson(const QuantizeReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_QUANTIZE_REPORT_H_
