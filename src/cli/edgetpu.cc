// `consort edgetpu`: from a float model to what runs on an Edge TPU, and the rest, in one folder.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "bench/subject.h"
#include "cli/command.h"
#include "cli/edgetpu_check.h"
#include "cli/edgetpu_options.h"
#include "cli/edgetpu_report.h"
#include "cli/progress.h"
#include "cli/quantize_samples.h"
#include "consort/registry.h"
#include "edgetpu/bound.h"
#include "edgetpu/listed_operators.h"
#include "tflite/parse.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Takes a float ONNX model the whole way to an Edge TPU, as far as this machine can: what cannot run there is named and "
    "cut off, what can is calibrated and becomes a full-integer TensorFlow Lite model, Coral's compiler is run where it "
    "is installed, and the parts go into one folder with their numbers.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort edgetpu net.onnx -o bundle --calibration photos/ --mean 127.5 \\\n"
    "    --scale 0.00784\n"
    "  consort edgetpu shard-1.onnx -o bundle --calibration samples.npz --no-cut\n"
    "  consort edgetpu net.onnx -o bundle --shape 1x3x224x224 --precision uint8\n"
    "  consort edgetpu net.onnx -o bundle --calibration s.npz --min-sqnr 25\n"
    "  consort edgetpu net.onnx -o bundle --compiler ~/bin/edgetpu_compiler\n"
    "\n"
    "The folder gets edgetpu.tflite; edgetpu_compiled.tflite where the compiler made\n"
    "one; rest.onnx where something is left; bundle.json. Without a compiler nothing\n"
    "is compiled, which is said and no error. Exit code 4 where nothing of the model\n"
    "can run on the Edge TPU, with --no-cut where something cannot, and where the\n"
    "compiler fails; exit code 5 where no cut holds --min-sqnr or --max-accuracy-drop.";

class Pipeline {
 public:
  explicit Pipeline(const EdgeTpuArguments& arguments)
      : arguments_(arguments),
        compiler_(arguments.no_compile ? std::filesystem::path() : FindEdgeTpuCompiler(arguments.compiler)),
        source_(Load(arguments)),
        samples_(arguments.quantize, SignatureOf(model().graph())) {}

  // Without files where a bound is missed.
  EdgeTpuReport Run() {
    CheckBundleFolder(arguments_.folder, arguments_.quantize.model, arguments_.force);
    Describe();
    const std::optional<EdgeTpuConversion> converted = Convert();
    if (!converted) return std::move(report_);
    const EdgeTpuConversion& conversion = *converted;
    if (samples_.random())
      fmt::print(stderr, "consort: calibrated on random data: give --calibration for a model that is to be used\n");
    report_.preflight = conversion.preflight;
    report_.inputs = conversion.file.inputs;
    report_.crossing = conversion.Crossing();
    report_.outputs = conversion.NotCrossing();
    report_.audit = tflite::Audit(tflite::ParseContents(conversion.file.bytes, std::string(kHeadName)));
    report_.unlisted = UnlistedOperators(report_.audit);
    report_.estimate = EstimateOnEdgeTpu(conversion.head, arguments_.platform);
    Compile(conversion.file.bytes);
    if (!arguments_.no_check && !report_.check) Check(conversion);
    report_.files = WriteBundle({.model = model(),
                                 .conversion = conversion,
                                 .audit = report_.audit,
                                 .compilation = report_.compilation ? &*report_.compilation : nullptr,
                                 .not_compiled = report_.not_compiled},
                                arguments_.folder);
    return std::move(report_);
  }

 private:
  static Artifact Load(const EdgeTpuArguments& arguments) {
    const ModelOptions& loading = arguments.quantize.loading;
    return LoadArtifact(arguments.quantize.model, {.shapes = loading.shapes, .dims = loading.dims});
  }
  const Model& model() const { return source_.model(); }

  void Describe() {
    report_.source = model().name();
    report_.fingerprint = model().fingerprint();
    report_.folder = arguments_.folder;
    report_.calibrated_on = samples_.DescribeCalibration();
    report_.samples = samples_.count();
  }

  // Nothing where no cut holds the bound; the report then has the best that was reached.
  std::optional<EdgeTpuConversion> Convert() {
    if (!arguments_.quantize.bounded())
      return ConvertForEdgeTpu(model(), samples_.Calibration(), compile_, Options());
    std::optional<EdgeTpuCheckReport> best, held;
    int64_t held_macs = -1;
    const auto holds = [&](const EdgeTpuConversion& tried) {
      Check(tried);
      if (!best || report_.check->accuracy.sqnr_db > best->accuracy.sqnr_db) best = report_.check;
      if (!Holds(report_.check->accuracy, arguments_.quantize)) return false;
      if (tried.preflight.head_macs > held_macs) {
        held = report_.check;
        held_macs = tried.preflight.head_macs;
      }
      return true;
    };
    BoundedConversion within =
        ConvertWithin(model(), samples_.Calibration(), samples_.Validation(), compile_, Options(), holds);
    report_.check = within.conversion ? held : best;
    report_.bound = EdgeTpuBoundReport{BoundText(arguments_.quantize), std::move(within.moved), within.tries};
    return std::move(within.conversion);
  }

  EdgeTpuConversionOptions Options() const {
    return {.ranges = arguments_.quantize.ranges(),
            .weights = arguments_.quantize.qdq().weights,
            .ports = arguments_.ports,
            .cut = !arguments_.no_cut,
            .say = [this](const std::string& text) { progress_.Say(text); }};
  }

  void Compile(const std::string& tflite) {
    if (arguments_.no_compile) {
      report_.not_compiled = "left out (--no-compile)";
    } else if (compiler_.empty()) {
      report_.not_compiled = fmt::format("{} is not installed ({})", kEdgeTpuCompiler, kEdgeTpuCompilerPackage);
    } else {
      progress_.Say("compiling");
      report_.compilation = CompileForEdgeTpu(
          tflite, {.program = compiler_, .timeout_ns = std::llround(1e9 * arguments_.compiler_timeout_s)});
      if (!report_.compilation->compiled)
        report_.not_compiled = fmt::format("{}: {}", compiler_.string(), report_.compilation->why_not);
    }
  }

  void Check(const EdgeTpuConversion& conversion) {
    progress_.Say("comparing with the float model");
    report_.check = EdgeTpuCheckReport{
        .accuracy = CheckEdgeTpuParts(registry_, model(), conversion, samples_.Validation()),
        .samples = samples_.DescribeValidation()};
  }

  const EdgeTpuArguments& arguments_;
  const std::filesystem::path compiler_;
  const Registry registry_ = MakeBuiltinRegistry();
  const Artifact source_;
  const QuantizeSamples samples_;
  const CompileModel compile_ = CompileOnCpu(registry_);
  const Progress progress_;
  EdgeTpuReport report_;
};

ExitCode RunEdgeTpu(const EdgeTpuArguments& arguments) {
  CheckEdgeTpuArguments(arguments);
  const EdgeTpuReport report = Pipeline(arguments).Run();
  if (report.files.empty()) {
    const Accuracy& reached = report.check->accuracy;
    fmt::print(stderr,
               "consort: {} cannot be had: the best of {} cuts reached {:.1f} dB{}; nothing was written. Run it on "
               "another device, or keep layers in float there: 'consort quantize'\n",
               report.bound->bound, report.bound->tries, reached.sqnr_db,
               reached.top1 ? fmt::format(", top-1 as in float in {:.1f} %", 100 * *reached.top1) : "");
    return ExitCode::kAccuracyMissed;
  }
  fmt::print("{}", arguments.quantize.format == OutputFormat::kJson ? EdgeTpuJson(report) : EdgeTpuTables(report));
  if (!report.compilation || report.compilation->compiled) return ExitCode::kDone;
  std::fflush(stdout);
  fmt::print(stderr, "consort: not compiled: {}\n", report.not_compiled);
  return ExitCode::kPlacementRefused;
}

}  // namespace

Command AddEdgeTpuCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("edgetpu", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<EdgeTpuArguments>();
  AddEdgeTpuOptions(app, *arguments);
  return {app, [arguments] { return RunEdgeTpu(*arguments); }};
}

}  // namespace consort
