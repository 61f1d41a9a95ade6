// A plan of `consort plan` over ONNX Runtime and OpenVINO on this machine's cores, fp32, against both engines by
// themselves (bare_engines.h), in interleaved rounds, everything loaded anew after the tuning. One model and one objective;
// plan_vs_engines.py runs it for the 14 models and sums up.
//
//   plan_vs_engines MODEL.onnx INPUTS.npz latency|throughput [ROUNDS]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "bare_engines.h"
#include "bench/compare.h"
#include "consort/error.h"
#include "io/tensor_file.h"
#include "tune/local_planner.h"
#include "tune/session_timer.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDefaultRounds = 30;
constexpr int kLoads = 3;

InputSource FromFile(const std::vector<NamedTensor>& tensors) {
  return [&tensors](const Signature& signature) {
    std::vector<Buffer> inputs;
    for (const Port& port : signature.inputs) {
      const Buffer* found = FindTensor(tensors, port.name);
      if (found == nullptr)
        throw Error(ErrorCode::kInvalidArgument, fmt::format("the file has no input '{}'", port.name));
      inputs.push_back(found->Clone());
    }
    return inputs;
  };
}

// The model with the shapes of its inputs.
Model LoadFor(const std::filesystem::path& path, const std::vector<NamedTensor>& inputs) {
  ModelOptions options;
  for (const NamedTensor& input : inputs) options.shapes[input.name] = input.tensor.spec().shape;
  return Model::Load(path, options);
}

LocalPlan PlanFor(const Registry& registry, const Model& model, Objective objective, const InputSource& inputs) {
  LocalPlanOptions options{.query = {.objective = objective}};
  for (const char* target : {"cpu@onnxruntime", "cpu@openvino"})
    options.targets.push_back(registry.Resolve(Target::Parse(target)));
  options.tune.progress = [](const std::string& text) { fmt::print(stderr, "  {}\n", text); };
  Profile profile = EmptyProfile(model, {});
  return MakeLocalPlan(registry, [&model](int64_t) { return model; }, options, inputs, profile);
}

std::string Describe(const Plan& plan) {
  std::string text(ToString(plan.strategy));
  for (const Stage& stage : plan.stages) {
    text += &stage == &plan.stages.front() ? " on " : " > ";
    for (const Replica& replica : stage.replicas) {
      text += &replica == &stage.replicas.front() ? "" : " + ";
      text += replica.target.ToString() + (replica.threads > 0 ? fmt::format(":{}t", replica.threads) : "");
    }
  }
  return text;
}

Json SideJson(const std::string& name, bool is_default, const SideResult& side) {
  return {{"name", name},
          {"default", is_default},
          {"ms", side.median_ns.estimate / 1e6},
          {"over_plan", side.ratio.estimate},
          {"over_plan_low", side.ratio.low},
          {"over_plan_high", side.ratio.high}};
}

int Main(const std::filesystem::path& path, const std::filesystem::path& inputs_path, Objective objective, int rounds) {
  const Registry registry = MakeBuiltinRegistry();
  const std::vector<NamedTensor> tensors = ReadTensors(inputs_path);
  const Model model = LoadFor(path, tensors);
  const InputSource inputs = FromFile(tensors);
  const LocalPlan planned = PlanFor(registry, model, objective, inputs);
  std::vector<BareEngine> engines = BareOnnxRuntimes(objective == Objective::kThroughput);
  for (BareEngine& engine : BareOpenVinos(objective == Objective::kThroughput)) engines.push_back(std::move(engine));
  NoiseGate gate(CoreSet(), LimitsFor(objective));
  PrepareOptions prepare;
  prepare.compile.prove_placement = false;
  PlanLoader loader(registry, model.graph(), [&model](int64_t) { return model; }, prepare, inputs);
  const auto load = [&](int) {
    std::vector<Side> sides = loader.Load({planned.plan}, gate);
    for (const BareEngine& engine : engines) {
      BareSide bare = engine.make(path, tensors);
      bare.settle();
      Warm(bare.settle, 50'000'000, 2'000'000'000);
      sides.push_back({.run = bare.run, .settle = bare.settle});
    }
    return sides;
  };
  const PairedResult result = ComparePaired(gate, load, {.time_ns = 1, .loads = kLoads, .block_ns = BlockLengthNs(objective),
                                                         .min_rounds = rounds, .patience = 6});
  Json json = {{"model", path.stem().string()},
               {"objective", ToString(objective)},
               {"plan", Describe(planned.plan)},
               {"plan_ms", result.sides[0].median_ns.estimate / 1e6},
               {"profiling_s", planned.profiling_s},
               {"planning_s", planned.planning_s},
               {"rounds", result.rounds},
               {"discarded", result.discarded_share()},
               {"unstable", result.unstable},
               {"sides", Json::array()}};
  for (size_t i = 0; i < engines.size(); ++i)
    json["sides"].push_back(SideJson(engines[i].name, engines[i].is_default, result.sides[i + 1]));
  fmt::print("{}\n", json.dump());
  return 0;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    fmt::print(stderr, "usage: plan_vs_engines MODEL.onnx INPUTS.npz latency|throughput [ROUNDS]\n");
    return 2;
  }
  try {
    return consort::Main(argv[1], argv[2], consort::ParseObjective(argv[3]),
                         argc > 4 ? std::atoi(argv[4]) : consort::kDefaultRounds);
  } catch (const std::exception& error) {
    fmt::print(stderr, "plan_vs_engines: {}\n", error.what());
    return 1;
  }
}
