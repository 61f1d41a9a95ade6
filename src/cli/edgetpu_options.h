// The options of `consort edgetpu` as typed values.
#ifndef CONSORT_CLI_EDGETPU_OPTIONS_H_
#define CONSORT_CLI_EDGETPU_OPTIONS_H_

#include <filesystem>
#include <string>

#include "cli/quantize_options.h"
#include "tflite/write_tflite.h"

namespace consort {

struct EdgeTpuArguments {
  QuantizeArguments quantize;  // the model, its samples, and how ranges follow from them
  std::filesystem::path folder;
  TfLitePorts ports = TfLitePorts::kInt8;
  bool no_cut = false;
  bool force = false;
  bool no_check = false;
  std::filesystem::path compiler;  // empty: on $PATH
  bool no_compile = false;
  double compiler_timeout_s = 300;
  std::string platform = "coral-usb3";
};

// Every option of the command; `arguments` must outlive the parsing.
void AddEdgeTpuOptions(CLI::App* app, EdgeTpuArguments& arguments);
// Throws UsageError for options that do not go together.
void CheckEdgeTpuArguments(const EdgeTpuArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_EDGETPU_OPTIONS_H_
