// The options of `consort experiment`.
#ifndef CONSORT_CLI_EXPERIMENT_OPTIONS_H_
#define CONSORT_CLI_EXPERIMENT_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/report_option.h"
#include "experiment/experiment.h"
#include "experiment/testbed.h"

namespace consort {

struct ExperimentArguments {
  std::string name;  // of an experiment; "all", "list"
  experiment::TestbedOptions testbed;
  std::map<std::string, std::string> parameters;
  std::filesystem::path output;  // empty: consort-experiments/TESTBED
  std::vector<std::filesystem::path> references;
  bool fresh = false;
  OutputFormat format = OutputFormat::kTable;
  ReportOption report;

  bool all() const { return name == "all"; }
};

void AddExperimentOptions(CLI::App* app, ExperimentArguments& arguments);

// The experiments that are asked for. A name that is none is a UsageError.
std::vector<const experiment::Experiment*> ChosenExperiments(const ExperimentArguments& arguments);
// What an experiment's parameters are: those given, and of `all` those that are its own. UsageError for a name that is
// no chosen experiment's, or a text that is no value.
experiment::Settings SettingsFor(const experiment::Experiment& experiment, const ExperimentArguments& arguments);

// `consort experiment list`, and the end of --help: name, question, parameters with their defaults.
std::string ExperimentList();

}  // namespace consort

#endif  // CONSORT_CLI_EXPERIMENT_OPTIONS_H_
