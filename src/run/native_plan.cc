#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "device/native_ports.h"
#include "run/prepared.h"

namespace consort {
namespace {

class Unwrapping {
 public:
  explicit Unwrapping(PreparedPlan plan) : plan_(std::move(plan)) {}

  PreparedPlan Run() {
    FindInner();
    for (const PreparedStage& stage : plan_.stages) KeepMixed(stage);
    for (PreparedStage& stage : plan_.stages) {
      for (PreparedReplica& replica : stage.replicas) Unwrap(replica);
      for (PreparedReplica& replica : stage.spares) Unwrap(replica);
    }
    return std::move(plan_);
  }

 private:
  // Tensors that one stage makes and others read, and that the caller does not get.
  void FindInner() {
    std::set<std::string> read;
    for (const PreparedStage& stage : plan_.stages) {
      if (stage.replicas.empty() || stage.replicas.front().executable == nullptr) continue;
      const Signature& signature = stage.replicas.front().executable->signature();
      for (const Port& port : signature.inputs) read.insert(port.name);
      for (const Port& port : signature.outputs) inner_.insert(port.name);
    }
    std::erase_if(inner_, [&](const std::string& name) {
      const bool given = std::find(plan_.outputs.begin(), plan_.outputs.end(), name) != plan_.outputs.end();
      return given || read.count(name) == 0;
    });
  }

  // What replicas or spares of a stage make in different forms crosses in the model's: the form of one would round what
  // another makes.
  void KeepMixed(const PreparedStage& stage) {
    std::map<std::string, TensorSpec> forms;
    const bool unknown = HasUnknownSpare(stage);
    const auto look_at = [&](const PreparedReplica& replica) {
      if (replica.executable == nullptr) return;
      for (const Port& port : MadeBy(*replica.executable)) {
        const auto known = forms.emplace(port.name, port.spec).first;
        if (unknown || !AreAlike(known->second, port.spec)) inner_.erase(port.name);
      }
    };
    std::for_each(stage.replicas.begin(), stage.replicas.end(), look_at);
    std::for_each(stage.spares.begin(), stage.spares.end(), look_at);
  }

  // A spare that is compiled later makes what a replica of the same target makes; of another it is not known yet.
  static bool HasUnknownSpare(const PreparedStage& stage) {
    return std::any_of(stage.spares.begin(), stage.spares.end(), [&stage](const PreparedReplica& spare) {
      return spare.is_compiled_later() &&
             std::none_of(stage.replicas.begin(), stage.replicas.end(),
                          [&spare](const PreparedReplica& replica) { return replica.name == spare.name; });
    });
  }

  // Outputs as the device itself gives them.
  static std::vector<Port> MadeBy(const Executable& executable) {
    const std::shared_ptr<Executable> native = NativeOf(executable);
    return (native == nullptr ? executable : *native).signature().outputs;
  }

  // But for the shape: parts of a call have rows of their own.
  static bool AreAlike(const TensorSpec& a, const TensorSpec& b) {
    return a.dtype == b.dtype && a.layout == b.layout && a.quantization == b.quantization;
  }

  void Unwrap(PreparedReplica& replica) {
    if (replica.executable == nullptr) return;
    std::shared_ptr<Executable> native = NativeOf(*replica.executable);
    if (native == nullptr) return;
    const Signature& signature = replica.executable->signature();
    for (const auto* ports : {&signature.inputs, &signature.outputs}) {
      for (const Port& port : *ports) {
        if (inner_.count(port.name) == 0) plan_.forms.emplace(port.name, port.spec);
      }
    }
    replica.executable = std::move(native);
  }

  PreparedPlan plan_;
  std::set<std::string> inner_;  // tensors in the form of who makes them
};

}  // namespace

PreparedPlan WithNativePorts(PreparedPlan plan) { return Unwrapping(std::move(plan)).Run(); }

}  // namespace consort
