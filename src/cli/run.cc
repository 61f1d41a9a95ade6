// consort run: one model, the same inputs, on one target or several.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "base/clock_thread.h"
#include "base/strings.h"
#include "base/thread.h"
#include "cli/command.h"
#include "cli/run_calls.h"
#include "cli/run_inputs.h"
#include "cli/run_options.h"
#include "cli/run_report.h"
#include "consort/registry.h"
#include "emulate/virtual_clock.h"
#include "io/npy.h"
#include "io/tensor_file.h"

namespace consort {
namespace {

constexpr double kDefaultTolerance = 1e-5;

constexpr char kDescription[] =
    "Runs a model on one target or several and says where every op ran. Several targets get the same inputs; their "
    "outputs are compared with those of the first.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort run -m net.onnx\n"
    "  consort run -m net.onnx -i x=x.npy -o out --expect y=y.npy\n"
    "  consort run -m det.onnx -i page.jpg --shape x:1x3x640x640 --color bgr \\\n"
    "      --mean 123.675,116.28,103.53 --scale 0.0171248,0.017507,0.0174292 \\\n"
    "      -d cpu@onnxruntime,cpu@openvino --strict\n"
    "  consort run -m vad.onnx -i input=speech.npy --sequence input \\\n"
    "      --state state=stateN";

void CheckUsage(const RunOptions& options) {
  if (!options.sequences.empty() && options.iterations > 1) {
    throw UsageError("--iterations and --sequence exclude each other: a sequence has one call per step");
  }
  if (options.tolerance && options.expected.empty() && options.targets.size() < 2) {
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

// An expected output and the file that holds it.
struct Expected {
  NamedTensor output;
  std::string file;
};

// The name of the output that a tensor of a file is for: as the option says, the only one, or as the file says.
std::string ExpectedName(const NamedFile& file, const NamedTensor& tensor, size_t tensors, const Signature& signature) {
  if (!file.name.empty()) return file.name;
  if (tensors == 1 && signature.outputs.size() == 1) return signature.outputs.front().name;
  if (!tensor.name.empty()) return tensor.name;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{0}: which output is it for? Give it as NAME={0}", file.path.string()));
}

std::vector<Expected> ReadExpected(const RunOptions& options, const Signature& signature) {
  std::vector<Expected> expected;
  for (const NamedFile& file : options.expected) {
    std::vector<NamedTensor> tensors = ReadTensors(file.path);
    if (!file.name.empty() && tensors.size() != 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: holds {} tensors where one is needed", file.path.string(), tensors.size()));
    }
    for (NamedTensor& tensor : tensors) {
      tensor.name = ExpectedName(file, tensor, tensors.size(), signature);
      RequirePort(signature.outputs, tensor.name, "output");
      expected.push_back({std::move(tensor), file.path.string()});
    }
  }
  return expected;
}

Verdict Judge(const Buffer& value, const Buffer& reference, std::optional<double> tolerance) {
  try {
    return {Compare(value, reference), "", tolerance};
  } catch (const Error& error) {
    return {std::nullopt, error.what(), tolerance};
  }
}

void JudgeExpected(TargetReport& report, const std::vector<Expected>& expected, const RunOptions& options) {
  for (const Expected& one : expected) {
    const int port = RequirePort(report.executable->signature().outputs, one.output.name, "output");
    OutputReport& output = report.outputs[port];
    output.expected = Judge(output.tensor, one.output.tensor, options.tolerance.value_or(kDefaultTolerance));
    if (output.expected->comparison) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: output '{}': {}", one.file, one.output.name, output.expected->problem));
  }
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

// A port or target name as one component of a path.
std::string FileName(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return name.empty() || name.front() == '.' ? "_" + name : name;
}

void WriteOutputs(TargetReport& report, const RunOptions& options, bool several) {
  std::filesystem::path folder = options.output_folder;
  if (several) folder /= FileName(report.target.ToString());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", folder.string(), error.message()));
  std::set<std::string> names;
  for (OutputReport& output : report.outputs) {
    const std::string name = FileName(output.port.name) + ".npy";
    if (!names.insert(name).second) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("two outputs would be written to {}; one of them is '{}'",
                                                           (folder / name).string(), output.port.name));
    }
    const std::filesystem::path path = folder / name;
    WriteNpy(path, output.tensor);
    output.file = path.string();
  }
}

void Execute(TargetReport& report, const RunOptions& options) {
  // Calls on this thread are confined one by one; held over all of them, the thread is never let go in between.
  const bool on_this_thread = !options.isolated && !options.timeout_s;
  const ThreadScope scope(on_this_thread ? report.info.cores : CoreSet(), options.compile.flush_denormals);
  CallResults results = RunCalls(*report.executable, report.inputs, options, report.target.ToString());
  report.calls = results.calls;
  if (const Emulated* emulated = AsEmulated(*report.executable)) report.emulation = emulated->emulation();
  for (size_t port = 0; port < results.outputs.size(); ++port) {
    report.outputs.push_back({report.executable->signature().outputs[port], std::move(results.outputs[port])});
  }
}

bool Passed(const std::vector<TargetReport>& reports) {
  const auto missed = [](const std::optional<Verdict>& verdict) { return verdict && !verdict->passed(); };
  return std::none_of(reports.begin(), reports.end(), [&](const TargetReport& report) {
    return std::any_of(report.outputs.begin(), report.outputs.end(), [&](const OutputReport& output) {
      return missed(output.expected) || missed(output.against_first);
    });
  });
}

ExitCode RunWith(const RunOptions& options) {
  const Registry registry = MakeBuiltinRegistry(options.emulation);
  const std::vector<Target> targets = ResolveTargets(registry, options);
  const ModelBundle models = LoadModels(options, targets);
  const RunInputs inputs(options);
  std::vector<TargetReport> reports;
  for (const Target& target : targets) reports.push_back(Prepare(registry, target, models, options));
  const std::vector<Expected> expected = ReadExpected(options, reports.front().executable->signature());
  for (TargetReport& report : reports) report.inputs = inputs.For(report.executable->signature());
  for (TargetReport& report : reports) {
    Execute(report, options);
    JudgeExpected(report, expected, options);
    if (&report != &reports.front()) JudgeAgainstFirst(report, reports.front(), options);
    if (!options.output_folder.empty()) WriteOutputs(report, options, reports.size() > 1);
  }
  PrintRunReport(reports, options);
  if (Passed(reports)) return ExitCode::kDone;
  std::fflush(stdout);
  fmt::print(stderr, "consort: an output differs by more than the tolerance\n");
  return ExitCode::kAccuracyMissed;
}

// What is made on the way ends before the clock does.
ExitCode RunRun(RunOptions& options) {
  CheckUsage(options);
  options.emulation.jitter_seed = options.seed;
  if (options.clock_kind == ClockKind::kReal) return RunWith(options);
  VirtualClock clock;
  const ClockMember member(clock, "consort run");
  options.clock = &clock;
  return RunWith(options);
}

}  // namespace

Command AddRunCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", kDescription);
  app->footer(kFooter);
  const auto options = std::make_shared<RunOptions>();
  AddRunOptions(app, *options);
  app->get_option("--model")->required();
  return {app, [options] {
            if (options->targets.empty()) options->targets = ParseTargets("cpu");
            return RunRun(*options);
          }};
}

}  // namespace consort
