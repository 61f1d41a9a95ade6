#include "bench/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "consort/error.h"
#include "io/random_input.h"

namespace consort {
namespace {

// What open dimensions become.
struct OpenSizes {
  int64_t first = 1;
  int64_t other = 1;
};

constexpr std::array<OpenSizes, 4> kAttempts = {{{2, 64}, {1, 64}, {2, 1}, {1, 1}}};

Tensors MakeInputs(const Graph& graph, const OpenSizes& sizes, const ChainCheckOptions& options) {
  std::map<std::string, int64_t> named;
  Tensors inputs;
  for (const TensorId id : graph.inputs()) {
    const Tensor& tensor = graph.tensor(id);
    if (const auto given = options.inputs.find(tensor.name); given != options.inputs.end()) {
      inputs.emplace(tensor.name, given->second.Share());
      continue;
    }
    TensorSpec spec = tensor.spec;
    for (size_t axis = 0; axis < spec.shape.size(); ++axis) {
      if (spec.shape[axis] != kDynamic) continue;
      spec.shape[axis] = axis == 0 ? sizes.first : sizes.other;
      if (!tensor.dim_names[axis].empty())
        spec.shape[axis] = named.emplace(tensor.dim_names[axis], spec.shape[axis]).first->second;
    }
    inputs.emplace(tensor.name, RandomInput(spec, options.seed, tensor.name));
  }
  return inputs;
}

bool HasOpenInputs(const Graph& graph) {
  return std::any_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](TensorId id) { return !IsStatic(graph.tensor(id).spec.shape); });
}

// The first inputs that the whole model runs with, and what it makes of them.
std::pair<Tensors, Tensors> RunWhole(Chain& whole, const Model& model, const ChainCheckOptions& options) {
  std::string first_problem;
  for (const OpenSizes& sizes : kAttempts) {
    Tensors inputs = MakeInputs(model.graph(), sizes, options);
    try {
      Tensors outputs = whole.Run(inputs);
      return {std::move(inputs), std::move(outputs)};
    } catch (const Error& error) {
      if (!HasOpenInputs(model.graph())) throw;
      if (first_problem.empty()) first_problem = error.what();
    }
  }
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format(
          "{}: does not run with sizes made up for its open dimensions; give --shape or --dim, or leave the check out "
          "(--no-check): {}",
          model.name(), first_problem));
}

}  // namespace

void Chain::Add(Device& device, const Model& shard, const CompileOptions& options) {
  try {
    links_.push_back({shard.name(), device.Compile(Artifact(shard), options)});
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", shard.name(), error.what()));
  }
}

Tensors Chain::Run(const Tensors& inputs) {
  Tensors known;
  for (const auto& [name, tensor] : inputs) known.emplace(name, tensor.Share());
  Tensors made;
  for (const Link& link : links_) {
    const Signature& signature = link.executable->signature();
    const auto binding = std::make_shared<Binding>(signature);
    try {
      for (size_t port = 0; port < signature.inputs.size(); ++port) {
        const auto tensor = known.find(signature.inputs[port].name);
        if (tensor == known.end()) {
          throw Error(ErrorCode::kInvalidArgument,
                      fmt::format("nothing gives its input '{}'", signature.inputs[port].name));
        }
        binding->SetInput(static_cast<int>(port), tensor->second.Share());
      }
      consort::Run(*link.executable, binding);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", link.name, error.what()));
    }
    for (size_t port = 0; port < signature.outputs.size(); ++port) {
      const Buffer& output = binding->output(static_cast<int>(port));
      known.insert_or_assign(signature.outputs[port].name, output.Share());
      made.insert_or_assign(signature.outputs[port].name, output.Share());
    }
  }
  return made;
}

bool ChainCheck::bitwise() const {
  return std::all_of(outputs.begin(), outputs.end(),
                     [](const OutputCheck& output) { return output.comparison.bitwise_equal; });
}

const OutputCheck& ChainCheck::worst() const {
  return *std::max_element(outputs.begin(), outputs.end(), [](const OutputCheck& a, const OutputCheck& b) {
    return a.comparison.relative() < b.comparison.relative();
  });
}

double ChainCheck::relative() const { return worst().comparison.relative(); }

bool ChainCheck::Within(double tolerance) const {
  return std::all_of(outputs.begin(), outputs.end(),
                     [&](const OutputCheck& output) { return output.comparison.Within(tolerance); });
}

ChainCheck CheckChain(Device& device, const Model& whole, const std::vector<Model>& shards,
                      const ChainCheckOptions& options) {
  Chain one;
  one.Add(device, whole, options.compile);
  const auto [inputs, wanted] = RunWhole(one, whole, options);
  Chain chain;
  for (const Model& shard : shards) chain.Add(device, shard, options.compile);
  const Tensors results = chain.Run(inputs);
  ChainCheck check;
  for (const auto& [name, tensor] : inputs) check.inputs[name] = tensor.spec().shape;
  for (const TensorId id : whole.graph().outputs()) {
    const std::string& name = whole.graph().tensor(id).name;
    const auto result = results.find(name);
    if (result == results.end())
      throw Error(ErrorCode::kInternal, fmt::format("no shard gives the model's output '{}'", name));
    check.outputs.push_back({name, Compare(result->second, wanted.at(name))});
  }
  return check;
}

}  // namespace consort
