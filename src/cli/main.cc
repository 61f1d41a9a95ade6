// The `consort` program: finds the subcommand, runs it, and turns errors into exit codes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Runs and measures neural-network inference on an ensemble of unlike devices. One ONNX model goes in; every answer "
    "says "
    "which device ran which operator.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort devices\n"
    "  consort inspect model.onnx\n"
    "  consort run -m model.onnx -i page.jpg -d cpu@onnxruntime,cpu@openvino\n"
    "\n"
    "'consort COMMAND --help' explains a command. Exit codes: 0 done, 1 other error,\n"
    "2 usage, 3 bad model or input, 4 placement refused, 5 accuracy missed,\n"
    "6 device lost, 7 measurement unstable.";

int Report(const std::string& message, ExitCode code) {
  std::fflush(stdout);
  std::fprintf(stderr, "consort: %s\n", message.c_str());
  return static_cast<int>(code);
}

// The words that could have been meant where `word` was not understood.
std::vector<std::string> Candidates(const CLI::App& app, const std::string& word) {
  std::vector<std::string> candidates;
  if (word.starts_with("-")) {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) candidates.push_back("--" + name);
    }
  } else {
    for (const CLI::App* sub : app.get_subcommands({})) candidates.push_back(sub->get_name());
  }
  return candidates;
}

// What was not understood, and the nearest word that would have been.
std::string DescribeUnknown(const CLI::App& app, const std::string& argument) {
  const bool flag = argument.starts_with("-");
  const std::string word = flag ? argument.substr(0, argument.find('=')) : argument;
  const bool has_commands = !app.get_subcommands({}).empty();
  std::string message = flag ? "unknown option '" : has_commands ? "unknown command '" : "unexpected argument '";
  message += word + "'";
  const std::string nearest = Nearest(word, Candidates(app, word));
  return nearest.empty() ? message : message + ": did you mean '" + nearest + "'?";
}

// The innermost subcommand that was chosen, or the program.
const CLI::App& Chosen(const CLI::App& program) {
  for (const CLI::App* sub : program.get_subcommands()) return *sub;
  return program;
}

int ReportUsage(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& app = Chosen(program);
  const std::vector<std::string> remaining = app.remaining();
  const bool unknown = !remaining.empty();
  const std::string message = unknown ? DescribeUnknown(app, remaining.front()) : std::string(error.what());
  const std::string path = (app.get_parent() ? "consort " + app.get_name() : "consort");
  return Report(message + "\nSee '" + path + " --help'.", ExitCode::kUsage);
}

// The subcommands, in the order in which --help lists them.
std::vector<Command> AddCommands(CLI::App& program) {
  std::vector<Command> commands;
  for (const auto add : {AddDevicesCommand, AddDoctorCommand, AddInspectCommand, AddMakeCommand, AddRunCommand,
                         AddBenchCommand, AddCompareCommand, AddPlatformsCommand, AddSimulateCommand,
                         AddCalibrateCommand, AddShardCommand, AddQuantizeCommand, AddConvertCommand, AddAuditCommand,
                         AddEdgeTpuCommand, AddProfileCommand, AddPlanCommand, AddReportCommand,
                         AddExperimentCommand}) {
    commands.push_back(add(program));
  }
  for (const Command& command : commands) command.app->group("Commands");
  return commands;
}

int Main(int argc, char** argv) {
  CLI::App program(kDescription, "consort");
  program.formatter(std::make_shared<HelpFormatter>());
  program.footer(kFooter);
  program.require_subcommand(0, 1);
  program.set_help_flag("-h,--help", "print this text");
  program.set_version_flag("--version", "consort " CONSORT_VERSION, "print the version");
  const std::vector<Command> commands = AddCommands(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& asked_for_text) {
    return program.exit(asked_for_text);
  } catch (const CLI::ParseError& error) {
    return ReportUsage(program, error);
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const ExitCode code = command.run();
    if (std::fflush(stdout) != 0) throw Error(ErrorCode::kInternal, "cannot write to the standard output");
    return static_cast<int>(code);
  }
  return Report("a command is needed; 'consort --help' lists them.", ExitCode::kUsage);
}

// Main, with every exception turned into a message and an exit code.
int GuardedMain(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const UsageError& error) {
    return Report(error.what(), ExitCode::kUsage);
  } catch (const Error& error) {
    const int code = Report(error.what(), ExitCodeFor(error.code()));
    // A call that is past its deadline still runs in its thread; destroying what it uses could crash.
    if (error.code() == ErrorCode::kTimeout) std::_Exit(code);
    return code;
  } catch (const std::bad_alloc&) {
    return Report("out of memory", ExitCode::kOther);
  } catch (const std::exception& error) {
    return Report(std::string("internal error: ") + error.what(), ExitCode::kOther);
  }
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) { return consort::GuardedMain(argc, argv); }
