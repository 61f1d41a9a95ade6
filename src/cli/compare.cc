// consort compare: one model on several targets, side by side.
#include "bench/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/compare_options.h"
#include "cli/compare_plans.h"
#include "cli/compare_report.h"
#include "cli/input_sets.h"
#include "cli/plan_rules.h"
#include "cli/report_compare.h"
#include "cli/run_inputs.h"
#include "cli/shard_quantizer.h"
#include "consort/registry.h"

namespace consort {
namespace {

constexpr char kDefaultReference[] = "cpu@onnxruntime";

constexpr char kDescription[] =
    "Compares a model on several targets: latency of one query at a time, interleaved in rounds and paired with the "
    "first "
    "target, and how right the numbers are. A target given twice shows what the method makes of no difference.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort compare -m net.onnx -d cpu@onnxruntime,cpu@openvino\n"
    "  consort compare -m net.onnx -d cpu@openvino,cpu@openvino/bf16 \\\n"
    "      --min-cosine 0.999 --format json\n"
    "  consort compare -m net.onnx -d cpu,cpu -t 30";

void CheckUsage(const CompareOptions& options) {
  CheckModels(options);
  if (options.targets.size() < 2) {
    throw UsageError("--device: two targets at least are needed to compare; 'consort bench' measures one");
  }
  CheckBoundsUsage(options.reference, options.bounds);
}

// As ResolveTargets, but a target may be given twice.
std::vector<Target> ResolveEach(const Registry& registry, const CompareOptions& options) {
  std::vector<Target> targets;
  for (const Target& target : options.targets) {
    ModelArguments one;
    one.targets = {target};
    targets.push_back(ResolveTargets(registry, one).front());
  }
  return targets;
}

// The target that outputs are compared with; none when accuracy is left out.
std::optional<Target> ResolveReference(const Registry& registry, const CompareOptions& options) {
  if (options.reference && !options.reference->wanted) return std::nullopt;
  try {
    return registry.Resolve(options.reference ? options.reference->target : Target::Parse(kDefaultReference));
  } catch (const Error& error) {
    throw UsageError(fmt::format("--reference: {}", error.what()));
  }
}

void CheckReferenceModel(const CompareOptions& options, const Target& reference) {
  const bool has_model = std::any_of(options.models.begin(), options.models.end(), [&](const NamedFile& model) {
    return model.name.empty() || model.name == reference.backend;
  });
  if (has_model) return;
  throw UsageError(
      fmt::format("--reference: no model is given for {}; name another target, or none", reference.ToString()));
}

std::vector<Outputs> EvaluateAll(Evaluator& evaluator, const InputSets& inputs) {
  std::vector<Outputs> outputs;
  for (int set = 0; set < inputs.count(); ++set)
    outputs.push_back(evaluator.Evaluate(inputs.Get(set, evaluator.signature())));
  return outputs;
}

std::vector<Outputs> ReferenceOutputs(const Registry& registry, const Target& target, const ModelBundle& models,
                                      const CompareOptions& options, const InputSets& inputs) {
  SubjectOptions subject{.compile = options.compile, .open = options.open()};
  subject.compile.optimization = Optimization::kBasic;
  subject.compile.prove_placement = false;
  try {
    Evaluator evaluator(registry, target, models.ArtifactFor(target), subject);
    if (!evaluator.has_numbers()) throw Error(ErrorCode::kUnsupported, "it has no numbers");
    return EvaluateAll(evaluator, inputs);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument) throw;  // the inputs; every target wants the same
    throw Error(error.code(), fmt::format("reference {}: {} ('--reference none' leaves accuracy out)",
                                          target.ToString(), error.what()));
  }
}

void JudgeAccuracy(CompareRow& row, Evaluator& evaluator, const std::vector<Outputs>& reference,
                   const InputSets& inputs, const AccuracyBounds& bounds) {
  if (!evaluator.has_numbers()) {
    row.accuracy_problem = "the target has no numbers (@null)";
    if (IsBounded(bounds)) row.misses.push_back(row.accuracy_problem);
    return;
  }
  AccuracyTally tally;
  for (int set = 0; set < inputs.count(); ++set) {
    const Outputs outputs = evaluator.Evaluate(inputs.Get(set, evaluator.signature()));
    try {
      tally.Add(outputs, reference[static_cast<size_t>(set)]);
    } catch (const Error& error) {
      row.accuracy_problem = error.what();
      if (IsBounded(bounds)) row.misses.push_back(row.accuracy_problem);
      return;
    }
  }
  row.accuracy = tally.Summarise();
  row.misses = Misses(*row.accuracy, bounds);
}

// Fills in the rows' devices and accuracy. Every target is compiled, and refused if need be, before the first
// inference.
void CheckTargets(const Registry& registry, const std::vector<Entrant>& entrants,
                  const std::optional<Target>& reference, const ModelBundle& models, const CompareOptions& options,
                  const InputSets& inputs, std::vector<CompareRow>& rows) {
  std::vector<std::unique_ptr<Evaluator>> evaluators;
  for (size_t i = 0; i < entrants.size(); ++i) {
    const Entrant& entrant = entrants[i];
    evaluators.push_back(std::make_unique<Evaluator>(registry, entrant.target, *entrant.artifact, entrant.options));
    rows[i].info = evaluators[i]->info();
  }
  if (!reference) return;
  const std::vector<Outputs> expected = ReferenceOutputs(registry, *reference, models, options, inputs);
  for (size_t i = 0; i < entrants.size(); ++i) JudgeAccuracy(rows[i], *evaluators[i], expected, inputs, options.bounds);
}

std::vector<CompareRow> MakeRows(const std::vector<Target>& targets, const ModelBundle& models) {
  std::vector<CompareRow> rows;
  std::map<std::string, int> seen;
  for (const Target& target : targets) {
    const Artifact& artifact = models.ArtifactFor(target);
    CompareRow row{.target = target, .label = target.ToString(), .model = artifact.name()};
    row.fingerprint = artifact.fingerprint();
    row.precision = DescribePrecision(target, artifact);
    const int number = ++seen[row.label];
    if (std::count(targets.begin(), targets.end(), target) > 1) row.label += fmt::format(" ({})", number);
    rows.push_back(std::move(row));
  }
  return rows;
}

// All cores that any target computes on; empty (those of the process) when one of the devices is none of them.
CoreSet WatchedCores(const std::vector<CompareRow>& rows) {
  std::vector<int> all;
  for (const CompareRow& row : rows) {
    if (row.info.cores.empty()) return CoreSet();
    all.insert(all.end(), row.info.cores.cores().begin(), row.info.cores.cores().end());
  }
  return CoreSet(std::move(all));
}

PairedOptions MakePairedOptions(const CompareOptions& options) {
  return {.time_ns = static_cast<TimeNs>(options.time_s * 1e9), .loads = options.loads, .seed = options.seed};
}

CompareReport Measure(const Registry& registry, const std::vector<Entrant>& entrants, std::vector<CompareRow> rows,
                      const CompareOptions& options, const InputSets& inputs) {
  CompareReport report{.environment = ReadEnvironment(), .loads = options.loads, .seed = options.seed};
  const InputSource source = [&inputs](const Signature& signature) { return inputs.Get(0, signature); };
  NoiseGate gate(WatchedCores(rows));
  SubjectLoader loader(registry, entrants, source);
  report.paired = ComparePaired(
      gate, [&](int) { return loader.Load(gate); }, MakePairedOptions(options));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].measured = std::move(report.paired.sides[i]);
    rows[i].threads = loader.subjects()[i]->threads();
    rows[i].placement = loader.subjects()[i]->placement();
    rows[i].emulation = loader.EmulationOf(i);
    rows[i].precision = DescribePrecision(entrants[i].target, *entrants[i].artifact, rows[i].emulation);
  }
  report.rows = std::move(rows);
  report.isolated = options.isolated;
  report.denormals_flushed = options.compile.flush_denormals;
  report.probe_ns = gate.probe_ns();
  report.blind_spot = gate.blind_spot();
  return report;
}

ExitCode RunCompare(const CompareOptions& options) {
  CheckUsage(options);
  const Registry registry = RegistryFor(options, options, options.emulation);
  const std::vector<Target> targets = ResolveEach(registry, options);
  const std::optional<Target> reference = ResolveReference(registry, options);
  if (reference) CheckReferenceModel(options, *reference);
  const ModelBundle models = LoadModels(options, targets);
  const InputSets inputs(options, options.input_sets);
  std::vector<Entrant> entrants;
  for (const Target& target : targets) {
    entrants.push_back({target, &models.ArtifactFor(target), {options.compile, options.open(), options.strict}});
  }
  std::vector<CompareRow> rows = MakeRows(targets, models);
  CheckTargets(registry, entrants, reference, models, options, inputs, rows);
  CompareReport report = Measure(registry, entrants, std::move(rows), options, inputs);
  if (reference) {
    report.reference = reference->ToString();
    report.inputs = fmt::format("{} {}input{}", inputs.count(), options.inputs.empty() ? "seeded " : "",
                                inputs.count() == 1 ? "" : "s");
  }
  PrintCompareReport(report, options.format);
  if (options.report.asked()) WriteReports(CompareDocument(report), options.report);
  return ConcludeCompare(report);
}

}  // namespace

ExitCode ConcludeCompare(const CompareReport& report) {
  std::fflush(stdout);
  bool missed = false;
  for (const CompareRow& row : report.rows) {
    for (const std::string& miss : row.misses) {
      fmt::print(stderr, "consort: {}: {}\n", row.label, miss);
      missed = true;
    }
  }
  bool overrun = false;
  for (const CompareRow& row : report.rows) {
    if (row.overrun().empty()) continue;
    fmt::print(stderr, "consort: {}: {}\n", row.label, row.overrun());
    overrun = true;
  }
  if (!report.paired.unstable.empty()) fmt::print(stderr, "consort: unstable: {}\n", report.paired.unstable);
  if (missed) return ExitCode::kAccuracyMissed;
  return report.paired.unstable.empty() && !overrun ? ExitCode::kDone : ExitCode::kUnstable;
}

Command AddCompareCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("compare", kDescription);
  app->footer(kFooter);
  const auto options = std::make_shared<CompareOptions>();
  AddCompareOptions(app, *options);
  app->get_option("--model")->required();
  return {app, [options] {
            CheckPlanningUsage(options->planning);
            options->emulation.jitter_seed = options->seed;
            return options->planning.any() ? RunComparePlans(*options) : RunCompare(*options);
          }};
}

}  // namespace consort
