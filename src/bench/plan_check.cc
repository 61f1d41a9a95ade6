#include "bench/plan_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/strings.h"
#include "bench/stage_evaluator.h"
#include "consort/error.h"

namespace consort {
namespace {

Tensors SharedOf(const Tensors& tensors) {
  Tensors shared;
  for (const auto& [name, tensor] : tensors) shared.emplace(name, tensor.Share());
  return shared;
}

void Put(const Outputs& outputs, Tensors& tensors) {
  for (const NamedTensor& output : outputs) tensors.insert_or_assign(output.name, output.tensor.Share());
}

Tensors SeededTensors(const Graph& graph, uint64_t seed) {
  const Signature signature = SignatureOf(graph);
  std::vector<Buffer> buffers = SeededInputs(seed)(signature);
  Tensors inputs;
  for (size_t port = 0; port < buffers.size(); ++port)
    inputs.emplace(signature.inputs[port].name, std::move(buffers[port]));
  return inputs;
}

// What the reference makes of a set of inputs.
struct Expected {
  Tensors inputs;
  Outputs outputs;  // of the model as it is
  Tensors tensors;  // the inputs, and what the stages make one after the other
};

// The model and its stages on the reference.
class Reference {
 public:
  Reference(const Registry& registry, const Plan& plan, const ModelAtBatch& model_at, const PlanCheckOptions& options)
      : target_(registry.Resolve(options.reference)) {
    const Model model = model_at(plan.batch);
    SubjectOptions subject{.open = {.plugin = options.prepare.open.plugin}};
    subject.compile = {.optimization = Optimization::kBasic,
                       .flush_denormals = options.prepare.compile.flush_denormals,
                       .prove_placement = false};
    whole_ = std::make_unique<Evaluator>(registry, target_, Artifact(model), subject);
    if (!whole_->has_numbers()) throw Error(ErrorCode::kUnsupported, "it has no numbers");
    if (plan.stages.size() == 1) return;
    device_ = registry.Open(target_, subject.open);
    const ShardSource shards = ShardsOf(model_at, plan);
    for (const Stage& stage : plan.stages) stages_.Add(*device_, shards(stage, Replica{}).model(), subject.compile);
  }

  Expected Run(Tensors inputs) {
    std::vector<Buffer> bound;
    for (const Port& port : whole_->signature().inputs) {
      const auto input = inputs.find(port.name);
      if (input == inputs.end())
        throw Error(ErrorCode::kInvalidArgument, fmt::format("nothing gives the input '{}'", port.name));
      bound.push_back(input->second.Share());
    }
    Expected expected{.outputs = whole_->Evaluate(std::move(bound))};
    if (device_ == nullptr) {
      Put(expected.outputs, expected.tensors);
    } else {
      expected.tensors = stages_.Run(inputs);
    }
    for (const auto& [name, tensor] : inputs) expected.tensors.emplace(name, tensor.Share());
    expected.inputs = std::move(inputs);
    return expected;
  }

 private:
  Target target_;
  std::unique_ptr<Evaluator> whole_;
  std::shared_ptr<Device> device_;  // of the stages, where there are several
  Chain stages_;
};

// What is summed up for a replica.
struct ReplicaTally {
  AccuracyTally alone;
  AccuracyTally chained;
};

class PlanCheck {
 public:
  explicit PlanCheck(const PreparedPlan& prepared) {
    for (size_t stage = 0; stage < prepared.stages.size(); ++stage) {
      stages_.emplace_back(prepared.stages[stage], static_cast<int>(stage));
      tallies_.emplace_back(static_cast<size_t>(stages_.back().replicas()));
      if (!stages_.back().is_divided()) lanes_ = std::max(lanes_, stages_.back().replicas());
      FindProblem(stages_.back(), stage);
    }
  }

  bool has_any_numbers() const { return any_numbers_; }

  void Add(const Expected& expected) {
    for (size_t stage = 0; stage < stages_.size(); ++stage) AddAlone(stage, expected);
    if (!problem_.empty()) return;
    for (int lane = 0; lane < lanes_; ++lane) AddLane(lane, expected);
  }

  PlanAccuracy Summarise() const {
    PlanAccuracy accuracy{.problem = problem_};
    if (problem_.empty()) accuracy.whole = whole_.Summarise();
    for (size_t stage = 0; stage < stages_.size(); ++stage) {
      for (int replica = 0; replica < stages_[stage].replicas(); ++replica) {
        StageAccuracy& one =
            accuracy.stages.emplace_back(StageAccuracy{static_cast<int>(stage), stages_[stage].name(replica), {}, {}});
        const ReplicaTally& tally = tallies_[stage][static_cast<size_t>(replica)];
        if (stages_[stage].has_numbers(replica)) one.alone = tally.alone.Summarise();
        if (problem_.empty()) one.chained = tally.chained.Summarise();
      }
    }
    return accuracy;
  }

 private:
  void FindProblem(const StageEvaluator& stage, size_t index) {
    for (int replica = 0; replica < stage.replicas(); ++replica) {
      const bool has_numbers = stage.has_numbers(replica);
      any_numbers_ = any_numbers_ || has_numbers;
      if (has_numbers || !problem_.empty()) continue;
      problem_ = fmt::format("stage {} on {} has no numbers", index, stage.name(replica));
    }
  }

  void AddAlone(size_t stage, const Expected& expected) {
    const StageEvaluator& evaluator = stages_[stage];
    for (int replica = 0; replica < evaluator.replicas(); ++replica) {
      if (!evaluator.has_numbers(replica)) continue;
      tallies_[stage][static_cast<size_t>(replica)].alone.Add(evaluator.Run(replica, expected.tensors),
                                                              evaluator.PartOf(replica, expected.tensors));
    }
  }

  // The sample's way through one replica of each stage, another one in each lane.
  void AddLane(int lane, const Expected& expected) {
    Tensors made = SharedOf(expected.inputs);
    for (size_t stage = 0; stage < stages_.size(); ++stage) {
      const StageEvaluator& evaluator = stages_[stage];
      const int first = evaluator.is_divided() ? 0 : lane % evaluator.replicas();
      const int last = evaluator.is_divided() ? evaluator.replicas() : first + 1;
      std::vector<Outputs> parts;
      for (int replica = first; replica < last; ++replica) {
        parts.push_back(evaluator.Run(replica, made));
        tallies_[stage][static_cast<size_t>(replica)].chained.Add(parts.back(),
                                                                  evaluator.PartOf(replica, expected.tensors));
      }
      Put(evaluator.is_divided() ? evaluator.Join(parts) : std::move(parts.front()), made);
    }
    whole_.Add(OutputsOf(expected, made), expected.outputs);
  }

  // The model's outputs among what the stages made.
  static Outputs OutputsOf(const Expected& expected, const Tensors& made) {
    Outputs outputs;
    for (const NamedTensor& output : expected.outputs) outputs.push_back({output.name, made.at(output.name).Share()});
    return outputs;
  }

  std::vector<StageEvaluator> stages_;
  std::vector<std::vector<ReplicaTally>> tallies_;  // [stage][replica]
  AccuracyTally whole_;
  int lanes_ = 1;
  bool any_numbers_ = false;
  std::string problem_;
};

std::string DescribeMisses(const std::vector<std::string>& misses) { return Join(misses, ", "); }

// The first stage that misses the bounds by itself.
bool BlameOneAlone(PlanAccuracy& accuracy, const AccuracyBounds& bounds) {
  for (const StageAccuracy& stage : accuracy.stages) {
    if (!stage.alone) continue;
    const std::vector<std::string> misses = Misses(*stage.alone, bounds);
    if (misses.empty()) continue;
    accuracy.first_bad_stage = stage.stage;
    accuracy.blame = fmt::format("stage {} on {} is the first that goes wrong: given the reference's own tensors, {}",
                                 stage.stage, stage.target, DescribeMisses(misses));
    return true;
  }
  return false;
}

// Each stage is right enough by itself: the first behind which too much has added up.
bool BlameTheSum(PlanAccuracy& accuracy, const AccuracyBounds& bounds) {
  for (const StageAccuracy& stage : accuracy.stages) {
    if (!stage.chained) continue;
    const std::vector<std::string> misses = Misses(*stage.chained, bounds);
    if (misses.empty()) continue;
    accuracy.first_bad_stage = stage.stage;
    accuracy.blame = fmt::format(
        "every stage is within the bounds by itself; what adds up leaves them behind stage {} on {}: {}", stage.stage,
        stage.target, DescribeMisses(misses));
    return true;
  }
  return false;
}

void Judge(PlanAccuracy& accuracy, const AccuracyBounds& bounds) {
  if (accuracy.whole) accuracy.misses = Misses(*accuracy.whole, bounds);
  if (accuracy.whole && accuracy.misses.empty()) return;
  if (BlameOneAlone(accuracy, bounds)) {
    if (!accuracy.whole) accuracy.misses.push_back(accuracy.blame);
    return;
  }
  if (!accuracy.whole || BlameTheSum(accuracy, bounds)) return;
  accuracy.blame = "every stage is within the bounds; the reference itself differs when the model is divided";
}

}  // namespace

PlanAccuracy CheckPlan(const Registry& registry, const Plan& plan, const ModelAtBatch& model_at,
                       const PlanCheckOptions& options) {
  const Model model = model_at(plan.batch);
  const PreparedPlan prepared =
      Prepare(plan, model.graph(), ShardsOf(model_at, plan), registry, options.prepare);
  return CheckPrepared(prepared, registry, plan, model_at, options);
}

PlanAccuracy CheckPrepared(const PreparedPlan& prepared, const Registry& registry, const Plan& plan,
                           const ModelAtBatch& model_at, const PlanCheckOptions& options) {
  PlanCheck check(prepared);
  const auto finish = [&](int sets) {
    PlanAccuracy accuracy = check.Summarise();
    accuracy.reference = registry.Resolve(options.reference).ToString();
    accuracy.inputs = sets;
    Judge(accuracy, options.bounds);
    return accuracy;
  };
  if (!check.has_any_numbers()) return finish(0);
  const auto on_reference = [&](auto work) {
    try {
      return work();
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("reference {}: {}", options.reference.ToString(), error.what()));
    }
  };
  const Model model = model_at(plan.batch);
  const auto reference =
      on_reference([&] { return std::make_unique<Reference>(registry, plan, model_at, options); });
  for (int set = 0; set < options.input_sets; ++set) {
    Tensors inputs = options.inputs ? options.inputs(set)
                                    : SeededTensors(model.graph(), options.seed + static_cast<uint64_t>(set));
    check.Add(on_reference([&] { return reference->Run(std::move(inputs)); }));
  }
  return finish(options.input_sets);
}

}  // namespace consort
