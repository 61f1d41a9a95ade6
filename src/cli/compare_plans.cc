#include "cli/compare_plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "bench/plan_check.h"
#include "base/strings.h"
#include "cli/emulation_report.h"
#include "cli/input_sets.h"
#include "cli/plan_rules.h"
#include "cli/report_compare.h"
#include "plan/drawing.h"
#include "tune/session_timer.h"

namespace consort {
namespace {

class PlanComparison {
 public:
  explicit PlanComparison(const CompareOptions& options)
      : options_(options),
        planned_(options, options, options, options.planning, Objective::kThroughput),
        model_(planned_.model()),
        inputs_(options, options.input_sets) {
    ModelArguments targets = options;
    if (targets.targets.empty()) targets.targets = {Target::Parse("cpu")};
    for (const Target& target : ResolveTargets(planned_.registry(), targets)) AddTarget(target);
    AddPlan();
  }

  CompareReport Run() {
    for (const Plan& plan : plans_) {
      if (options_.strict) RequireStrictPlan(planned_, plan, Preparing());
    }
    if (!options_.reference || options_.reference->wanted) JudgeAll();
    CompareReport report{.environment = ReadEnvironment(),
                         .loads = options_.loads,
                         .seed = options_.seed,
                         .isolated = options_.isolated,
                         .denormals_flushed = options_.compile.flush_denormals};
    if (planned_.plan().objective != Objective::kLatency)
      report.times = "between results, with as many samples under way as keep every replica busy";
    Measure(report);
    if (!reference_.empty()) {
      report.reference = reference_;
      report.inputs = fmt::format("{} {}input{}", inputs_.count(), options_.inputs.empty() ? "seeded " : "",
                                  inputs_.count() == 1 ? "" : "s");
    }
    return report;
  }

  // PlannedModel::Conclude.
  ExitCode Conclude(ExitCode code) const { return planned_.Conclude(code); }

 private:
  void AddTarget(const Target& target) {
    const Plan& plan = planned_.plan();
    plans_.push_back(SinglePlan(model_.graph(), target, options_.compile.threads, plan.batch, plan.objective));
    CompareRow row{.target = target, .label = target.ToString()};
    row.info = planned_.registry().Open(target, options_.open())->info();
    row.threads = options_.compile.threads > 0 ? options_.compile.threads : std::max(1, row.info.cores.size());
    Add(std::move(row));
  }

  void AddPlan() {
    plans_.push_back(planned_.plan());
    CompareRow row{.label = planned_.Describe()};
    row.info.name = row.info.engine = fmt::format("a {}", ToString(planned_.plan().strategy));
    row.word = WordFor(TargetsOf(planned_.plan()), Provenance::kEmulated);
    if (row.word != ToString(Provenance::kMeasured)) row.info.provenance = Provenance::kEmulated;
    Add(std::move(row));
  }

  void Add(CompareRow row) {
    row.model = model_.name();
    row.fingerprint = model_.fingerprint();
    rows_.push_back(std::move(row));
  }

  PrepareOptions Preparing() const { return {.open = options_.open(), .compile = options_.compile}; }

  void JudgeAll() {
    for (size_t i = 0; i < plans_.size(); ++i) {
      const bool is_plan = i + 1 == plans_.size();  // targets keep the bounds that were asked for, and no other
      const AccuracyBounds bounds = is_plan ? BoundsOf(options_.bounds) : options_.bounds;
      const PlanCheckOptions check =
          CheckOptionsOf(inputs_, SignatureOf(model_.graph()), options_.reference, bounds, Preparing());
      PlanAccuracy accuracy = CheckPlan(planned_.registry(), plans_[i], planned_.model_at(), check);
      HoldToBounds(accuracy, options_.bounds);
      reference_ = accuracy.reference;
      rows_[i].accuracy = accuracy.whole;
      rows_[i].accuracy_problem = accuracy.problem;
      rows_[i].misses = std::move(accuracy.misses);
      if (!accuracy.blame.empty()) rows_[i].misses.push_back(accuracy.blame);
    }
  }

  void Measure(CompareReport& report) {
    const PrepareOptions preparing = Preparing();
    const InputSource source = [this](const Signature& signature) { return inputs_.Get(0, signature); };
    PlanLoader loader(planned_.registry(), model_.graph(), planned_.model_at(), preparing, source);
    NoiseGate gate(CoreSet(), LimitsFor(planned_.plan().objective));
    report.paired = ComparePaired(
        gate,
        [&](int) {
          CountCalls(loader);
          return loader.Load(plans_, gate);
        },
        {.time_ns = static_cast<TimeNs>(options_.time_s * 1e9),
         .loads = options_.loads,
         .block_ns = BlockLengthNs(planned_.plan().objective),
         .seed = options_.seed});
    for (size_t i = 0; i < rows_.size(); ++i) {
      rows_[i].measured = std::move(report.paired.sides[i]);
      rows_[i].placement = loader.subjects()[i]->placement();
    }
    CountCalls(loader);
    for (size_t i = 0; i < rows_.size(); ++i) DescribePrecisions(plans_[i], rows_[i]);
    report.rows = std::move(rows_);
    report.probe_ns = gate.probe_ns();
    report.blind_spot = gate.blind_spot();
  }

  // Adds the calls of the load that ends.
  void CountCalls(const PlanLoader& loader) {
    for (size_t i = 0; i < loader.subjects().size(); ++i)
      AddCalls(rows_[i].emulations, loader.subjects()[i]->Emulation());
  }

  // Each once: those of real targets, then those that emulated ones are modelled with.
  void DescribePrecisions(const Plan& plan, CompareRow& row) const {
    const Artifact artifact(model_);
    std::set<std::string> real, emulated;
    for (const Target& target : TargetsOf(plan)) {
      if (!IsEmulated(target)) real.insert(DescribePrecision(target, artifact));
    }
    for (const EmulationReport& report : row.emulations)
      emulated.insert(DescribePrecision(row.target, artifact, report));
    std::vector<std::string> words(real.begin(), real.end());
    words.insert(words.end(), emulated.begin(), emulated.end());
    row.precision = Join(words, " and ");
    if (!row.target.device.empty() && !row.emulations.empty()) row.emulation = row.emulations.front();
  }

  const CompareOptions& options_;
  PlannedModel planned_;
  const Model model_;
  const InputSets inputs_;
  std::vector<Plan> plans_;
  std::vector<CompareRow> rows_;
  std::string reference_;
};

}  // namespace

ExitCode RunComparePlans(const CompareOptions& options) {
  CheckModelsOfPlan(options);
  CheckBoundsUsage(options.reference, options.bounds);
  PlanComparison comparison(options);
  const CompareReport report = comparison.Run();
  PrintCompareReport(report, options.format);
  if (options.report.asked()) WriteReports(CompareDocument(report), options.report);
  return comparison.Conclude(ConcludeCompare(report));
}

}  // namespace consort
