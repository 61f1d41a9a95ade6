// `consort experiment`: a question to all devices, with raw results that can be gone on with, and a report.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>

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
    "  consort experiment matvec --platform seed --reference published.csv\n"
    "    (columns matrix_side, device_class, includes_memory_loading, time: docs/experiments.md)\n"
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
    for (size_t i = 0; i < chosen_.size(); ++i) {
      try {
        finished.push_back(RunOne(*chosen_[i], settings_[i]));
      } catch (const Error& error) {
        if (!arguments_.all() || error.code() == ErrorCode::kCancelled) throw;
        Keep(*chosen_[i], error);
      }
    }
    progress_.Say("");
    if (finished.empty()) ThrowProblem();
    return finished;
  }

  // Of `all`: what ended experiments while the others went on; nothing where none ended so.
  void ThrowProblem() const {
    if (problem_) throw Error(*problem_);
  }

  // "seed", "this machine", "seed and this machine".
  std::string Where() const {
    const std::string name = testbed_->name();
    if (name == "local") return "this machine";
    const size_t plus = name.rfind("+local");
    const std::string platform = name.substr(0, plus);
    const std::string of = platform == "emulated" ? "emulated devices" : platform;
    return plus == std::string::npos ? of : of + " and this machine";
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

  // Why there are no cells; empty: there are.
  std::string ProblemOf(const Experiment& experiment, const experiment::Settings& settings) {
    try {
      experiment::CheckedCells(experiment, *testbed_, settings);
      return "";
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      return fmt::format("{}: {}", experiment.name(), error.what());
    }
  }

  // Settings that cannot be are told before anything runs. Of `all` an experiment is left out where this testbed lacks what
  // it needs, whatever its settings.
  void CheckCells() {
    for (size_t i = 0; i < chosen_.size();) {
      const std::string problem = ProblemOf(*chosen_[i], settings_[i]);
      if (problem.empty()) {
        ++i;
        continue;
      }
      const experiment::Settings usual(chosen_[i]->parameters(), {}, arguments_.testbed.quick);
      if (!arguments_.all() || ProblemOf(*chosen_[i], usual).empty()) throw UsageError(problem);
      fmt::print(stderr, "consort: left out: {}\n", problem);
      chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(i));
      settings_.erase(settings_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (chosen_.empty()) throw UsageError("no experiment can run on these devices");
  }

  void Keep(const Experiment& experiment, const Error& error) {
    const std::string what = fmt::format("{}: {}", experiment.name(), error.what());
    problem_ = Error(problem_ ? problem_->code() : error.code(), problem_ ? fmt::format("{}\n{}", problem_->what(), what) : what);
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
  std::optional<Error> problem_;
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

report::Document DocumentOf(const ExperimentArguments& arguments, const std::vector<Finished>& all, const std::string& where) {
  const std::string title = fmt::format("{} on {}", arguments.all() ? "All experiments" : arguments.name, where);
  report::Document document = StartDocument(title, ReadEnvironment());
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
  ExperimentRun run(arguments);
  const std::vector<Finished> finished = run.Run();
  fmt::print("{}", Text(finished, arguments.format));
  std::fflush(stdout);
  if (arguments.report.asked()) WriteReports(DocumentOf(arguments, finished, run.Where()), arguments.report);
  run.ThrowProblem();
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
