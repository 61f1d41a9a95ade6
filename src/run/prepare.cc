#include "run/prepare.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "consort/error.h"
#include "shard/extract.h"
#include "shard/sharding.h"

namespace consort {
namespace {

// The shards of one model at several batches, made when they are asked for first.
class ShardCache {
 public:
  ShardCache(std::function<Model(int64_t)> model_at, const Plan& plan) : model_at_(std::move(model_at)), plan_(plan) {}

  Artifact Get(const Stage& stage, const Replica& replica) {
    const size_t index = IndexOf(stage);
    std::lock_guard lock(mutex_);
    const int64_t batch = replica.samples > 0 ? replica.samples : plan_.batch;
    const auto found = artifacts_.find({index, batch});
    if (found != artifacts_.end()) return found->second;
    return artifacts_.emplace(std::pair(index, batch), Make(index, batch)).first->second;
  }

 private:
  size_t IndexOf(const Stage& stage) const {
    for (size_t i = 0; i < plan_.stages.size(); ++i) {
      if (plan_.stages[i].begin == stage.begin && plan_.stages[i].end == stage.end) return i;
    }
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the plan has no stage of ops {} to {}", stage.begin, stage.end));
  }

  Artifact Make(size_t index, int64_t batch) const {
    const Model model = model_at_(batch);
    if (plan_.stages.size() == 1) return Artifact(model);
    std::vector<int> positions;
    for (size_t i = 1; i < plan_.stages.size(); ++i) positions.push_back(plan_.stages[i].begin);
    const Sharding sharding = DivideAt(model.graph(), std::move(positions));
    if (sharding.shards.size() != plan_.stages.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the plan's {} stages cut the model into {} shards; plan it again", plan_.stages.size(),
                              sharding.shards.size()));
    }
    return Artifact(ShardModel(model, sharding.shards[index], fmt::format("{}, stage {}", model.name(), index)));
  }

  std::function<Model(int64_t)> model_at_;
  const Plan plan_;
  std::mutex mutex_;
  std::map<std::pair<size_t, int64_t>, Artifact> artifacts_;
};

std::vector<std::string> NamesOf(const Graph& graph, const std::vector<TensorId>& tensors) {
  std::vector<std::string> names;
  for (TensorId tensor : tensors) names.push_back(graph.tensor(tensor).name);
  return names;
}

class Preparation {
 public:
  Preparation(const ShardSource& shards, const Registry& registry, const PrepareOptions& options)
      : shards_(shards), registry_(registry), options_(options) {}

  PreparedStage Make(const Stage& stage, const std::vector<Target>& spares) {
    PreparedStage prepared{.queue_depth = stage.queue_depth};
    for (const Replica& replica : stage.replicas) prepared.replicas.push_back(Make(stage, replica));
    for (const Target& target : spares) {
      Replica spare{.target = target, .samples = stage.replicas.at(0).samples};
      prepared.spares.push_back(options_.compile_spares_later ? MakeLater(stage, spare) : Make(stage, spare));
    }
    return prepared;
  }

 private:
  PreparedReplica Make(const Stage& stage, const Replica& replica) {
    const std::shared_ptr<Device> device = Open(replica.target);
    PreparedReplica prepared{.name = replica.target.ToString(),
                             .share = replica.share,
                             .samples = replica.samples,
                             .cores = device->info().cores};
    prepared.executable = device->Compile(shards_(stage, replica), OptionsFor(replica, options_));
    if (options_.open.isolated) prepared.reopen = Opening(stage, replica);
    return prepared;
  }

  PreparedReplica MakeLater(const Stage& stage, const Replica& replica) {
    PreparedReplica prepared{.name = replica.target.ToString(),
                             .compile = Opening(stage, replica),
                             .share = replica.share,
                             .samples = replica.samples,
                             .cores = Open(replica.target)->info().cores};
    if (options_.open.isolated) prepared.reopen = prepared.compile;
    return prepared;
  }

  std::function<std::shared_ptr<Executable>()> Opening(const Stage& stage, const Replica& replica) const {
    return [shards = shards_, &registry = registry_, options = options_, stage,
            replica]() -> std::shared_ptr<Executable> {
      const std::shared_ptr<Device> device = registry.Open(registry.Resolve(replica.target), options.open);
      return device->Compile(shards(stage, replica), OptionsFor(replica, options));
    };
  }

  static CompileOptions OptionsFor(const Replica& replica, const PrepareOptions& options) {
    CompileOptions compile = options.compile;
    compile.threads = replica.threads;
    // The process of an isolated device can be ended only from beside its call.
    compile.execution = options.open.isolated ? Execution::kWorker : Execution::kCaller;
    return compile;
  }

  std::shared_ptr<Device> Open(const Target& target) {
    const Target resolved = registry_.Resolve(target);
    std::shared_ptr<Device>& device = devices_[resolved.ToString()];
    if (device == nullptr || options_.open.isolated) device = registry_.Open(resolved, options_.open);
    return device;
  }

  const ShardSource& shards_;
  const Registry& registry_;
  const PrepareOptions& options_;
  std::map<std::string, std::shared_ptr<Device>> devices_;
};

}  // namespace

ShardSource ShardsOf(std::function<Model(int64_t batch)> model_at, const Plan& plan) {
  auto cache = std::make_shared<ShardCache>(std::move(model_at), plan);
  return [cache](const Stage& stage, const Replica& replica) { return cache->Get(stage, replica); };
}

PreparedPlan Prepare(const Plan& plan, const Graph& model, const ShardSource& shards, const Registry& registry,
                     const PrepareOptions& options) {
  PreparedPlan prepared{.inputs = NamesOf(model, model.inputs()), .outputs = NamesOf(model, model.outputs())};
  Preparation preparation(shards, registry, options);
  for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
    const std::vector<Target> none;
    try {
      prepared.stages.push_back(
          preparation.Make(plan.stages[stage], stage < options.spares.size() ? options.spares[stage] : none));
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("stage {}: {}", stage, error.what()));
    }
  }
  return prepared;
}

}  // namespace consort
