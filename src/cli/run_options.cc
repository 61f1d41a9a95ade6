#include "cli/run_options.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace consort {
namespace {

constexpr double kMaxTimeoutSeconds = 1e6;

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

std::vector<double> ParseNumbers(const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& part : Split(text, ',')) numbers.push_back(ParseNumber(part));
  return numbers;
}

ImageSize ParseImageSize(const std::string& text) {
  const size_t cross = text.find('x');
  if (cross == std::string::npos) ThrowInvalid("'" + text + "' is not WIDTHxHEIGHT");
  return {static_cast<int>(ParseInt(text.substr(0, cross), 1, 65535)),
          static_cast<int>(ParseInt(text.substr(cross + 1), 1, 65535))};
}

Layout ParseLayout(const std::string& text) {
  if (text == "nchw") return Layout::kNchw;
  if (text == "nhwc") return Layout::kNhwc;
  ThrowInvalid("'" + text + "' is not one of nchw, nhwc");
}

ColorOrder ParseColor(const std::string& text) {
  if (text == "rgb") return ColorOrder::kRgb;
  if (text == "bgr") return ColorOrder::kBgr;
  if (text == "gray") return ColorOrder::kGray;
  ThrowInvalid("'" + text + "' is not one of rgb, bgr, gray");
}

double ParseBetween(const std::string& text, double lowest, double highest) {
  const double value = ParseNumber(text);
  if (value < lowest || value > highest)
    ThrowInvalid(fmt::format("'{}' is not between {} and {}", text, lowest, highest));
  return value;
}

std::pair<std::string, std::string> ParseState(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    ThrowInvalid("'" + text + "' is not INPUT=OUTPUT");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// An option that may be given once for all inputs and once per input ("input:value").
template <typename T, typename Parse>
void AddPerInput(CLI::App* app, const std::string& name, const std::string& type, PerInput<T>& value, Parse parse,
                 const std::string& help) {
  const auto store = [&value, parse](const std::string& text) {
    const auto [input, rest] = SplitName(text, ':');
    if (input.empty()) {
      if (value.common) ThrowInvalid("is given twice for all inputs");
      value.common = parse(rest);
    } else if (!value.by_name.emplace(input, parse(rest)).second) {
      ThrowInvalid("is given twice for input '" + input + "'");
    }
  };
  AddEach(app, name, "[INPUT:]" + type, store, help)->group("Images");
}

template <typename File>
void AddFiles(CLI::App* app, const std::string& names, const std::string& type, std::vector<File>& files,
              const std::string& help) {
  AddEach(
      app, names, type, [&files](const std::string& text) { files.push_back(ParseNamedFile(text)); }, help);
}

void AddModelOptions(CLI::App* app, RunOptions& options) {
  AddFiles(app, "-m,--model", "[BACKEND=]FILE", options.models,
           "ONNX or TensorFlow Lite model; BACKEND=FILE is for that backend only; repeatable");
  AddEach(
      app, "-d,--device", "TARGETS",
      [&options](const std::string& text) {
        for (Target& target : ParseTargets(text)) options.targets.push_back(std::move(target));
      },
      "where to run, comma separated: DEVICE[:UNIT][@BACKEND][/PRECISION], such as cpu:0-1@openvino (default: cpu)");
  AddShapeOptions(app, options.shapes, options.dims);
}

void AddInputOptions(CLI::App* app, RunOptions& options) {
  AddFiles(app, "-i,--input", "[NAME=]FILE", options.inputs,
           ".npy, .npz (several inputs), ONNX .pb, JPEG or PNG; NAME= may be left out for the only input; repeatable");
  AddParsed(app, "--seed", "N", options.seed, ParseSeed, "seed of the inputs that no file gives (default: 0)");
  app->add_flag("--allow-nan", options.allow_nan, "accept input files that hold NaN");
  AddEach(
      app, "--state", "INPUT=OUTPUT",
      [&options](const std::string& text) { options.states.push_back(ParseState(text)); },
      "carry an output of each call to an input of the next; starts as zeros or as -i says; repeatable");
  AddEach(
      app, "--sequence", "INPUT", [&options](const std::string& text) { options.sequences.push_back(text); },
      "one call per step of axis 0 of that input's file; outputs are stacked; repeatable");
}

void AddImageOptions(CLI::App* app, ImageOptions& image) {
  AddPerInput(app, "--image-size", "WxH", image.size, ParseImageSize, "resize to this (default: what the model takes)");
  AddPerInput(app, "--layout", "nchw|nhwc", image.layout, ParseLayout, "order of the axes (default: nchw)");
  AddPerInput(app, "--color", "rgb|bgr|gray", image.color, ParseColor, "order of the channels (default: rgb)");
  AddPerInput(app, "--mean", "M[,M,M]", image.mean, ParseNumbers,
              "element = (pixel - mean) * scale, with pixels from 0 to 255 (default: 0)");
  AddPerInput(app, "--scale", "S[,S,S]", image.scale, ParseNumbers, "see --mean (default: 1)");
  AddChoice<ResizeFilter>(app, "--resize", image.filter,
                          {{"antialias", ResizeFilter::kAntialias}, {"point", ResizeFilter::kPoint}},
                          "bilinear as in Pillow, or as in OpenCV (default: antialias)")
      ->group("Images");
  AddParsed(
      app, "--max-pixels", "N", image.max_pixels,
      [](const std::string& text) { return ParseInt(text, 1, int64_t{1} << 32); }, "largest image (default: 100000000)")
      ->group("Images");
}

void AddCheckOptions(CLI::App* app, RunOptions& options) {
  AddFiles(app, "--expect", "[NAME=]FILE", options.expected,
           "expected output, or an .npz of several; a difference beyond --tolerance ends in exit code 5; repeatable");
  AddParsed(
      app, "--tolerance", "T", options.tolerance, [](const std::string& text) { return ParseBetween(text, 0, 1e30); },
      "largest difference allowed, times the largest |expected| (default: 1e-5); without --expect it bounds the "
      "differences from the first target");
  app->add_flag("--strict", options.strict,
                "exit code 4 before the first inference unless every op is known to run where it was asked to");
}

void AddEngineOptions(CLI::App* app, RunOptions& options) {
  CompileOptions& compile = options.compile;
  AddParsed(app, "--threads", "N", compile.threads, ParsePositive,
            "engine threads (default: one per core of the target)");
  AddChoice<Optimization>(app, "--optimization", compile.optimization,
                          {{"none", Optimization::kNone},
                           {"basic", Optimization::kBasic},
                           {"extended", Optimization::kExtended},
                           {"full", Optimization::kFull}},
                          "graph optimisation of the engine (default: full)");
  app->add_flag_callback(
      "--no-flush-denormals", [&compile] { compile.flush_denormals = false; },
      "compute with denormal numbers; much slower for some models");
  app->add_flag("--isolate", options.isolated, "run the engine in a child process: its crash ends only the device");
  AddParsed(
      app, "--plugin", "[NAME=]FILE", options.plugin, [](const std::string& text) { return text; },
      "engine library, or plugin execution provider NAME, to load");
  AddParsed(app, "-n,--iterations", "N", options.iterations, ParsePositive, "calls with the same inputs (default: 1)");
  AddParsed(
      app, "--timeout", "SECONDS", options.timeout_s,
      [](const std::string& text) { return ParseBetween(text, 1e-6, kMaxTimeoutSeconds); },
      "longest time of one inference (default: none)");
}

void AddPrintOptions(CLI::App* app, RunOptions& options) {
  AddParsed(
      app, "-o,--output", "FOLDER", options.output_folder, [](const std::string& text) { return text; },
      "write each output as .npy; one folder per target when there are several");
  AddChoice<PlacementDetail>(
      app, "--placement", options.placement,
      {{"summary", PlacementDetail::kSummary}, {"ops", PlacementDetail::kOps}, {"none", PlacementDetail::kNone}},
      "where the ops ran: counts, op by op, or not at all (default: summary)");
  AddFormatOption(app, options.format);
}

// True when the '=' at `equals` is part of a path. Ports may hold a '/' as folders do: the file that is there decides.
bool IsPathWithEquals(const std::string& text, size_t equals) {
  if (text.find('/') > equals) return false;
  std::error_code error;
  return text.starts_with("./") || text.starts_with("../") || std::filesystem::exists(text, error);
}

}  // namespace

NamedFile ParseNamedFile(const std::string& text) {
  const size_t equals = text.find('=');
  const bool named = equals != std::string::npos && !IsPathWithEquals(text, equals);
  NamedFile file{named ? text.substr(0, equals) : "", named ? text.substr(equals + 1) : text};
  if (file.path.empty() || (named && file.name.empty())) ThrowInvalid("'" + text + "' is not NAME=FILE");
  return file;
}

void AddRunOptions(CLI::App* app, RunOptions& options) {
  AddModelOptions(app, options);
  AddInputOptions(app, options);
  AddCheckOptions(app, options);
  AddEngineOptions(app, options);
  AddPrintOptions(app, options);
  AddImageOptions(app, options.image);
}

}  // namespace consort
