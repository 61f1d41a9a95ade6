// `consort experiment`: a question to all devices, with raw results that can be gone on with, and a report.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "base/strings.h"
#include "bench/environment.h"
#include "cli/command.h"
#include "cli/experiment_options.h"
#include "cli/experiment_text.h"
#include "cli/help.h"
#include "cli/progress.h"
#include "cli/report_parts.h"
#include "experiment/runner.h"

namespace consort {
namespace {

using experiment::Experiment;
using experiment::Json;
using experiment::Reference;

constexpr char kDescription[] =
    "Asks one question of every device of a platform, emulated by the virtual clock, or of this machine's own targets, "
    "measured: which is fastest when, where do they cross, what does a precision cost. Raw results go to a file, a line "
    "for each cell; a run that was ended goes on where it stopped.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort experiment list\n"
    "  consort experiment matvec --platform seed\n"
    "  consort experiment all --platform seed --quick -o results/seed\n"
    "  consort experiment matvec -d cpu@onnxruntime,cpu@openvino --param sides=64-4096*2\n"
    "  consort experiment matvec --platform seed --reference seed_table1_matvec.csv\n"
    "  consort experiment all --platform seed --quick --report seed.html";

struct Finished {
  const Experiment* experiment = nullptr;
  experiment::RunnerResult result;
  experiment::Outcome outcome;
};

class ExperimentRun {
 public:
  explicit ExperimentRun(const ExperimentArguments& arguments)
      : arguments_(arguments), chosen_(ChosenExperiments(arguments)) {
    for (const Experiment* experiment : chosen_) settings_.push_back(SettingsFor(*experiment, arguments_));
    for (const auto& path : arguments.references) references_.push_back(experiment::ReadReference(path));
    CheckReferences();
    OpenTestbed();
    CheckCells();
  }

  std::vector<Finished> Run() {
    std::vector<Finished> finished;
    for (size_t i = 0; i < chosen_.size(); ++i) finished.push_back(RunOne(*chosen_[i], settings_[i]));
    progress_.Say("");
    return finished;
  }

 private:
  void OpenTestbed() {
    experiment::TestbedOptions options = arguments_.testbed;
    options.progress = [this](const std::string& what) { progress_.Say(place_ + what); };
    try {
      testbed_ = std::make_unique<experiment::Testbed>(std::move(options));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kUnsupported)
        throw UsageError(error.what());
      throw;
    }
  }

  // Settings that cannot be are told before anything runs.
  void CheckCells() {
    for (size_t i = 0; i < chosen_.size(); ++i) {
      try {
        experiment::CheckedCells(*chosen_[i], *testbed_, settings_[i]);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kInvalidArgument) throw;
        throw UsageError(fmt::format("{}: {}", chosen_[i]->name(), error.what()));
      }
    }
  }

  static bool Fits(const Experiment& experiment, const Reference& reference) {
    const std::vector<std::string> wanted = experiment.reference_columns();
    return !wanted.empty() && reference.Has(wanted);
  }

  // A file that fits none of the chosen experiments was given by mistake.
  void CheckReferences() const {
    for (const Reference& reference : references_) {
      bool fits = false;
      std::string wanted;
      for (const Experiment* experiment : chosen_) {
        fits = fits || Fits(*experiment, reference);
        const std::vector<std::string> columns = experiment->reference_columns();
        wanted += fmt::format("; {}: {}", experiment->name(), columns.empty() ? "takes none" : Join(columns));
      }
      if (!fits)
        throw UsageError(fmt::format("--reference {}: its columns ({}) fit none of the experiments{}", reference.file,
                                     Join(reference.columns), wanted));
    }
  }

  std::filesystem::path Folder() const {
    if (!arguments_.output.empty()) return arguments_.output;
    return std::filesystem::path("consort-experiments") / testbed_->name();
  }

  Finished RunOne(const Experiment& experiment, const experiment::Settings& settings) {
    experiment::RunnerOptions options{.folder = Folder(), .fresh = arguments_.fresh};
    options.progress = [&](size_t done, size_t all, const std::string& next) {
      place_ = fmt::format("{} {}/{} ", experiment.name(), done + 1, all);
      progress_.Say(place_ + next);
    };
    Finished finished{.experiment = &experiment, .result = RunExperiment(experiment, *testbed_, settings, options)};
    std::vector<const Reference*> fitting;
    for (const Reference& reference : references_) {
      if (Fits(experiment, reference)) fitting.push_back(&reference);
    }
    finished.outcome = experiment.Report({finished.result.rows, settings, *testbed_, fitting});
    return finished;
  }

  const ExperimentArguments& arguments_;
  const Progress progress_;
  std::string place_;
  std::vector<const Experiment*> chosen_;
  std::vector<experiment::Settings> settings_;
  std::vector<Reference> references_;
  std::unique_ptr<experiment::Testbed> testbed_;
};

std::string AsText(const Finished& finished) {
  std::string text = SectionText(finished.outcome.section) + "\n" + WrapText(finished.outcome.verdict, 80, 0) + "\n";
  text += fmt::format("Raw results: {} ({} rows{})\n", finished.result.file.string(), finished.result.rows.size(),
                      finished.result.resumed == 0 ? "" : fmt::format(", {} of them from before", finished.result.resumed));
  return text;
}

Json AsJson(const Finished& finished) {
  Json json = finished.result.header;
  json["verdict"] = finished.outcome.verdict;
  json["rows"] = finished.result.rows;
  return json;
}

std::string Text(const std::vector<Finished>& all, OutputFormat format) {
  std::string text;
  if (format == OutputFormat::kJson) {
    Json json = Json::array();
    for (const Finished& one : all) json.push_back(AsJson(one));
    return Json({{"experiments", json}}).dump(2) + "\n";
  }
  for (const Finished& one : all) {
    if (format == OutputFormat::kTable) {
      text += (text.empty() ? "" : "\n") + AsText(one);
      continue;
    }
    for (const experiment::Row& row : one.result.rows) {
      Json line = {{"experiment", one.experiment->name()}};
      line.update(row);
      text += line.dump() + "\n";
    }
  }
  return text;
}

std::string TitleOf(const ExperimentArguments& arguments, const std::vector<Finished>& all) {
  const Json& testbed = all.front().result.header["testbed"];
  const std::string where = testbed.contains("platform") ? testbed["platform"]["name"].get<std::string>() : "this machine";
  return fmt::format("{} on {}", arguments.all() ? "All experiments" : arguments.name, where);
}

report::Document DocumentOf(const ExperimentArguments& arguments, const std::vector<Finished>& all) {
  report::Document document = StartDocument(TitleOf(arguments, all), ReadEnvironment());
  for (const Finished& one : all) {
    document.verdict += (document.verdict.empty() ? "" : " ") + one.outcome.verdict;
    document.sections.push_back(one.outcome.section);
    if (all.size() > 1)
      document.sections.back().blocks.insert(document.sections.back().blocks.begin(), report::Paragraph{one.outcome.verdict});
  }
  for (const auto& device : all.front().result.header["testbed"]["devices"]) {
    document.environment.emplace_back("device " + device["name"].get<std::string>(),
                                      fmt::format("{}, {}, {}", device["kind"].get<std::string>(),
                                                  device["precision"].get<std::string>(),
                                                  device["provenance"].get<std::string>()));
  }
  return document;
}

// Measured rows that are not to be trusted: the first few by name.
ExitCode Conclude(const std::vector<Finished>& all) {
  constexpr int kMostNamed = 5;
  int unstable = 0;
  for (const Finished& one : all) {
    for (const experiment::Row& row : one.result.rows) {
      const std::string why = experiment::TextOf(row, "unstable");
      if (why.empty() || ++unstable > kMostNamed) continue;
      fmt::print(stderr, "consort: unstable: {} {}: {}\n", one.experiment->name(), experiment::TextOf(row, "cell"), why);
    }
  }
  if (unstable > kMostNamed) fmt::print(stderr, "consort: unstable: {} more cells\n", unstable - kMostNamed);
  return unstable > 0 ? ExitCode::kUnstable : ExitCode::kDone;
}

ExitCode RunExperimentCommand(const ExperimentArguments& arguments) {
  if (arguments.name == "list") {
    fmt::print("{}", ExperimentList());
    return ExitCode::kDone;
  }
  const std::vector<Finished> finished = ExperimentRun(arguments).Run();
  fmt::print("{}", Text(finished, arguments.format));
  std::fflush(stdout);
  if (arguments.report.asked()) WriteReports(DocumentOf(arguments, finished), arguments.report);
  return Conclude(finished);
}

}  // namespace

Command AddExperimentCommand(CLI::App& program) {
  auto arguments = std::make_shared<ExperimentArguments>();
  CLI::App* app = program.add_subcommand("experiment", kDescription);
  app->footer(kFooter);
  AddExperimentOptions(app, *arguments);
  return {app, [arguments] { return RunExperimentCommand(*arguments); }};
}

}  // namespace consort
