#include <algorithm>
#include <set>
#include <utility>

#include "device/native_ports.h"
#include "run/prepared.h"

namespace consort {
namespace {

class Unwrapping {
 public:
  explicit Unwrapping(PreparedPlan plan) : plan_(std::move(plan)) {}

  PreparedPlan Run() {
    FindInner();
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
  std::set<std::string> inner_;
};

}  // namespace

PreparedPlan WithNativePorts(PreparedPlan plan) { return Unwrapping(std::move(plan)).Run(); }

}  // namespace consort
