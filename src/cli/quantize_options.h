// The options of `consort quantize` as typed values.
#ifndef CONSORT_CLI_QUANTIZE_OPTIONS_H_
#define CONSORT_CLI_QUANTIZE_OPTIONS_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "cli/model_options.h"
#include "quantize/qdq_writer.h"
#include "quantize/range_methods.h"
#include "quantize/scope.h"

namespace consort {

struct QuantizeArguments {
  std::string model;
  ModelOptions loading;
  std::filesystem::path output;
  Precision precision = Precision::kInt8;
  std::vector<NamedFile> calibration;
  std::vector<NamedFile> validation;  // empty: the calibration samples, or seeds behind theirs
  ImageOptions image;
  uint64_t seed = 0;
  std::optional<int> samples;  // nothing: all of the files, or kSeededSamples
  std::optional<RangeMethod> method;
  std::optional<double> percentile;
  bool per_tensor = false;
  bool symmetric_activations = false;
  std::optional<QuantizeScope> scope;   // nothing: kAuto, and kAll for TensorFlow Lite
  std::optional<double> smoothing;      // 0: none; nothing: kSmoothing where only products become integers
  std::vector<std::string> keep_float;  // regular expressions
  std::optional<double> min_sqnr_db;
  std::optional<double> max_accuracy_drop;  // points, of top-1
  bool sensitivity = false;                 // list every layer
  OutputFormat format = OutputFormat::kTable;

  bool in_bytes() const { return precision == Precision::kInt8 || precision == Precision::kUInt8; }
  // The model is written as TensorFlow Lite's.
  bool as_tflite() const { return output.extension() == ".tflite"; }
  QuantizeScope chosen_scope() const;
  bool bounded() const { return min_sqnr_db || max_accuracy_drop; }
  QdqOptions qdq() const;
  RangeOptions ranges() const;
};

// "minmax", "percentile", "entropy", "mse".
std::string_view ToString(RangeMethod method);

// Every option of the command; `arguments` must outlive the parsing.
void AddQuantizeOptions(CLI::App* app, QuantizeArguments& arguments);
// Those of them that say which samples there are and how ranges follow: --calibration, --validation, --samples, --seed,
// --method, --percentile.
void AddCalibrationOptions(CLI::App* app, QuantizeArguments& arguments);
// --min-sqnr and --max-accuracy-drop; `what` is done until they hold.
void AddAccuracyBounds(CLI::App* app, QuantizeArguments& arguments, const std::string& what);
// The bounds in words: "SQNR of at least 30 dB".
std::string BoundText(const QuantizeArguments& arguments);
// Whether these figures hold them. Throws kInvalidArgument where one cannot be taken.
bool Holds(const Accuracy& accuracy, const QuantizeArguments& arguments);
// Throws UsageError for options that do not go together, and where the output is a file that is read.
void CheckQuantizeArguments(const QuantizeArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_QUANTIZE_OPTIONS_H_
