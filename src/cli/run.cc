// consort run: one model, the same inputs, on one target or several.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/clock_thread.h"
#include "base/thread.h"
#include "cli/command.h"
#include "cli/report_run.h"
#include "cli/run_calls.h"
#include "cli/run_inputs.h"
#include "cli/run_options.h"
#include "cli/run_outputs.h"
#include "cli/run_plan.h"
#include "cli/run_report.h"
#include "cli/shard_quantizer.h"
#include "consort/registry.h"
#include "emulate/virtual_clock.h"
#include "io/element.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Runs a model on one target or several and says where every op ran. Several targets get the same inputs; their "
    "outputs are compared with those of the first. With --plan the model's stages run on the targets of a plan, many "
    "samples at once.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort run -m net.onnx\n"
    "  consort run -m net.onnx -i x=x.npy -o out --expect y=y.npy\n"
    "  consort run -m det.onnx -i page.jpg --shape x:1x3x640x640 --color bgr \\\n"
    "      --mean 123.675,116.28,103.53 --scale 0.0171248,0.017507,0.0174292 \\\n"
    "      -d cpu@onnxruntime,cpu@openvino --strict\n"
    "  consort run -m vad.onnx -i input=speech.npy --sequence input \\\n"
    "      --state state=stateN\n"
    "  consort run -m net.onnx --plan plan.json -n 1000 --clock virtual\n"
    "  consort run -m net.onnx --plan plan.json -n 1000 --watch --trace t.json";

void CheckUsage(const CLI::App& app, const RunOptions& options) {
  CheckPlanRunUsage(app, options);
  if (!options.sequences.empty() && options.iterations > 1) {
    throw UsageError("--iterations and --sequence exclude each other: a sequence has one call per step");
  }
  if (options.tolerance && options.expected.empty() && (options.targets.size() < 2 || options.planning.any())) {
    throw UsageError("--tolerance needs --expect or a second target to compare with");
  }
  CheckModels(options);
}

// Opens the target's device and compiles the model for it.
TargetReport Prepare(const Registry& registry, const Target& target, const ModelBundle& models,
                     const RunOptions& options) {
  const Artifact& artifact = models.ArtifactFor(target);
  const std::shared_ptr<Device> device = registry.Open(target, options.open());
  TargetReport report{
      .target = target, .info = device->info(), .model = artifact.name(), .fingerprint = artifact.fingerprint()};
  report.threads = options.compile.threads > 0 ? options.compile.threads : std::max(1, report.info.cores.size());
  CompileOptions compile = options.compile;
  if (options.timeout_s) compile.execution = Execution::kWorker;
  compile.prove_placement = options.strict || options.placement != PlacementDetail::kNone;
  report.executable = device->Compile(artifact, compile);
  if (const Emulated* emulated = AsEmulated(*report.executable)) report.emulation = emulated->emulation();
  report.precision = DescribePrecision(target, artifact, report.emulation);
  if (options.strict) {
    try {
      RequireStrict(report.executable->placement());
    } catch (const Error& error) {
      throw Error(error.code(), target.ToString() + ": " + error.what());
    }
  }
  return report;
}

bool HasNoNumbers(const TargetReport& report) { return report.emulation && !report.emulation->exact; }

// Compares with the first target's output of the same name, or with its only output when both have one.
void JudgeAgainstFirst(TargetReport& report, const TargetReport& first, const RunOptions& options) {
  const std::optional<double> tolerance = options.expected.empty() ? options.tolerance : std::nullopt;
  if (HasNoNumbers(report) || HasNoNumbers(first)) {
    for (OutputReport& output : report.outputs) {
      output.against_first = {std::nullopt, "one of the two has no numbers (@null)", tolerance};
    }
    return;
  }
  for (OutputReport& output : report.outputs) {
    int reference = first.executable->signature().FindOutput(output.port.name);
    if (report.outputs.size() == 1 && first.outputs.size() == 1) reference = 0;
    output.against_first = reference >= 0 ? Judge(output.tensor, first.outputs[reference].tensor, tolerance)
                                          : Verdict{std::nullopt, "the first target has no such output", tolerance};
  }
}

// An output, as real numbers where that is asked for and it stands for some.
OutputReport OutputOf(Port port, Buffer tensor, bool dequantize) {
  if (!dequantize || port.spec.quantization.empty()) return {std::move(port), std::move(tensor)};
  Buffer real = Buffer::Allocate({DataType::kFloat32, tensor.spec().shape, tensor.spec().layout});
  SetFromDoubles(ToRealValues(tensor), real);
  port.spec.dtype = DataType::kFloat32;
  port.spec.quantization = {};
  return {std::move(port), std::move(real)};
}

void Execute(TargetReport& report, const RunOptions& options) {
  // Calls on this thread are confined one by one; held over all of them, the thread is never let go in between.
  const bool on_this_thread = !options.isolated && !options.timeout_s;
  const ThreadScope scope(on_this_thread ? report.info.cores : CoreSet(), options.compile.flush_denormals);
  CallResults results = RunCalls(*report.executable, report.inputs, options, report.target.ToString());
  report.calls = results.calls;
  if (const Emulated* emulated = AsEmulated(*report.executable)) report.emulation = emulated->emulation();
  for (size_t port = 0; port < results.outputs.size(); ++port) {
    report.outputs.push_back(OutputOf(report.executable->signature().outputs[port], std::move(results.outputs[port]),
                                      options.dequantize));
  }
}

bool AllPassed(const std::vector<TargetReport>& reports) {
  return std::all_of(reports.begin(), reports.end(),
                     [](const TargetReport& report) { return Passed(report.outputs); });
}

// One folder for each target where there are several.
std::filesystem::path FolderOf(const TargetReport& report, const RunOptions& options, bool several) {
  return several ? options.output_folder / FileName(report.target.ToString()) : options.output_folder;
}

ExitCode RunWith(const RunOptions& options) {
  const Registry registry = RegistryFor(options, options, options.emulation);
  const std::vector<Target> targets = ResolveTargets(registry, options);
  const ModelBundle models = LoadModels(options, targets);
  const RunInputs inputs(options);
  std::vector<TargetReport> reports;
  for (const Target& target : targets) reports.push_back(Prepare(registry, target, models, options));
  const std::vector<Expected> expected = ReadExpected(options, reports.front().executable->signature());
  for (TargetReport& report : reports) report.inputs = inputs.For(report.executable->signature());
  for (TargetReport& report : reports) {
    Execute(report, options);
    JudgeExpected(report.outputs, expected, options);
    if (&report != &reports.front()) JudgeAgainstFirst(report, reports.front(), options);
    if (!options.output_folder.empty()) WriteOutputs(report.outputs, FolderOf(report, options, reports.size() > 1));
  }
  PrintRunReport(reports, options);
  if (options.report.asked()) WriteReports(RunDocument(reports), options.report);
  if (AllPassed(reports)) return ExitCode::kDone;
  std::fflush(stdout);
  fmt::print(stderr, "consort: an output differs by more than the tolerance\n");
  return ExitCode::kAccuracyMissed;
}

// What is made on the way ends before the clock does.
ExitCode RunRun(const CLI::App& app, RunOptions& options) {
  CheckUsage(app, options);
  if (options.targets.empty() && !options.planning.any()) options.targets = DefaultTargetsFor(options);
  options.emulation.jitter_seed = options.seed;
  const auto run = [&options] { return options.planning.any() ? RunPlan(options) : RunWith(options); };
  if (options.clock_kind == ClockKind::kReal) return run();
  VirtualClock clock;
  const ClockMember member(clock, "consort run");
  options.clock = &clock;
  return run();
}

}  // namespace

Command AddRunCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", kDescription);
  app->footer(kFooter);
  const auto options = std::make_shared<RunOptions>();
  AddRunOptions(app, *options);
  app->get_option("--model")->required();
  return {app, [app, options] { return RunRun(*app, *options); }};
}

}  // namespace consort
