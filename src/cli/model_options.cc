#include "cli/model_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "cli/command.h"
#include "edgetpu/read_bundle.h"

namespace consort {
namespace {

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

// True when the '=' at `equals` is part of a path. Ports may hold a '/' as folders do: the file that is there decides.
bool IsPathWithEquals(const std::string& text, size_t equals) {
  if (text.find('/') > equals) return false;
  std::error_code error;
  return text.starts_with("./") || text.starts_with("../") || std::filesystem::exists(text, error);
}

void CheckCores(const CoreSet& cores) {
  if (CoreSet::Available().Contains(cores)) return;
  throw UsageError(
      fmt::format("cores {}: this process may use cores {} only", cores.ToString(), CoreSet::Available().ToString()));
}

}  // namespace

NamedFile ParseNamedFile(const std::string& text) {
  const size_t equals = text.find('=');
  const bool named = equals != std::string::npos && !IsPathWithEquals(text, equals);
  NamedFile file{named ? text.substr(0, equals) : "", named ? text.substr(equals + 1) : text};
  if (file.path.empty() || (named && file.name.empty())) ThrowInvalid("'" + text + "' is not NAME=FILE");
  return file;
}

double ParseBetween(const std::string& text, double lowest, double highest) {
  const double value = ParseNumber(text);
  if (value < lowest || value > highest)
    ThrowInvalid(fmt::format("'{}' is not between {} and {}", text, lowest, highest));
  return value;
}

CLI::Option* AddFiles(CLI::App* app, const std::string& names, const std::string& type, std::vector<NamedFile>& files,
                      const std::string& help) {
  return AddEach(
      app, names, type, [&files](const std::string& text) { files.push_back(ParseNamedFile(text)); }, help);
}

void AddModelOptions(CLI::App* app, ModelArguments& arguments) {
  AddFiles(app, "-m,--model", "[BACKEND=]FILE", arguments.models,
           "ONNX or TensorFlow Lite model, or a bundle of 'consort edgetpu'; "
           "BACKEND=FILE is for that backend only; repeatable");
  AddEach(
      app, "-d,--device", "TARGETS",
      [&arguments](const std::string& text) {
        for (Target& target : ParseTargets(text)) arguments.targets.push_back(std::move(target));
      },
      "where to run, comma separated: DEVICE[:UNIT][@BACKEND][/PRECISION], such as cpu:0-1@openvino (default: cpu)");
  AddParsed(
      app, "--rest", "TARGET", arguments.rest, [](const std::string& text) { return Target::Parse(text).ToString(); },
      "where the rest of a bundle of 'consort edgetpu' runs (default: cpu@onnxruntime)");
  AddShapeOptions(app, arguments.shapes, arguments.dims);
}

void AddInputOptions(CLI::App* app, InputArguments& arguments) {
  AddFiles(app, "-i,--input", "[NAME=]FILE", arguments.inputs,
           ".npy, .npz (several inputs), ONNX .pb, JPEG or PNG; NAME= may be left out for the only input; repeatable");
  AddParsed(app, "--seed", "N", arguments.seed, ParseSeed, "seed of the inputs that no file gives (default: 0)");
  app->add_flag("--allow-nan", arguments.allow_nan, "accept input files that hold NaN");
}

void AddStateOption(CLI::App* app, InputArguments& arguments, const std::string& help) {
  AddEach(
      app, "--state", "INPUT=OUTPUT",
      [&arguments](const std::string& text) { arguments.states.push_back(ParseState(text)); }, help);
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

void AddEngineOptions(CLI::App* app, EngineArguments& arguments) {
  CompileOptions& compile = arguments.compile;
  AddChoice<Optimization>(app, "--optimization", compile.optimization,
                          {{"none", Optimization::kNone},
                           {"basic", Optimization::kBasic},
                           {"extended", Optimization::kExtended},
                           {"full", Optimization::kFull}},
                          "graph optimisation of the engine (default: full)");
  app->add_flag_callback(
      "--no-flush-denormals", [&compile] { compile.flush_denormals = false; },
      "compute with denormal numbers; much slower for some models");
  app->add_flag("--isolate", arguments.isolated, "run the engine in a child process: its crash ends only the device");
  AddParsed(
      app, "--plugin", "[NAME=]FILE", arguments.plugin, [](const std::string& text) { return text; },
      "engine library, or plugin execution provider NAME, to load");
}

void AddPlatformOption(CLI::App* app, EmulationOptions& emulation) {
  AddParsed(
      app, "--platform", "NAME|FILE", emulation.platform, [](const std::string& text) { return text; },
      "platform whose devices emulated:DEVICE names: one that is shipped, or a .toml file")
      ->group("Emulated devices");
}

void AddEmulationOptions(CLI::App* app, EmulationOptions& emulation) {
  AddPlatformOption(app, emulation);
  AddParsed(
      app, "--jitter", "SHARE", emulation.jitter, [](const std::string& text) { return ParseBetween(text, 0, 10); },
      "spread of modelled times from call to call: standard deviation over mean, lognormal (default: 0)")
      ->group("Emulated devices");
}

void AddClockOption(CLI::App* app, ClockKind& clock, const std::string& help) {
  AddChoice<ClockKind>(app, "--clock", clock, {{"real", ClockKind::kReal}, {"virtual", ClockKind::kVirtual}}, help)
      ->group("Emulated devices");
}

void CheckModels(const ModelArguments& arguments) {
  std::set<std::string> backends;
  for (const NamedFile& model : arguments.models) {
    if (!backends.insert(model.name).second) throw UsageError("--model is given twice for the same backend");
  }
}

std::vector<Target> ResolveTargets(const Registry& registry, const ModelArguments& arguments) {
  std::vector<Target> targets;
  for (const Target& target : arguments.targets) {
    try {
      targets.push_back(registry.Resolve(target));
      if (target.device == "cpu" && !target.unit.empty()) CheckCores(CoreSet::Parse(target.unit));
    } catch (const Error& error) {
      throw UsageError(fmt::format("--device {}: {}", target.ToString(), error.what()));
    }
    if (std::count(targets.begin(), targets.end(), targets.back()) > 1) {
      throw UsageError("--device: " + targets.back().ToString() + " is given twice");
    }
  }
  return targets;
}

std::vector<Target> DefaultTargetsFor(const ModelArguments& arguments) {
  const bool bundle = std::any_of(arguments.models.begin(), arguments.models.end(),
                                  [](const NamedFile& model) { return IsBundle(model.path); });
  return ParseTargets(bundle ? "edgetpu:0" : "cpu");
}

// The only input's name is known after a first reading.
Artifact LoadArtifact(const std::filesystem::path& path, const ModelArguments& arguments) {
  if (IsBundle(path)) {
    return Artifact(ArtifactKind::kBlob, path.string(),
                    std::make_shared<const std::string>(FormatBundleBlob(path, arguments.rest)));
  }
  ModelOptions model{.dims = arguments.dims, .shapes = arguments.shapes};
  const auto unnamed = model.shapes.extract("");
  if (unnamed.empty()) return Artifact::Load(path, model);
  const Artifact artifact = Artifact::Load(path);
  if (artifact.kind() != ArtifactKind::kOnnx) return artifact;
  const Graph& graph = artifact.model().graph();
  if (graph.inputs().size() != 1) {
    throw UsageError(fmt::format("--shape: {} has {} inputs; say which one is meant, as NAME:SHAPE", path.string(),
                                 graph.inputs().size()));
  }
  model.shapes[graph.tensor(graph.inputs().front()).name] = unnamed.mapped();
  return Artifact::Load(path, model);
}

ModelBundle LoadModels(const ModelArguments& arguments, const std::vector<Target>& targets) {
  const auto& models = arguments.models;
  for (const Target& target : targets) {
    const bool has_model = std::any_of(models.begin(), models.end(), [&target](const NamedFile& model) {
      return model.name.empty() || model.name == target.backend;
    });
    if (!has_model) throw UsageError(fmt::format("--model: none is given for {}", target.ToString()));
  }
  const auto common =
      std::find_if(models.begin(), models.end(), [](const NamedFile& model) { return model.name.empty(); });
  ModelBundle bundle(LoadArtifact((common == models.end() ? models.front() : *common).path, arguments));
  for (const NamedFile& model : models) {
    if (!model.name.empty()) bundle.Add(model.name, LoadArtifact(model.path, arguments));
  }
  return bundle;
}

std::string DescribePrecision(const Target& target, const Artifact& artifact) {
  if (target.precision) return std::string(ToString(*target.precision));
  if (target.device == "edgetpu" && artifact.kind() == ArtifactKind::kOnnx) return "int8";
  return artifact.kind() == ArtifactKind::kOnnx ? "fp32" : "the model's own precision";
}

std::string DescribePrecision(const Target& target, const Artifact& artifact,
                              const std::optional<EmulationReport>& emulation) {
  if (emulation) return std::string(ToString(emulation->precision)) + " as modelled";
  return DescribePrecision(target, artifact);
}

}  // namespace consort
