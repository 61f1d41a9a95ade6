#include "run/wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "consort/error.h"

namespace consort {
namespace {

std::set<std::string> NamesOf(const std::vector<Port>& ports) {
  std::set<std::string> names;
  for (const Port& port : ports) names.insert(port.name);
  return names;
}

void CheckAlike(const PreparedReplica& first, const PreparedReplica& other, size_t stage) {
  if (other.executable == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("stage {}: '{}' has no executable", stage, other.name));
  }
  const Signature& a = first.executable->signature();
  const Signature& b = other.executable->signature();
  if (NamesOf(a.inputs) == NamesOf(b.inputs) && NamesOf(a.outputs) == NamesOf(b.outputs)) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("stage {}: '{}' and '{}' have ports of different names; replicas are compiled from the same shard",
                  stage, first.name, other.name));
}

std::set<std::string> NamesOf(const Wiring& wiring, const std::vector<int>& tensors) {
  std::set<std::string> names;
  for (int tensor : tensors) names.insert(wiring.tensors[tensor].name);
  return names;
}

class WiringBuilder {
 public:
  WiringBuilder(const PreparedPlan& plan, const std::vector<std::pair<std::string, std::string>>& states)
      : plan_(plan), states_(states) {}

  Wiring Build() {
    if (plan_.stages.empty()) throw Error(ErrorCode::kInvalidArgument, "a plan needs at least one stage");
    for (size_t stage = 0; stage < plan_.stages.size(); ++stage) AddStage(stage);
    for (const auto& [input, output] : states_) AddState(input, output);
    ChooseEnds();
    return std::move(wiring_);
  }

 private:
  void AddStage(size_t stage) {
    const PreparedStage& prepared = plan_.stages[stage];
    if (prepared.replicas.empty()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("stage {} has no replica", stage));
    }
    for (const PreparedReplica& replica : prepared.replicas) CheckAlike(prepared.replicas[0], replica, stage);
    for (const PreparedReplica& replica : prepared.spares) {
      if (!replica.is_compiled_later()) CheckAlike(prepared.replicas[0], replica, stage);
    }
    WiredStage wired;
    wired.parts = PartsOf(prepared, stage);
    const Signature& signature = prepared.replicas[0].executable->signature();
    for (const Port& port : signature.inputs) {
      const int known = wiring_.Find(port.name);
      if (known >= 0) CheckRows(wiring_.tensors[known], wired, stage);
      const int tensor = known >= 0 ? known : Add(port, wired, stage, "input");
      if (known < 0) given_.push_back(tensor);
      wired.inputs.push_back(tensor);
      read_.insert(tensor);
    }
    for (const Port& port : signature.outputs) {
      if (wiring_.Find(port.name) >= 0) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("stage {}: tensor '{}' is made or given already", stage, port.name));
      }
      wired.outputs.push_back(Add(port, wired, stage, "output"));
    }
    wiring_.stages.push_back(std::move(wired));
  }

  int Add(const Port& port, const WiredStage& stage, size_t index, std::string_view role) {
    const auto form = plan_.forms.find(port.name);
    WiredTensor tensor{.name = port.name,
                       .spec = form == plan_.forms.end() ? port.spec : form->second,
                       .dim_names = port.dim_names};
    const WiredStage::Part& last = stage.parts.back();
    if (last.count >= 0) {
      const Shape& shape = port.spec.shape;
      if (shape.empty() || (shape[0] != kDynamic && shape[0] != stage.parts[0].count)) {
        throw Error(ErrorCode::kUnsupported,
                    fmt::format("stage {} is divided among its replicas, but {} '{}' of {} has no axis of {} samples",
                                index, role, port.name, FormatSpec(port.spec), stage.parts[0].count));
      }
      tensor.spec.shape[0] = last.begin + last.count;
    }
    tensor.fixed = IsStatic(tensor.spec.shape);
    if (last.count >= 0 && !tensor.fixed) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("stage {} is divided among its replicas, so the shape of '{}' must be "
                              "known before it runs",
                              index, port.name));
    }
    wiring_.tensors.push_back(std::move(tensor));
    return static_cast<int>(wiring_.tensors.size()) - 1;
  }

  // What a divided stage reads of another has all samples.
  static void CheckRows(const WiredTensor& tensor, const WiredStage& stage, size_t index) {
    const WiredStage::Part& last = stage.parts.back();
    const Shape& shape = tensor.spec.shape;
    if (last.count < 0 || (tensor.fixed && !shape.empty() && shape[0] == last.begin + last.count)) return;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("stage {} is divided among its replicas, but '{}' of {} has no axis of {} samples", index,
                            tensor.name, FormatSpec(tensor.spec), last.begin + last.count));
  }

  // All replicas have samples, or none has.
  static std::vector<WiredStage::Part> PartsOf(const PreparedStage& stage, size_t index) {
    const auto divided = std::count_if(stage.replicas.begin(), stage.replicas.end(),
                                       [](const PreparedReplica& replica) { return replica.samples > 0; });
    if (divided == 0) return {{}};
    if (divided != static_cast<std::ptrdiff_t>(stage.replicas.size())) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("stage {}: either all of its replicas have samples of each call, or none", index));
    }
    std::vector<WiredStage::Part> parts;
    int64_t begin = 0;
    for (const PreparedReplica& replica : stage.replicas) {
      parts.push_back({begin, replica.samples});
      begin += replica.samples;
    }
    return parts;
  }

  void AddState(const std::string& input, const std::string& output) {
    const int from = wiring_.Find(input);
    const int to = wiring_.Find(output);
    for (WiredStage& stage : wiring_.stages) {
      if (std::find(stage.outputs.begin(), stage.outputs.end(), to) == stage.outputs.end()) continue;
      if (from < 0 || std::find(given_.begin(), given_.end(), from) == given_.end()) break;
      const WiredTensor& read = wiring_.tensors[from];
      const WiredTensor& made = wiring_.tensors[to];
      if (!read.fixed || read.spec.dtype != made.spec.dtype || read.spec.shape != made.spec.shape) {
        throw Error(ErrorCode::kInvalidArgument, fmt::format("state '{}' is {} but its next value '{}' is {}", input,
                                                             FormatSpec(read.spec), output, FormatSpec(made.spec)));
      }
      stage.states.emplace_back(from, to);
      std::erase(given_, from);
      kept_.insert(to);
      return;
    }
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("state ('{}', '{}'): no stage has both as input and output, or "
                            "another stage makes the input",
                            input, output));
  }

  void ChooseEnds() {
    wiring_.inputs = plan_.inputs.empty() ? given_ : Named(plan_.inputs);
    for (int tensor : given_) {
      if (std::find(wiring_.inputs.begin(), wiring_.inputs.end(), tensor) != wiring_.inputs.end()) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("tensor '{}' is read but neither made by an earlier stage nor an input",
                              wiring_.tensors[tensor].name));
    }
    if (!plan_.outputs.empty()) {
      wiring_.outputs = Named(plan_.outputs);
      return;
    }
    for (const WiredStage& stage : wiring_.stages) {
      for (int tensor : stage.outputs) {
        if (!read_.contains(tensor) && !kept_.contains(tensor)) wiring_.outputs.push_back(tensor);
      }
    }
  }

  std::vector<int> Named(const std::vector<std::string>& names) const {
    std::vector<int> tensors;
    for (const std::string& name : names) {
      tensors.push_back(wiring_.Find(name));
      if (tensors.back() < 0) {
        throw Error(ErrorCode::kInvalidArgument, fmt::format("no stage of the plan has a port '{}'", name));
      }
    }
    return tensors;
  }

  const PreparedPlan& plan_;
  const std::vector<std::pair<std::string, std::string>>& states_;
  Wiring wiring_;
  std::vector<int> given_;  // by the caller, as far as is known
  std::set<int> read_;
  std::set<int> kept_;  // next values of states
};

}  // namespace

int Wiring::Find(const std::string& name) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

void CheckPorts(const PreparedReplica& replica, const Wiring& wiring, int stage) {
  const Signature& signature = replica.executable->signature();
  const WiredStage& wired = wiring.stages[stage];
  if (NamesOf(signature.inputs) == NamesOf(wiring, wired.inputs) &&
      NamesOf(signature.outputs) == NamesOf(wiring, wired.outputs))
    return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("stage {}: '{}' was opened with ports of other names than the stage has", stage,
                          replica.name));
}

Wiring MakeWiring(const PreparedPlan& plan, const std::vector<std::pair<std::string, std::string>>& states) {
  return WiringBuilder(plan, states).Build();
}

}  // namespace consort
