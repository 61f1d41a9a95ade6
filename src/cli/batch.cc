#include "cli/batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"

namespace consort {
namespace {

bool IsState(const InputArguments& inputs, const std::string& name) {
  return std::any_of(inputs.states.begin(), inputs.states.end(),
                     [&name](const auto& state) { return state.first == name; });
}

const NamedFile& FileFor(const ModelArguments& models, const Target& target) {
  const NamedFile* found = nullptr;
  for (const NamedFile& model : models.models) {
    if (model.name == target.backend) return model;
    if (model.name.empty()) found = &model;
  }
  if (found == nullptr) throw UsageError(fmt::format("--model: none is given for {}", target.ToString()));
  return *found;
}

[[noreturn]] void ThrowFixed(const std::string& model, const std::string& input, int64_t has, int64_t wanted) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: axis 0 of input '{}' is fixed at {}, not {}; make a model "
                                                       "with that batch (consort make --batch), export "
                                                       "it with a symbolic axis, or leave --batch out",
                                                       model, input, has, wanted));
}

// Adds to `models` what binds axis 0 of the inputs; false when there is nothing to bind.
bool BindAxis0(const Artifact& artifact, const InputArguments& inputs, int64_t batch, ModelArguments& models) {
  const Graph& graph = artifact.model().graph();
  bool bound = false;
  for (const TensorId id : graph.inputs()) {
    const Tensor& input = graph.tensor(id);
    if (input.spec.shape.empty() || IsState(inputs, input.name)) continue;
    const int64_t size = input.spec.shape.front();
    if (size != kDynamic && batch > 0 && size != batch) ThrowFixed(artifact.name(), input.name, size, batch);
    if (size != kDynamic) continue;
    const std::string symbol = input.dim_names.empty() ? "" : input.dim_names.front();
    if (!symbol.empty()) {
      models.dims[symbol] = std::max<int64_t>(1, batch);
    } else {
      Shape shape = input.spec.shape;
      shape.front() = std::max<int64_t>(1, batch);
      models.shapes[input.name] = std::move(shape);
    }
    bound = true;
  }
  return bound;
}

template <typename Work>
TimeNs Timed(Work&& work) {
  const TimeNs start = Clock::Real().NowNs();
  work();
  return Clock::Real().NowNs() - start;
}

}  // namespace

LoadedModel LoadWithBatch(const ModelArguments& models, const InputArguments& inputs, const Target& target,
                          int64_t batch) {
  const std::filesystem::path& path = FileFor(models, target).path;
  std::optional<Artifact> artifact;
  TimeNs load_ns = Timed([&] { artifact = LoadArtifact(path, models); });
  const bool as_it_is = batch == 0 && !inputs.inputs.empty();
  ModelArguments bound = models;
  if (artifact->kind() == ArtifactKind::kOnnx && !as_it_is && BindAxis0(*artifact, inputs, batch, bound)) {
    load_ns = Timed([&] { artifact = LoadArtifact(path, bound); });
  }
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
  return {std::move(*artifact), load_ns, error ? 0 : bytes};
}

void CheckBatch(const Signature& signature, const InputArguments& inputs, int64_t batch, const std::string& model) {
  for (const Port& port : signature.inputs) {
    if (batch == 0 || port.spec.shape.empty() || IsState(inputs, port.name)) continue;
    const int64_t size = port.spec.shape.front();
    if (size != kDynamic && size != batch) ThrowFixed(model, port.name, size, batch);
  }
}

}  // namespace consort
