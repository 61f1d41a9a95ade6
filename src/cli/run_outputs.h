// The outputs of `consort run`: what was expected of them, and where they are written.
#ifndef CONSORT_CLI_RUN_OUTPUTS_H_
#define CONSORT_CLI_RUN_OUTPUTS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "consort/device.h"
#include "io/compare.h"
#include "io/named_tensor.h"

namespace consort {

// An output against a reference.
struct Verdict {
  std::optional<Comparison> comparison;  // absent: `problem` says why there is none
  std::string problem;
  std::optional<double> tolerance;  // absent: not bounded
  bool passed() const { return comparison ? !tolerance || comparison->Within(*tolerance) : !tolerance; }
};

struct OutputReport {
  Port port;
  Buffer tensor;
  std::string file;                      // where it was written, or ""
  std::optional<Verdict> expected;       // against --expect
  std::optional<Verdict> against_first;  // against the first target
};

// An expected output and the file that holds it.
struct Expected {
  NamedTensor output;
  std::string file;
};

// The files of --expect. Throws kInvalidArgument where one is for no output, or does not say for which.
std::vector<Expected> ReadExpected(const RunOptions& options, const Signature& signature);

Verdict Judge(const Buffer& value, const Buffer& reference, std::optional<double> tolerance);
// Sets `expected` of the outputs. Throws kInvalidArgument where two cannot be compared.
void JudgeExpected(std::vector<OutputReport>& outputs, const std::vector<Expected>& expected,
                   const RunOptions& options);
// False where a verdict is beyond its tolerance.
bool Passed(const std::vector<OutputReport>& outputs);

// A port or target name as one component of a path.
std::string FileName(std::string name);
// Writes each as NAME.npy. Throws kInvalidArgument for two of the same name, and for a folder that cannot be made.
void WriteOutputs(std::vector<OutputReport>& outputs, const std::filesystem::path& folder);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_OUTPUTS_H_
