// What a subcommand is: one file per subcommand, thin: parse → call → print.
#ifndef CONSORT_CLI_COMMAND_H_
#define CONSORT_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "consort/error.h"

namespace consort {

// What the process returns; scripts rely on the numbers (docs/cli.md).
enum class ExitCode : int {
  kDone = 0,
  kOther = 1,     // any error that has no number of its own
  kUsage = 2,     // the command line cannot be used
  kBadInput = 3,  // a model, tensor or image is broken or does not fit
  kPlacementRefused = 4,
  kAccuracyMissed = 5,
  kDeviceLost = 6,
  kUnstable = 7,
};

ExitCode ExitCodeFor(ErrorCode code);

// The command line itself cannot be used (an unknown device name, options that contradict each other): exit code 2. For
// what shows only after all options are parsed; a single option's text is checked by AddParsed (cli/options.h).
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(ErrorCode::kInvalidArgument, message) {}
};

// A registered subcommand: `run` is called after a successful parse if `app` was chosen. It prints results to stdout
// and throws consort::Error; the options live in what `run` captures.
struct Command {
  CLI::App* app = nullptr;
  std::function<ExitCode()> run;
};

// Each adds its subcommand to `program`; main.cc lists them.
Command AddAuditCommand(CLI::App& program);
Command AddBenchCommand(CLI::App& program);
Command AddCalibrateCommand(CLI::App& program);
Command AddCompareCommand(CLI::App& program);
Command AddConvertCommand(CLI::App& program);
Command AddDevicesCommand(CLI::App& program);
Command AddDoctorCommand(CLI::App& program);
Command AddEdgeTpuCommand(CLI::App& program);
Command AddExperimentCommand(CLI::App& program);
Command AddInspectCommand(CLI::App& program);
Command AddMakeCommand(CLI::App& program);
Command AddPlanCommand(CLI::App& program);
Command AddPlatformsCommand(CLI::App& program);
Command AddProfileCommand(CLI::App& program);
Command AddQuantizeCommand(CLI::App& program);
Command AddReportCommand(CLI::App& program);
Command AddRunCommand(CLI::App& program);
Command AddShardCommand(CLI::App& program);
Command AddSimulateCommand(CLI::App& program);

}  // namespace consort

#endif  // CONSORT_CLI_COMMAND_H_
