// Coral's compiler, edgetpu_compiler, as a function of a model's bytes.
#ifndef CONSORT_EDGETPU_COMPILER_H_
#define CONSORT_EDGETPU_COMPILER_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "consort/clock.h"
#include "edgetpu/compiler_log.h"
#include "tflite/audit.h"

namespace consort {

inline constexpr char kEdgeTpuCompiler[] = "edgetpu_compiler";
// Where it comes from: what to say where there is none.
inline constexpr char kEdgeTpuCompilerPackage[] = "Debian package edgetpu-compiler of Coral's archive";

struct CompilerOptions {
  std::filesystem::path program;  // edgetpu_compiler
  // It ends itself after 180 s, in version 16; older ones do not.
  TimeNs timeout_ns = 300'000'000'000;
};

struct Compilation {
  bool compiled = false;      // `bytes` is a model with operators that really are for the Edge TPU
  std::string why_not;        // a clause, where it is not: "it was ended by signal 11 (SIGSEGV)"
  CompilerLog log;            // whatever came of it
  std::string bytes;          // empty unless compiled
  tflite::AuditReport audit;  // of `bytes`
};

// The program that was asked for, or else edgetpu_compiler on $PATH; empty where there is none there. Throws
// kInvalidArgument where `asked` is no program.
std::filesystem::path FindEdgeTpuCompiler(const std::filesystem::path& asked = {});

// Runs the compiler on a full-integer model, in a temporary folder. Whatever it does (crashes, hangs, refuses, writes
// nothing, or a file that is not the model) is in the result. Throws kUnsupported where it cannot be started.
Compilation CompileForEdgeTpu(std::string_view tflite, const CompilerOptions& options);

}  // namespace consort

#endif  // CONSORT_EDGETPU_COMPILER_H_
