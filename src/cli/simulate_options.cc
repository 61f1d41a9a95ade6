#include "cli/simulate_options.h"

#include <fmt/format.h>

#include <set>

#include "base/strings.h"
#include "bench/sweep.h"
#include "cli/batch.h"
#include "cli/command.h"
#include "model/model_rep.h"

namespace consort {
namespace {

constexpr int kMostStages = 64;
constexpr int kMostIterations = 1'000'000;

// "7.7MiB", or a plain number of bytes.
int64_t ParseBytes(const std::string& text) {
  const std::optional<int64_t> plain = ParseInteger(text);
  if (plain && *plain >= 0) return *plain;
  return static_cast<int64_t>(ParseQuantity(text, Dimension::kBytes));
}

int64_t ParseSize(const std::string& text) { return ParseInt(text, 1, zoo::kLargestNumber); }

void AddPlatformOptions(CLI::App* app, SimulateArguments& arguments) {
  AddParsed(
      app, "--platform", "NAME|FILE", arguments.platform, [](const std::string& text) { return text; },
      "a platform of 'consort platforms', or a platform file")
      ->required();
  AddEach(
      app, "-d,--device", "DEVICES",
      [&arguments](const std::string& text) {
        for (const std::string& part : Split(text, ',')) arguments.devices.push_back(ParsePlatformTarget(part));
      },
      "devices of the platform, comma separated, such as gtx1650/fp16; each runs the whole model (default: all)");
  AddEach(
      app, "--set", "PATH=VALUES",
      [&arguments](const std::string& text) { arguments.sweeps.push_back(ParsePlatformSweep(text)); },
      "what if: gtx1650.link.bandwidth=24GB/s, or a list of values, a row for each; repeatable");
}

void AddQuestionOptions(CLI::App* app, SimulateArguments& arguments) {
  AddParsed(app, "-b,--batch", "LIST", arguments.batches, ParseSweep,
            "size of axis 0 of every input: 1,2,4 or 1-8 or 1-64*2 (default: the model's own, 1 where it is open)");
  app->add_flag("--per-layer", arguments.per_layer,
                "where the time goes: every operator with its time and what bounds it");
  AddParsed(
      app, "--stages", "N", arguments.stages,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMostStages)); },
      "divide the model over N devices of the platform that are alike, a pipeline");
  AddParsed(app, "--on-chip-bytes", "BYTES", arguments.cost.on_chip_bytes, ParseBytes,
            "parameters that a compiler reported to be cached, such as 6.69MiB");
  AddParsed(app, "--off-chip-bytes", "BYTES", arguments.cost.off_chip_bytes, ParseBytes,
            "parameters that it reported to be streamed at every inference");
  app->add_flag_callback(
      "--with-load", [&arguments] { arguments.cost.weights_resident = false; },
      "every inference loads the parameters onto the device");
  AddParsed(
      app, "-n,--iterations", "N", arguments.iterations,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMostIterations)); },
      "run N inferences on emulated devices by a virtual clock (see --trace)");
  AddParsed(
      app, "--trace", "FILE", arguments.trace, [](const std::string& text) { return text; },
      "write what these inferences did when as a Chrome trace");
}

// A trace is of one setting, by the cost models alone.
void CheckTrace(const SimulateArguments& arguments) {
  if (arguments.stages) throw UsageError("--trace is of devices that each run the whole model; leave --stages out");
  if (arguments.cost.on_chip_bytes || arguments.cost.off_chip_bytes || !arguments.cost.weights_resident)
    throw UsageError("--trace goes by the platform alone: leave --on-chip-bytes, --off-chip-bytes and --with-load out");
  bool several = arguments.batches.size() > 1;
  for (const PlatformSweep& sweep : arguments.sweeps) several = several || sweep.values.size() > 1;
  if (several) throw UsageError("--trace takes one batch and one setting: give single values to --batch and --set");
}

}  // namespace

PlatformTarget ParsePlatformTarget(const std::string& text) {
  const auto slash = text.find('/');
  PlatformTarget target{.device = text.substr(0, slash)};
  if (target.device.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is not DEVICE[/PRECISION]", text));
  if (slash != std::string::npos) target.precision = ParsePrecision(text.substr(slash + 1));
  return target;
}

void AddNetworkOptions(CLI::App* app, NetworkArguments& arguments) {
  app->add_option("MODEL", arguments.model, "ONNX file, or a network of 'consort make --list' as zoo:NAME")
      ->required()
      ->type_name("");
  AddShapeOptions(app, arguments.shapes, arguments.dims);
  zoo::MakeOptions& network = arguments.network;
  const auto group = [](CLI::Option* option) { option->group("Networks of the zoo"); };
  group(AddParsed(app, "--size", "N", network.size, ParseSize, "side of the square input image"));
  group(AddParsed(app, "--width", "W", network.width, ParseNumber, "multiplier of the channels"));
  group(AddParsed(app, "--side", "N", network.side, ParseSize, "side of the matrix (matvec)"));
  group(AddParsed(app, "--scale", "S", network.scale, ParseNumber, "1.0 to 7.0 in steps of 0.5 (seed-dense)"));
  group(AddParsed(app, "--sequence", "N", network.sequence, ParseSize, "tokens of the sequence"));
}

void AddSimulateOptions(CLI::App* app, SimulateArguments& arguments) {
  AddNetworkOptions(app, arguments);
  AddPlatformOptions(app, arguments);
  AddQuestionOptions(app, arguments);
  AddFormatOption(
      app, arguments.format,
      {OutputFormat::kTable, OutputFormat::kMarkdown, OutputFormat::kCsv, OutputFormat::kJson, OutputFormat::kJsonl});
}

void CheckNetworkArguments(const NetworkArguments& arguments) {
  if (!arguments.is_zoo()) {
    const zoo::MakeOptions& network = arguments.network;
    if (network.size || network.width || network.side || network.scale || network.sequence)
      throw UsageError(
          "--size, --width, --side, --scale and --sequence are for networks of the zoo; an ONNX file takes --shape and "
          "--dim");
  } else if (!arguments.shapes.empty() || !arguments.dims.empty()) {
    throw UsageError("--shape and --dim are for ONNX files; networks of the zoo take --size, --sequence and --batch");
  }
}

void CheckSimulateArguments(const SimulateArguments& arguments) {
  if (arguments.iterations.has_value() == arguments.trace.empty())
    throw UsageError("-n and --trace go together: how many inferences, and the file that says what they did when");
  if (arguments.iterations) CheckTrace(arguments);
  if (arguments.stages && arguments.batches.size() > 1)
    throw UsageError("--stages takes one batch: give a single value to --batch");
  if (arguments.stages && arguments.per_layer)
    throw UsageError("--per-layer is of a device that runs the whole model; leave --stages out");
  const bool reported = arguments.cost.on_chip_bytes || arguments.cost.off_chip_bytes;
  if (arguments.stages && reported)
    throw UsageError("--on-chip-bytes and --off-chip-bytes are of the whole model; a stage has its own");
  CheckNetworkArguments(arguments);
}

const Model& NetworkSource::At(int64_t batch) {
  const auto known = models_.find(batch);
  return known != models_.end() ? known->second : models_.emplace(batch, Read(batch)).first->second;
}

Model NetworkSource::Read(int64_t batch) const {
  if (arguments_.is_zoo()) {
    zoo::MakeOptions options = arguments_.network;
    options.batch = std::max<int64_t>(1, batch);
    try {
      if (weights_ == NetworkWeights::kNone) return zoo::Structure(arguments_.zoo_name(), options);
      return ModelOf(zoo::Make(arguments_.zoo_name(), options), arguments_.zoo_name());
    } catch (const Error& error) {
      // Names and sizes stand on the command line.
      if (error.code() == ErrorCode::kInvalidArgument) throw UsageError(error.what());
      throw;
    }
  }
  ModelArguments models = arguments_;
  models.models = {{.path = arguments_.model}};
  const LoadedModel loaded = LoadWithBatch(models, {}, {}, batch);
  if (loaded.artifact.kind() != ArtifactKind::kOnnx)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("'{}' is no ONNX model: cost models need its graph", arguments_.model));
  return loaded.artifact.model();
}

int64_t NetworkSource::BatchOf(const Graph& graph) {
  std::set<int64_t> sizes;
  for (const TensorId id : graph.inputs()) {
    const Shape& shape = graph.tensor(id).spec.shape;
    if (!shape.empty()) sizes.insert(shape.front());
  }
  return sizes.size() == 1 && *sizes.begin() > 0 ? *sizes.begin() : 1;
}

}  // namespace consort
