#include "cli/experiment_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/model_options.h"

namespace consort {
namespace {

constexpr int kWidth = 80;
constexpr int kIndent = 4;

std::string Plain(const std::string& text) { return text; }

void AddTestbedOptions(CLI::App* app, experiment::TestbedOptions& testbed) {
  AddParsed(app, "--platform", "NAME|FILE", testbed.platform, Plain,
            "emulate a platform of 'consort platforms', or of a file, by the virtual clock");
  AddEach(
      app, "-d,--device", "DEVICES",
      [&testbed](const std::string& text) {
        for (const std::string& part : Split(text, ',')) testbed.devices.push_back(part);
      },
      "devices of the platform (gtx1650/fp16) and targets of this machine (cpu@openvino), comma separated (default: all "
      "of the platform; without one all usable targets)");
  AddEach(
      app, "--set", "PATH=VALUE", [&testbed](const std::string& text) { testbed.settings.push_back(text); },
      "what if: change a figure of the platform; repeatable");
  AddParsed(
      app, "--jitter", "SHARE", testbed.jitter, [](const std::string& text) { return ParseBetween(text, 0, 1); },
      "relative spread of emulated times (default: 0)");
  AddParsed(app, "--seed", "N", testbed.seed, ParseSeed, "of weights, inputs and jitter (default: 0)");
  app->add_flag("--quick", testbed.quick, "fewer and smaller cells, shorter measurements");
}

// A list with spaces behind its commas, so that lines can end there.
std::string Breakable(const std::string& list) {
  return list.size() < kWidth / 2 ? list : Join(Split(list, ','), ", ");
}

std::string Indented(const std::string& text) {
  return std::string(kIndent / 2, ' ') + WrapText(text, kWidth - kIndent / 2, 2 * kIndent) + "\n";
}

bool HasParameter(const experiment::Experiment& experiment, const std::string& name) {
  const std::vector<experiment::Parameter> parameters = experiment.parameters();
  return std::any_of(parameters.begin(), parameters.end(), [&name](const auto& one) { return one.name == name; });
}

// With `all` a parameter is for those that have it; somebody must.
std::map<std::string, std::string> ParametersFor(const experiment::Experiment& experiment,
                                                 const ExperimentArguments& arguments) {
  if (!arguments.all()) return arguments.parameters;
  std::map<std::string, std::string> own;
  for (const auto& [name, value] : arguments.parameters) {
    const auto all = experiment::Experiments();
    const std::string& parameter = name;
    if (std::none_of(all.begin(), all.end(), [&parameter](const auto* one) { return HasParameter(*one, parameter); }))
      throw UsageError(fmt::format("--param: no experiment has a parameter '{}'; 'consort experiment list' lists them", name));
    if (HasParameter(experiment, name)) own[name] = value;
  }
  return own;
}

}  // namespace

void AddExperimentOptions(CLI::App* app, ExperimentArguments& arguments) {
  app->add_option("NAME", arguments.name, "an experiment, 'all', or 'list'")->required()->type_name("");
  AddTestbedOptions(app, arguments.testbed);
  AddEach(
      app, "-p,--param", "NAME=VALUE",
      [&arguments](const std::string& text) {
        const auto [name, value] = experiment::ParseAssignment(text);
        arguments.parameters[name] = value;
      },
      "a parameter of the experiment ('consort experiment list'); repeatable");
  AddParsed(app, "-o,--output", "DIR", arguments.output, Plain,
            "folder of the raw results, NAME.jsonl each (default: consort-experiments/ with the platform's name, or "
            "'local'). What is there already is not run again");
  app->add_flag("--fresh", arguments.fresh, "drop what is there and begin anew");
  AddEach(
      app, "--reference", "FILE.csv", [&arguments](const std::string& text) { arguments.references.emplace_back(text); },
      "lay published figures beside the results; which experiment a file is for follows from its columns; repeatable");
  AddReportOption(app, arguments.report);
  AddFormatOption(app, arguments.format, {OutputFormat::kTable, OutputFormat::kJson, OutputFormat::kJsonl});
}

std::vector<const experiment::Experiment*> ChosenExperiments(const ExperimentArguments& arguments) {
  const auto all = experiment::Experiments();
  if (arguments.all()) return {all.begin(), all.end()};
  try {
    return {&experiment::FindExperiment(arguments.name)};
  } catch (const Error& error) {
    throw UsageError(fmt::format("{}; or 'all', 'list'", error.what()));
  }
}

experiment::Settings SettingsFor(const experiment::Experiment& experiment, const ExperimentArguments& arguments) {
  try {
    return {experiment.parameters(), ParametersFor(experiment, arguments), arguments.testbed.quick};
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

std::string ExperimentList() {
  std::string text;
  for (const experiment::Experiment* experiment : experiment::Experiments()) {
    text += WrapText(fmt::format("{}: {}", experiment->name(), experiment->summary()), kWidth, kIndent) + "\n";
    for (const experiment::Parameter& parameter : experiment->parameters()) {
      text += Indented(fmt::format("{}: {}", parameter.name, parameter.meaning));
      text += Indented(fmt::format("  default: {}", Breakable(parameter.usual)));
      if (!parameter.quick.empty()) text += Indented(fmt::format("  --quick: {}", Breakable(parameter.quick)));
    }
  }
  return text;
}

}  // namespace consort
