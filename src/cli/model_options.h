// The options that commands share which run a model: which model on which targets, with which inputs, on which engine
// settings.
#ifndef CONSORT_CLI_MODEL_OPTIONS_H_
#define CONSORT_CLI_MODEL_OPTIONS_H_

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "consort/artifact.h"
#include "consort/device.h"
#include "consort/emulation.h"
#include "consort/registry.h"
#include "io/image.h"

namespace consort {

// A file and what it is for: a backend (-m), an input (-i) or an output (--expect); "" when it was not said.
struct NamedFile {
  std::string name;
  std::filesystem::path path;
};

// "NAME=FILE" or "FILE". What stands before '=' and holds a '/' is a name too ("gpu_0/data_0"), unless the whole text
// begins with "./" or "../" or is a file that exists.
NamedFile ParseNamedFile(const std::string& text);

// A value for all inputs, and others for inputs that are named.
template <typename T>
struct PerInput {
  std::optional<T> common;
  std::map<std::string, T> by_name;

  // What holds for an input, or nullptr.
  const T* Find(const std::string& input) const {
    const auto found = by_name.find(input);
    if (found != by_name.end()) return &found->second;
    return common ? &*common : nullptr;
  }
};

struct ImageSize {
  int width = 0;
  int height = 0;
};

// How image files become tensors.
struct ImageOptions {
  PerInput<ImageSize> size;  // absent: the port's, or the image's own where the port is dynamic
  PerInput<Layout> layout;
  PerInput<ColorOrder> color;
  PerInput<std::vector<double>> mean;
  PerInput<std::vector<double>> scale;
  ResizeFilter filter = ResizeFilter::kAntialias;
  int64_t max_pixels = kDefaultMaxPixels;
};

// Models and targets.
struct ModelArguments {
  std::vector<NamedFile> models;
  std::vector<Target> targets;
  std::map<std::string, Shape> shapes;
  std::map<std::string, int64_t> dims;
  std::string rest = "cpu@onnxruntime";  // where the rest of a bundle of `consort edgetpu` runs
};

// What the inputs are.
struct InputArguments {
  std::vector<NamedFile> inputs;
  ImageOptions image;
  uint64_t seed = 0;
  bool allow_nan = false;
  std::vector<std::pair<std::string, std::string>> states;  // input, output
  std::vector<std::string> sequences;                       // inputs whose file has time as axis 0
};

// How engines are set up.
struct EngineArguments {
  CompileOptions compile;
  bool isolated = false;
  std::string plugin;
  EmulationOptions emulation;
  Clock* clock = nullptr;  // nullptr: the real one

  OpenOptions open() const { return {.isolated = isolated, .clock = clock, .plugin = plugin}; }
};

// What --clock asks for.
enum class ClockKind : uint8_t { kReal, kVirtual };

// Each adds its options to a command; the arguments must outlive the parsing. --model, --device, --shape, --dim:
void AddModelOptions(CLI::App* app, ModelArguments& arguments);
// --input, --seed, --allow-nan:
void AddInputOptions(CLI::App* app, InputArguments& arguments);
// --state:
void AddStateOption(CLI::App* app, InputArguments& arguments, const std::string& help);
// --image-size and the other options of images:
void AddImageOptions(CLI::App* app, ImageOptions& image);
// --optimization, --no-flush-denormals, --isolate, --plugin:
void AddEngineOptions(CLI::App* app, EngineArguments& arguments);
// --platform:
void AddPlatformOption(CLI::App* app, EmulationOptions& emulation);
// --platform, --jitter:
void AddEmulationOptions(CLI::App* app, EmulationOptions& emulation);
// --clock:
void AddClockOption(CLI::App* app, ClockKind& clock, const std::string& help);
// An option that takes files, "[NAME=]FILE", repeatable.
CLI::Option* AddFiles(CLI::App* app, const std::string& names, const std::string& type, std::vector<NamedFile>& files,
                      const std::string& help);

// A finite number between two others, or kInvalidArgument.
double ParseBetween(const std::string& text, double lowest, double highest);

// Throws UsageError when a backend is given two models.
void CheckModels(const ModelArguments& arguments);
// The targets with their backends filled in; a name that does not exist, and a target given twice, is a UsageError.
std::vector<Target> ResolveTargets(const Registry& registry, const ModelArguments& arguments);
// Where a command runs that names no target: an Edge TPU for a bundle, else the CPU.
std::vector<Target> DefaultTargetsFor(const ModelArguments& arguments);
// Reads a model file, or refers to a bundle (edgetpu/read_bundle.h). A shape without a name is for the only input.
Artifact LoadArtifact(const std::filesystem::path& path, const ModelArguments& arguments);
// Reads every model file. Throws UsageError when a target has none.
ModelBundle LoadModels(const ModelArguments& arguments, const std::vector<Target>& targets);

// "fp32", or that the artifact decides.
std::string DescribePrecision(const Target& target, const Artifact& artifact);
// Likewise, of an executable: an emulated device has a precision of its own.
std::string DescribePrecision(const Target& target, const Artifact& artifact,
                              const std::optional<EmulationReport>& emulation);

}  // namespace consort

#endif  // CONSORT_CLI_MODEL_OPTIONS_H_
