#include "edgetpu/compiler.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/run_program.h"
#include "consort/error.h"
#include "tflite/parse.h"

namespace consort {
namespace {

// The compiler names its files after the one it reads.
constexpr char kInput[] = "edgetpu.tflite";
constexpr char kOutput[] = "edgetpu_edgetpu.tflite";
constexpr char kOutputLog[] = "edgetpu_edgetpu.log";
constexpr int64_t kMostLogBytes = 16 << 20;

// A colon and the text, where there is one.
std::string Quoted(const std::string& line) { return line.empty() ? "" : ": " + line; }

std::string ReadIfThere(const std::filesystem::path& path, int64_t max_bytes) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) ? ReadFile(path, max_bytes) : "";
}

// The table of operators stands in the file, and in newer versions in what is printed, too.
CompilerLog ReadLogs(const std::string& printed, const std::string& written) {
  CompilerLog log = ParseCompilerLog(printed);
  CompilerLog file = ParseCompilerLog(written);
  if (!file.table.empty()) log.table = std::move(file.table);
  if (log.version.empty()) log.version = file.version;
  return log;
}

bool SamePorts(const std::vector<tflite::AuditedTensor>& a, const std::vector<tflite::AuditedTensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.shape == other.shape && one.type == other.type && one.scale == other.scale &&
           one.zero_point == other.zero_point;
  });
}

// Takes the compiled file, or says why it is none.
void TakeFile(std::string bytes, const tflite::AuditReport& source, Compilation& result) {
  try {
    result.audit = tflite::Audit(tflite::ParseContents(bytes, kOutput));
  } catch (const Error& error) {
    result.why_not = fmt::format("it wrote a file that is no model: {}", error.what());
    return;
  }
  if (!result.audit.compiled()) {
    result.why_not = "its file holds no operator that is an edgetpu-custom-op: it mapped nothing to the Edge TPU";
  } else if (!SamePorts(result.audit.inputs, source.inputs) || !SamePorts(result.audit.outputs, source.outputs)) {
    result.why_not = "its file has other inputs or outputs than the model";
  } else {
    result.compiled = true;
    result.bytes = std::move(bytes);
  }
}

}  // namespace

std::filesystem::path FindEdgeTpuCompiler(const std::filesystem::path& asked) {
  if (asked.empty()) return FindProgram(kEdgeTpuCompiler);
  std::error_code ignored;
  if (std::filesystem::is_regular_file(asked, ignored) && access(asked.c_str(), X_OK) == 0) return asked;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} is not a program: name edgetpu_compiler ({})", asked.string(), kEdgeTpuCompilerPackage));
}

Compilation CompileForEdgeTpu(std::string_view tflite, const CompilerOptions& options) {
  const tflite::AuditReport source = tflite::Audit(tflite::ParseContents(tflite, kInput));
  const TemporaryFolder folder;
  WriteFile(folder.path() / kInput, tflite);
  const ProgramEnd end = RunProgram(options.program, {"-s", "-o", folder.path().string(), kInput},
                                    {.folder = folder.path(), .timeout_ns = options.timeout_ns});
  Compilation result;
  result.log = ReadLogs(end.output, ReadIfThere(folder.path() / kOutputLog, kMostLogBytes));
  std::string bytes = ReadIfThere(folder.path() / kOutput, int64_t{1} << 30);
  if (end.timed_out) {
    result.why_not = fmt::format("it did not end within {:g} s and was stopped",
                                 static_cast<double>(options.timeout_ns) / 1e9);
  } else if (!end.succeeded()) {
    result.why_not = fmt::format("it {}{}", DescribeExit(end.status), Quoted(LastLine(end.output)));
  } else if (bytes.empty()) {
    result.why_not = fmt::format("it wrote no compiled file{}", Quoted(LastLine(end.output)));
  } else {
    TakeFile(std::move(bytes), source, result);
  }
  return result;
}

}  // namespace consort
