// `consort quantize`: a float model becomes one in fewer bits, and what that did to its numbers is measured.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <regex>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "bench/subject.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/quantize_options.h"
#include "cli/quantize_report.h"
#include "cli/quantize_samples.h"
#include "model/model_rep.h"
#include "quantize/calibrate.h"
#include "quantize/float_layers.h"
#include "quantize/half_precision.h"
#include "quantize/prepare.h"
#include "quantize/smooth.h"
#include "tflite/write_tflite.h"

namespace consort {
namespace {

constexpr char kDescription[] =
    "Turns a float ONNX model into one of 8 bits (QuantizeLinear and DequantizeLinear around every operator that has "
    "an integer form, scales from calibration samples) or of 16, and says what that did to each layer and to the outputs.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort quantize net.onnx -o net-int8.onnx --calibration samples.npz\n"
    "  consort quantize net.onnx -o net-int8.onnx --calibration photos/ \\\n"
    "    --mean 123.7,116.3,103.5 --scale 0.0171,0.0175,0.0174\n"
    "  consort quantize net.onnx -o q.onnx --calibration x=x.npy --method mse\n"
    "  consort quantize net.onnx -o q.onnx --calibration s.npz --min-sqnr 25\n"
    "  consort quantize net.onnx -o q.onnx --keep-float '^head/' --sensitivity\n"
    "  consort quantize net.onnx -o half.onnx --precision fp16\n"
    "  consort quantize net.onnx -o net.tflite --calibration samples.npz\n"
    "\n"
    "-o FILE.tflite writes what 'consort convert' makes of the 8-bit model: int8 inside\n"
    "and at its edges, images as NHWC. In ONNX files inputs and outputs stay float32.\n"
    "Figures are computed on cpu@onnxruntime, of the ONNX model. bf16 rounds the\n"
    "weights and computes in fp32: ONNX Runtime's CPU has no bf16 kernels. The target\n"
    "cpu@openvino/bf16 computes in bf16 what a float model holds.";

// Ops that are out of scope, whose name, or a tensor that they make, matches. Throws where an expression matches none.
std::set<OpId> OpsInFloat(const Graph& graph, const QuantizeArguments& arguments) {
  std::set<OpId> ops = OpsBeyond(graph, arguments.chosen_scope());
  for (const std::string& text : arguments.keep_float) {
    const std::regex expression(text, std::regex::ECMAScript);
    bool matched = false;
    for (OpId id = 0; id < static_cast<OpId>(graph.ops().size()); ++id) {
      const Op& op = graph.op(id);
      const bool by_tensor = std::any_of(op.outputs.begin(), op.outputs.end(), [&](TensorId output) {
        return output != kNone && std::regex_search(graph.tensor(output).name, expression);
      });
      if (!by_tensor && !std::regex_search(op.name, expression)) continue;
      ops.insert(id);
      matched = true;
    }
    if (!matched) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: --keep-float '{}' matches no op; 'consort inspect' lists them", arguments.model,
                              text));
    }
  }
  return ops;
}

// What both ways share: the source, samples, the judge, the file.
class Conversion {
 public:
  explicit Conversion(const QuantizeArguments& arguments)
      : arguments_(arguments),
        source_(LoadArtifact(arguments.model, {.shapes = arguments.loading.shapes, .dims = arguments.loading.dims})),
        samples_(arguments, SignatureOf(source_.model().graph())) {
    report_.source = source_.name();
    report_.fingerprint = source_.fingerprint();
    report_.output = arguments.output;
    report_.target = kQuantizeTarget;
    report_.all_layers = arguments.sensitivity;
    report_.validated_on = samples_.DescribeValidation();
    report_.bytes_before = static_cast<int64_t>(source_.model().Serialize({.inline_external_data = true}).size());
    report_.made.opset_before = kLeastOpset;
  }

 protected:
  const Model& source() const { return source_.model(); }
  Model Named(const onnx::ModelProto& proto) const {
    return ModelOf(proto, arguments_.output.filename().string());
  }
  const OutputJudge& judge() {
    if (!judge_) judge_.emplace(source(), samples_.Validation(), compile_);
    return *judge_;
  }
  void CountOps(const Graph& graph) {
    for (const Op& op : graph.ops()) report_.ops += op.constant ? 0 : 1;
  }
  void CountFloat(const Graph& graph, const std::map<OpId, std::string>& why_float) {
    for (const auto& [id, why] : why_float) ++report_.float_ops[fmt::format("{}: {}", graph.op(id).type, why)];
  }
  // Writes the file unless a bound is missed.
  void Store(const Model& model) {
    const std::string bytes = arguments_.as_tflite() ? WriteTfLite(model).bytes : model.Serialize();
    report_.bytes_after = static_cast<int64_t>(bytes.size());
    report_.written = !report_.bound || report_.bound->met;
    if (report_.written) WriteFile(arguments_.output, bytes);
  }

  const QuantizeArguments& arguments_;
  const Registry registry_ = MakeBuiltinRegistry();
  const Artifact source_;
  const QuantizeSamples samples_;
  const CompileModel compile_ = CompileOnCpu(registry_);
  const Progress progress_;
  std::optional<OutputJudge> judge_;
  QuantizeReport report_;
};

class ByteConversion : public Conversion {
 public:
  explicit ByteConversion(const QuantizeArguments& arguments)
      : Conversion(arguments), prepared_(Prepare()), asked_(OpsInFloat(graph(), arguments)) {}

  QuantizeReport Run() {
    Describe();
    QuantizationPlan plan = PlanQuantization(model(), asked_);
    if (plan.units.empty()) RefuseNothing();
    ReadRanges(plan);
    Model quantized = Write(plan);
    progress_.Say("comparing layers");
    report_.layers =
        MeasureLayers(model(), plan, ranges_, arguments_.qdq(), quantized, samples_.Validation(), compile_);
    progress_.Say("comparing outputs");
    if (arguments_.bounded()) {
      plan = PlanWithin(plan);
      quantized = Write(plan);
    }
    report_.accuracy = judge().Judge(quantized);
    CountOps(graph());
    CountFloat(graph(), plan.why_float);
    for (const Unit& unit : plan.units) report_.quantized_ops += unit.activation == kNone ? 1 : 2;
    AddNotes(plan);
    Store(quantized);
    return std::move(report_);
  }

 private:
  PreparedModel Prepare() {
    PreparedModel prepared = PrepareForQuantization(source());
    const bool products_only = !OpsBeyond(prepared.model.graph(), arguments_.chosen_scope()).empty();
    const double strength = arguments_.smoothing.value_or(kSmoothing);
    if (!products_only || strength == 0) return prepared;
    progress_.Say("smoothing");
    SmoothedModel smoothed = SmoothProducts(prepared.model, samples_.Calibration(), compile_, strength);
    report_.smoothed = smoothed.inputs;
    return {std::move(smoothed.model), prepared.made};
  }

  const Model& model() const { return prepared_.model; }
  const Graph& graph() const { return prepared_.model.graph(); }
  Model Write(const QuantizationPlan& plan) const { return Named(WriteQdq(model(), plan, ranges_, arguments_.qdq())); }

  void Describe() {
    report_.made = prepared_.made;
    report_.scheme = fmt::format("{}, weights int8 per {}, activations {}", ToString(arguments_.precision),
                                 arguments_.per_tensor ? "tensor" : "channel",
                                 arguments_.symmetric_activations ? "symmetric" : "asymmetric");
    const RangeOptions ranges = arguments_.ranges();
    report_.method = ToString(ranges.method);
    if (ranges.method == RangeMethod::kPercentile) report_.method += fmt::format(" {:g}", ranges.percentile);
    report_.calibrated_on = samples_.DescribeCalibration();
    report_.samples = samples_.count();
    if (samples_.random())
      fmt::print(stderr, "consort: calibrated on random data: give --calibration for a model that is to be used\n");
  }

  // Seen with ONNX Runtime's own quantized models, too (docs/quantization.md).
  void AddNotes(const QuantizationPlan& plan) {
    if (arguments_.precision != Precision::kInt8) return;
    report_.notes.push_back("x86 CPUs run --precision uint8 faster (docs/quantization.md)");
    const bool joins = std::any_of(plan.units.begin(), plan.units.end(),
                                   [this](const Unit& unit) { return graph().op(unit.op).type == "Concat"; });
    if (joins) report_.notes.push_back("OpenVINO 2026.4 gets Concat of int8 wrong: for it, --precision uint8");
  }

  [[noreturn]] void RefuseNothing() const {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: nothing of it has an integer form; what stands in bodies of If, Loop and Scan stays "
                            "float",
                            arguments_.model));
  }

  // A plan that keeps more in float may need ranges that this one does not.
  void ReadRanges(const QuantizationPlan& plan) {
    progress_.Say("calibrating");
    const auto tensors = arguments_.bounded() ? plan.AllTensors(graph()) : plan.TensorsToObserve(graph());
    ranges_ = Calibrate(model(), tensors, samples_.Calibration(), compile_, arguments_.ranges());
  }

  // The plan with as many of the worst layers in float as the bound takes; the plan as it is where none is enough.
  QuantizationPlan PlanWithin(const QuantizationPlan& plan) {
    const auto plan_without = [this](std::set<OpId> ops) {
      ops.insert(asked_.begin(), asked_.end());
      return PlanQuantization(model(), ops);
    };
    // Layers that only move values may go with their neighbours.
    const FloatLayers search = KeepWorstInFloat(report_.layers, plan, [&](const std::set<OpId>& ops) {
      const QuantizationPlan tried = plan_without(ops);
      return !tried.units.empty() && Holds(judge().Judge(Write(tried)), arguments_);
    });
    report_.bound = BoundReport{.bound = BoundText(arguments_), .met = search.met, .tries = search.tries};
    const int kept = search.met ? search.kept : 0;
    const std::set<OpId> ops = OpsOfWorst(report_.layers, kept, plan);
    const auto end = report_.layers.begin() + kept;
    for (auto layer = report_.layers.begin(); layer != end; ++layer) report_.bound->layers.push_back(layer->name);
    report_.layers.erase(report_.layers.begin(), end);
    return plan_without(ops);
  }

  const PreparedModel prepared_;
  const std::set<OpId> asked_;  // to stay float
  Ranges ranges_;
};

class HalfConversion : public Conversion {
 public:
  using Conversion::Conversion;

  QuantizeReport Run() {
    const Graph& graph = source().graph();
    const bool fp16 = arguments_.precision == Precision::kFp16;
    const std::set<OpId> asked = OpsInFloat(graph, arguments_);
    const HalfModel half = fp16 ? ConvertToFp16(source(), asked) : RoundWeightsToBf16(source(), asked);
    report_.scheme = fp16 ? "fp16" : "bf16 weights, computed in fp32";
    report_.clamped = half.clamped;
    report_.clamped_in = half.clamped_in;
    report_.quantized_ops = half.half_ops;
    CountOps(graph);
    CountFloat(graph, half.why_float);
    const Model model = Named(half.proto);
    report_.accuracy = judge().Judge(model);
    if (arguments_.bounded()) {
      const bool met = Holds(report_.accuracy, arguments_);
      report_.bound = BoundReport{.bound = BoundText(arguments_), .met = met, .tries = 1};
    }
    Store(model);
    return std::move(report_);
  }
};

ExitCode RunQuantize(const QuantizeArguments& arguments) {
  CheckQuantizeArguments(arguments);
  const QuantizeReport report =
      arguments.in_bytes() ? ByteConversion(arguments).Run() : HalfConversion(arguments).Run();
  fmt::print("{}", arguments.format == OutputFormat::kJson ? QuantizeJson(report) : QuantizeTables(report));
  if (report.written) return ExitCode::kDone;
  std::fflush(stdout);
  fmt::print(stderr, "consort: {} cannot be had: nothing was written\n", report.bound->bound);
  return ExitCode::kAccuracyMissed;
}

}  // namespace

Command AddQuantizeCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("quantize", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<QuantizeArguments>();
  AddQuantizeOptions(app, *arguments);
  return {app, [arguments] { return RunQuantize(*arguments); }};
}

}  // namespace consort
