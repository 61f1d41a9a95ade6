// `consort audit`: what a .tflite file is, and whether it really is compiled for the Edge TPU.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/files.h"
#include "cli/audit_report.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tflite/parse.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Reads a .tflite file: whether its operators really are compiled for the Edge TPU, what is left to the CPU, and "
    "the types, scales and zero points of its tensors";
constexpr char kFooter[] =
    "Compiled is a file whose graph holds an operator of the custom code\n"
    "edgetpu-custom-op; the same text in a description, a name or an unused code\n"
    "compiles nothing and is pointed out.\n"
    "\n"
    "Exit code 3 for a file that is no .tflite model, 4 with --require-edgetpu for one\n"
    "that is not compiled.\n"
    "\n"
    "Examples:\n"
    "  consort audit model_edgetpu.tflite\n"
    "  consort audit model.tflite --tensors\n"
    "  consort audit model_edgetpu.tflite --require-edgetpu --format json";

struct AuditOptions {
  std::string file;
  bool tensors = false;
  bool require_edgetpu = false;
  OutputFormat format = OutputFormat::kTable;
};

ExitCode RunAudit(const AuditOptions& options) {
  const std::string bytes = ReadFile(options.file);
  const std::string name = std::filesystem::path(options.file).filename().string();
  const AuditView view = {.file = name,
                          .bytes = static_cast<int64_t>(bytes.size()),
                          .report = tflite::Audit(tflite::ParseContents(bytes, name)),
                          .tensors = options.tensors};
  fmt::print("{}", options.format == OutputFormat::kJson ? AuditJson(view) : AuditTables(view));
  if (view.report.compiled() || !options.require_edgetpu) return ExitCode::kDone;
  std::fflush(stdout);
  fmt::print(stderr, "consort: {} is not compiled for the Edge TPU: run 'edgetpu_compiler {}'\n", name, options.file);
  return ExitCode::kPlacementRefused;
}

}  // namespace

Command AddAuditCommand(CLI::App& program) {
  auto options = std::make_shared<AuditOptions>();
  CLI::App* app = program.add_subcommand("audit", kDescription);
  app->footer(kFooter);
  app->add_option("FILE", options->file, ".tflite file")->required()->type_name("");
  app->add_flag("--tensors", options->tensors, "list every tensor with its type, shape, scale and zero point");
  app->add_flag("--require-edgetpu,--strict", options->require_edgetpu,
                "end with exit code 4 where no operator is compiled for the Edge TPU");
  AddFormatOption(app, options->format);
  return {app, [options] { return RunAudit(*options); }};
}

}  // namespace consort
