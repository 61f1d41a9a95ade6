// What Coral's compiler says about a model.
#ifndef CONSORT_EDGETPU_COMPILER_LOG_H_
#define CONSORT_EDGETPU_COMPILER_LOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consort {

// A row of the table of operators: so many of one kind with one fate.
struct CompiledOperators {
  std::string name;  // "CONV_2D"
  int count = 0;
  std::string status;  // "Mapped to Edge TPU", "More than one subgraph is not supported", …

  bool mapped() const { return status == "Mapped to Edge TPU"; }
  bool operator==(const CompiledOperators&) const = default;
};

// Figures are absent where the log does not give them.
struct CompilerLog {
  std::string version;  // "16.0.384591198"
  std::optional<double> compile_ms;
  std::optional<int> operators;  // of the model
  std::optional<int> edgetpu_operators;
  std::optional<int> cpu_operators;
  std::optional<int> subgraphs;
  std::optional<int64_t> on_chip_bytes;       // memory used for parameters,
  std::optional<int64_t> on_chip_free_bytes;  // and left for more of them
  std::optional<int64_t> off_chip_bytes;      // parameters that are streamed at every inference
  std::vector<CompiledOperators> table;
  bool partly = false;  // it says that not all operators are supported
  // Lines that are nothing of the above and no known phrase: errors and warnings, mostly.
  std::vector<std::string> other;
};

// Reads what the compiler prints and what it writes into its *_edgetpu.log, in the form that Coral's page "Edge TPU
// Compiler" (coral.ai/docs/edgetpu/compiler) and reports in google-coral/edgetpu show for versions 2 to 16. Takes any
// text: what is cut off or garbled is absent, or among `other`.
CompilerLog ParseCompilerLog(std::string_view text);

// "4.21MiB" → bytes; nothing for anything else.
std::optional<int64_t> ParseCompilerBytes(std::string_view text);

}  // namespace consort

#endif  // CONSORT_EDGETPU_COMPILER_LOG_H_
