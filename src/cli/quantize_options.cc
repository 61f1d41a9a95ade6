#include "cli/quantize_options.h"

#include <fmt/format.h>

#include <regex>
#include <system_error>

#include "base/strings.h"
#include "cli/command.h"

namespace consort {
namespace {

const std::vector<std::pair<std::string, RangeMethod>>& Methods() {
  static const std::vector<std::pair<std::string, RangeMethod>> methods = {{"minmax", RangeMethod::kMinMax},
                                                                           {"percentile", RangeMethod::kPercentile},
                                                                           {"entropy", RangeMethod::kEntropy},
                                                                           {"mse", RangeMethod::kMse}};
  return methods;
}

std::vector<std::pair<std::string, std::optional<RangeMethod>>> MethodChoices() {
  return {Methods().begin(), Methods().end()};
}

void AddBounds(CLI::App* app, QuantizeArguments& arguments) {
  AddChoice<std::optional<QuantizeScope>>(
      app, "--scope", arguments.scope,
      {{"auto", QuantizeScope::kAuto}, {"all", QuantizeScope::kAll}, {"products", QuantizeScope::kProducts}},
      "what becomes integers: every operator that can ('all', as the Edge TPU needs it), only convolutions and matrix "
      "products, or those for transformers and recurrent nets and all for others (default: auto; all for .tflite)");
  AddParsed(
      app, "--smooth", "STRENGTH", arguments.smoothing, [](const std::string& text) { return ParseBetween(text, 0, 1); },
      "how much of the spread of activations goes into the weights of the products that read them (SmoothQuant); 0: "
      "nothing (default: 0.65 where only products become integers, else 0)");
  AddEach(
      app, "--keep-float", "REGEX", [&arguments](const std::string& text) { arguments.keep_float.push_back(text); },
      "ops stay float where a part of their name, or of a tensor that they make, matches; repeatable");
  AddAccuracyBounds(app, arguments, "keep the worst layers in float");
  app->add_flag("--sensitivity", arguments.sensitivity, "list every quantized layer, not the worst ones only");
}

bool IsSameFile(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error);
}

void CheckExpression(const std::string& text) {
  try {
    const std::regex expression(text, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    throw UsageError(fmt::format("--keep-float '{}' is not a regular expression: {}", text, error.what()));
  }
}

}  // namespace

std::string_view ToString(RangeMethod method) {
  for (const auto& [word, meaning] : Methods()) {
    if (meaning == method) return word;
  }
  return "";
}

QdqOptions QuantizeArguments::qdq() const {
  return {.format = {.type = precision == Precision::kUInt8 ? ByteType::kUInt8 : ByteType::kInt8,
                     .symmetry = symmetric_activations ? Symmetry::kSymmetric : Symmetry::kAsymmetric},
          .weights = per_tensor ? WeightScales::kPerTensor : WeightScales::kPerChannel};
}

QuantizeScope QuantizeArguments::chosen_scope() const {
  return scope.value_or(as_tflite() ? QuantizeScope::kAll : QuantizeScope::kAuto);
}

RangeOptions QuantizeArguments::ranges() const {
  return {.method = method.value_or(percentile ? RangeMethod::kPercentile : RangeMethod::kMse),
          .percentile = percentile.value_or(RangeOptions().percentile),
          .format = qdq().format};
}

void AddAccuracyBounds(CLI::App* app, QuantizeArguments& arguments, const std::string& what) {
  AddParsed(app, "--min-sqnr", "DB", arguments.min_sqnr_db, ParseNumber,
            what + " until the outputs' signal-to-quantization-noise ratio is at least this; "
            "exit code 5 where that cannot be");
  AddParsed(
      app, "--max-accuracy-drop", "POINTS", arguments.max_accuracy_drop,
      [](const std::string& text) { return ParseBetween(text, 0, 100); },
      "likewise until at most so many percent of rows have another largest element than in float: an upper bound on "
      "lost top-1 accuracy");
}

std::string BoundText(const QuantizeArguments& arguments) {
  std::vector<std::string> parts;
  if (arguments.min_sqnr_db) parts.push_back(fmt::format("SQNR of at least {:g} dB", *arguments.min_sqnr_db));
  if (arguments.max_accuracy_drop)
    parts.push_back(fmt::format("top-1 changed in at most {:g} %", *arguments.max_accuracy_drop));
  return Join(parts, " and ");
}

bool Holds(const Accuracy& accuracy, const QuantizeArguments& arguments) {
  if (arguments.max_accuracy_drop && !accuracy.top1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: --max-accuracy-drop counts largest elements of rows, and no output has rows of "
                            "floats; use --min-sqnr",
                            arguments.model));
  }
  if (accuracy.nonfinite_mismatches > 0) return false;
  if (arguments.min_sqnr_db && !(accuracy.sqnr_db >= *arguments.min_sqnr_db)) return false;
  return !arguments.max_accuracy_drop || 100 * (1 - *accuracy.top1) <= *arguments.max_accuracy_drop;
}

void AddCalibrationOptions(CLI::App* app, QuantizeArguments& arguments) {
  const std::string group = "Calibration";
  AddFiles(app, "--calibration", "[NAME=]FILE", arguments.calibration,
           "samples of the inputs: .npy or .npz (axis 0 counts samples), or a folder of images, .npy or .pb files; "
           "NAME= may be left out for the only input; repeatable (default: random numbers, for trying out only)")
      ->group(group);
  AddFiles(app, "--validation", "[NAME=]FILE", arguments.validation,
           "samples that the figures are taken on, likewise (default: those of the calibration)")
      ->group(group);
  AddParsed(
      app, "--samples", "N", arguments.samples,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, 1'000'000)); },
      "use the first N samples (default: all of the files, or 16 random ones)")
      ->group(group);
  AddParsed(app, "--seed", "N", arguments.seed, ParseSeed, "seed of inputs that no file gives (default: 0)")
      ->group(group);
  AddChoice(app, "--method", arguments.method, MethodChoices(),
            "how ranges follow from the values seen: all of them (minmax), without the farthest (percentile), "
            "least lost information (entropy), least squared error (mse, the default)")
      ->group(group);
  AddParsed(
      app, "--percentile", "P", arguments.percentile,
      [](const std::string& text) { return ParseBetween(text, 50.001, 100); },
      "share of values within the range, in percent (default: 99.99); implies --method percentile")
      ->group(group);
}

void AddQuantizeOptions(CLI::App* app, QuantizeArguments& arguments) {
  app->add_option("MODEL", arguments.model, "ONNX file")->required()->type_name("");
  app->add_option("-o,--output", arguments.output, "ONNX file to write, or .tflite")->required()->type_name("FILE");
  AddChoice<Precision>(app, "--precision", arguments.precision,
                       {{"int8", Precision::kInt8},
                        {"uint8", Precision::kUInt8},
                        {"fp16", Precision::kFp16},
                        {"bf16", Precision::kBf16}},
                       "what activations become, with weights in int8, or weights and activations (fp16), or weights "
                       "alone (bf16) (default: int8)");
  app->add_flag("--per-tensor", arguments.per_tensor, "one scale per weight tensor (default: one per output channel)");
  app->add_flag("--symmetric-activations", arguments.symmetric_activations,
                "zero point in the middle of the integers (default: where the range puts it)");
  AddBounds(app, arguments);
  AddCalibrationOptions(app, arguments);
  AddShapeOptions(app, arguments.loading.shapes, arguments.loading.dims);
  AddImageOptions(app, arguments.image);
  AddFormatOption(app, arguments.format);
}

void CheckQuantizeArguments(const QuantizeArguments& arguments) {
  if (arguments.percentile && arguments.method && *arguments.method != RangeMethod::kPercentile)
    throw UsageError("--percentile goes with --method percentile");
  if (!arguments.in_bytes() && (arguments.method || arguments.percentile || arguments.per_tensor ||
                                arguments.symmetric_activations || arguments.sensitivity || arguments.scope || arguments.smoothing)) {
    throw UsageError("--method, --percentile, --per-tensor, --symmetric-activations, --scope, --smooth and --sensitivity are for 8 bits");
  }
  if (arguments.as_tflite() && !arguments.in_bytes())
    throw UsageError("a .tflite file is written in 8 bits: --precision int8 or uint8, or -o FILE.onnx");
  if (arguments.smoothing.value_or(0) > 0 && arguments.chosen_scope() == QuantizeScope::kAll)
    throw UsageError("--smooth puts a float Mul before products: it goes with --scope products or auto, not with all (or a .tflite file)");
  for (const std::string& expression : arguments.keep_float) CheckExpression(expression);
  if (IsSameFile(arguments.model, arguments.output))
    throw UsageError(fmt::format("--output '{}' is the model that is read: name another", arguments.output.string()));
}

}  // namespace consort
