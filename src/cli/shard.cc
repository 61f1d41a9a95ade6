// `consort shard`: one model becomes several that any tool runs alone.
#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include "base/strings.h"
#include "bench/chain.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/run_inputs.h"
#include "cli/shard_options.h"
#include "cli/shard_report.h"
#include "consort/registry.h"
#include "cost/cost_model.h"
#include "shard/choose.h"
#include "shard/shard_files.h"

namespace consort {
namespace {

constexpr char kCheckTarget[] = "cpu@onnxruntime";
// Of the largest value: what ONNX Runtime's fusions make of the same arithmetic.
constexpr double kTolerance = 1e-5;

constexpr char kDescription[] =
    "Cuts an ONNX model into shards: complete ONNX models that any tool runs alone, and a manifest that says how they "
    "fit together. The "
    "shards are run one after the other against the whole model before the command reports success.";
constexpr char kFooter[] =
    "Examples:\n"
    "  consort shard resnet50.onnx -o parts --stages 4\n"
    "  consort shard net.onnx -o parts --at conv3_out,block5_out\n"
    "  consort shard net.onnx -o parts --stages 2 --platform xeon-2.2ghz\n"
    "  consort shard net-v2.onnx -o parts2 --like parts/shards.json\n"
    "\n"
    "A cut inside a fusion that engines make (Conv+BatchNormalization+Relu, Gelu,\n"
    "attention, …) is marked: results may differ in the last bits there.";

// Names of tensors may hold commas: a text that is a tensor's name is taken as a whole.
std::vector<int> PositionsAt(const Graph& graph, const std::vector<std::string>& texts) {
  std::vector<int> positions;
  for (const std::string& text : texts) {
    const std::vector<std::string> names = graph.FindTensor(text) != kNone ? std::vector{text} : Split(text, ',');
    for (const std::string& name : names) positions.push_back(PositionBehind(graph, name));
  }
  return positions;
}

// The first CPU of a platform.
const PlatformDevice& CpuOf(const Platform& platform) {
  std::vector<std::string> names;
  for (const PlatformDevice& device : platform.devices) {
    if (device.kind == DeviceKind::kCpu) return device;
    names.push_back(device.name);
  }
  throw UsageError(fmt::format("--platform: '{}' has no CPU, only {}; 'consort platforms' lists those that have one",
                               platform.name, Join(names)));
}

// Picoseconds of each op: the modelled time of the work that begins with it.
StageWeights WeightsByTime(const Graph& graph, const Platform& platform, const PlatformDevice& device) {
  const WorkList works = WorkOf(graph);
  const Estimate estimate = MakeCostModel(platform, device)->Cost(works, {});
  StageWeights weights{.per_op = std::vector<int64_t>(graph.ops().size())};
  for (size_t i = 0; i < works.works.size(); ++i) {
    weights.per_op[static_cast<size_t>(works.works[i].ops.front())] +=
        std::llround(estimate.works.at(i).seconds * 1e12);
  }
  return weights;
}

// Shapes for inputs that the model leaves open: 1 for a first axis, 64 for others, one size for one name.
std::map<std::string, Shape> MadeUpSizes(const Graph& graph) {
  std::map<std::string, Shape> sizes;
  std::map<std::string, int64_t> named;
  for (const TensorId id : graph.inputs()) {
    const Tensor& tensor = graph.tensor(id);
    if (IsStatic(tensor.spec.shape)) continue;
    Shape& shape = sizes[tensor.name] = tensor.spec.shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] != kDynamic) continue;
      shape[axis] = axis == 0 ? 1 : 64;
      if (!tensor.dim_names[axis].empty())
        shape[axis] = named.emplace(tensor.dim_names[axis], shape[axis]).first->second;
    }
  }
  return sizes;
}

class Sharder {
 public:
  explicit Sharder(const ShardArguments& arguments)
      : arguments_(arguments), model_(Model::Load(arguments.model, arguments.loading)), fusions_(model_.graph()) {}

  ShardReport Run() {
    const Sharding sharding = DivideAt(model_.graph(), Positions());
    RefuseFusions(sharding);
    WriteOptions options{.overwrite = arguments_.force};
    options.on_shard = [&](int shard) {
      progress_.Say(fmt::format("writing shard {} of {}", shard + 1, sharding.shards.size()));
    };
    report_.folder = arguments_.folder;
    report_.manifest = WriteShards(model_, sharding, fusions_, arguments_.folder, options);
    if (!arguments_.no_check) report_.check = Check();
    return std::move(report_);
  }

 private:
  std::vector<int> Positions() {
    const Graph& graph = model_.graph();
    try {
      if (!arguments_.like.empty()) return PositionsLike(graph, CutsOf(arguments_.like));
      if (!arguments_.at.empty()) return PositionsAt(graph, arguments_.at);
      StageOptions options{.stages = *arguments_.stages, .weights = Weights()};
      if (!arguments_.cut_fusions) options.avoid = &fusions_;
      const StageChoice choice = ChooseStages(graph, options);
      report_.balance->weights = choice.weights;
      return choice.positions;
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", model_.name(), error.what()));
    }
  }

  static std::vector<NamedCut> CutsOf(const std::filesystem::path& manifest) {
    std::vector<NamedCut> cuts;
    for (const CutEntry& cut : ReadManifest(manifest).cuts) cuts.push_back(cut.names);
    return cuts;
  }

  StageWeights Weights() {
    report_.balance = BalanceReport{.by = std::string(ToString(arguments_.balanced_by()))};
    if (arguments_.balanced_by() == Balance::kBytes) return {.count_parameters = true};
    const Model sized = WithSizes();
    if (arguments_.balanced_by() == Balance::kMacs) return WeightsByMacs(sized.graph());
    const Platform platform = LoadPlatform(arguments_.platform, BuiltinCostSchemas());
    const PlatformDevice& device = CpuOf(platform);
    report_.balance->of = fmt::format("{} of {}", device.name, platform.name);
    return WeightsByTime(sized.graph(), platform, device);
  }

  // The model with sizes for what it leaves open, so that its ops weigh something.
  Model WithSizes() {
    report_.balance->sizes = MadeUpSizes(model_.graph());
    if (report_.balance->sizes.empty()) return RequireMacs(model_);
    ModelOptions loading = arguments_.loading;
    loading.shapes = report_.balance->sizes;
    try {
      return RequireMacs(Model::Load(arguments_.model, loading));
    } catch (const Error&) {
      throw Error(ErrorCode::kInvalidArgument,
                  "its multiply-accumulates are not known: give --shape or --dim, or balance by bytes");
    }
  }

  Model RequireMacs(Model sized) const {
    if (arguments_.balanced_by() == Balance::kMacs && sized.graph().totals().macs == 0) {
      throw Error(ErrorCode::kInvalidArgument, "has no multiply-accumulates to balance by: balance by bytes or time");
    }
    return sized;
  }

  void RefuseFusions(const Sharding& sharding) const {
    if (!arguments_.avoid_fusions) return;
    for (const Cut& cut : sharding.cuts) {
      const std::vector<std::string> names = fusions_.NamesAt(cut.position);
      if (names.empty()) continue;
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: the cut behind '{}' divides the fusion {}; leave --avoid-fusions out, or cut {}",
                      model_.name(), model_.graph().op(cut.position - 1).name, Join(names), Around(cut.position)));
    }
  }

  // The nearest positions before and behind that divide no fusion.
  std::string Around(int position) const {
    const Graph& graph = model_.graph();
    std::vector<std::string> places;
    for (const int step : {-1, 1}) {
      int at = position + step;
      while (at > 0 && at < static_cast<int>(graph.ops().size()) && (fusions_.Divides(at) || graph.op(at - 1).constant))
        at += step;
      if (at > 0 && at < static_cast<int>(graph.ops().size()))
        places.push_back(fmt::format("behind '{}'", graph.op(at - 1).name));
    }
    return places.empty() ? "elsewhere" : Join(places, " or ");
  }

  // Of the files as they were written.
  CheckReport Check() const {
    progress_.Say("running the shards against the whole model");
    const std::shared_ptr<Device> device = MakeBuiltinRegistry().Open(Target::Parse(kCheckTarget));
    ChainCheckOptions options{.seed = arguments_.inputs.seed};
    if (!arguments_.inputs.inputs.empty()) options.inputs = GivenInputs(*device);
    const std::vector<Model> shards = LoadShards(arguments_.folder / kManifestName);
    return {.target = kCheckTarget,
            .seed = options.seed,
            .tolerance = kTolerance,
            .check = CheckChain(*device, model_, shards, options)};
  }

  Tensors GivenInputs(Device& device) const {
    const auto executable =
        device.Compile(Artifact(model_), {.optimization = Optimization::kBasic, .prove_placement = false});
    const Signature& signature = executable->signature();
    std::vector<PortInput> inputs = RunInputs(arguments_.inputs).For(signature);
    Tensors tensors;
    for (size_t i = 0; i < inputs.size(); ++i) tensors.emplace(signature.inputs[i].name, std::move(inputs[i].tensor));
    return tensors;
  }

  const ShardArguments& arguments_;
  const Model model_;
  const FusionIndex fusions_;
  const Progress progress_;
  ShardReport report_;
};

ExitCode RunShard(const ShardArguments& arguments) {
  CheckShardArguments(arguments);
  const ShardReport report = Sharder(arguments).Run();
  fmt::print("{}", arguments.format == OutputFormat::kJson ? ShardJson(report) : ShardTables(report));
  if (!report.check || report.check->passed()) return ExitCode::kDone;
  std::fflush(stdout);
  fmt::print(stderr, "consort: the shards do not give what the whole model gives\n");
  return ExitCode::kAccuracyMissed;
}

}  // namespace

Command AddShardCommand(CLI::App& program) {
  CLI::App* app = program.add_subcommand("shard", kDescription);
  app->footer(kFooter);
  const auto arguments = std::make_shared<ShardArguments>();
  AddShardOptions(app, *arguments);
  return {app, [arguments] { return RunShard(*arguments); }};
}

}  // namespace consort
