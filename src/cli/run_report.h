// What `consort run` found out, and how it prints it.
#ifndef CONSORT_CLI_RUN_REPORT_H_
#define CONSORT_CLI_RUN_REPORT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_inputs.h"
#include "cli/run_options.h"
#include "cli/run_outputs.h"
#include "consort/device.h"
#include "consort/emulation.h"

namespace consort {

// One target's part of the run.
struct TargetReport {
  Target target;
  DeviceInfo info;
  std::string model;        // the artifact's name
  std::string fingerprint;  // and fingerprint
  std::string precision;
  int threads = 0;
  std::unique_ptr<Executable> executable;
  std::vector<PortInput> inputs;
  int64_t calls = 0;
  std::vector<OutputReport> outputs;
  std::optional<EmulationReport> emulation;  // absent: a real device
};

// Prints all of it to stdout in the form asked for.
void PrintRunReport(const std::vector<TargetReport>& reports, const RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_REPORT_H_
