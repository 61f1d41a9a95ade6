// How `consort simulate` prints what cost models say.
#ifndef CONSORT_CLI_SIMULATE_REPORT_H_
#define CONSORT_CLI_SIMULATE_REPORT_H_

#include <string>
#include <vector>

#include "cli/options.h"
#include "cost/simulation.h"

namespace consort {

// One device alone, under one setting of the platform.
struct SimulationRow {
  PlatformSetting setting;
  int setting_number = 1;  // counts the settings
  Simulated simulated;
};

// The model divided over several devices, under one setting.
struct StagesRow {
  PlatformSetting setting;
  std::string warning;               // of the devices, which are alike; usually ""
  std::vector<std::string> devices;  // one per stage
  Division division;
  std::vector<std::string> first_ops;  // of the stages: name and type
  std::vector<int> ops;                // of the stages, without those that fold to constants

  // Inferences per second when all stages work.
  double throughput_per_s() const { return 1 / division.period_s(); }
};

struct SimulationReport {
  std::string model;
  int64_t macs = 0;  // of one inference at the model's own batch
  int64_t parameters = 0;
  std::string platform;
  std::string platform_summary;
  std::vector<SimulationRow> rows;
  std::vector<StagesRow> stages;
  bool per_layer = false;
  std::string trace;   // a file that was written; "": none
  int iterations = 0;  // of it
};

// The whole report in one of the five forms; ends in a newline.
std::string FormatSimulation(const SimulationReport& report, OutputFormat format);

// What stands below the figures: notes and warnings, each once, and devices that cannot run the model.
std::vector<std::string> NotesOf(const SimulationReport& report);

// simulate_json.cc. One document, or a line for each row.
std::string SimulationJson(const SimulationReport& report);
std::string SimulationJsonLines(const SimulationReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_SIMULATE_REPORT_H_
