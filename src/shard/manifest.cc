#include "shard/manifest.h"

namespace consort {
namespace {

std::vector<PortEntry> DescribePorts(const Graph& graph, const Sharding& sharding, const std::vector<TensorId>& ids) {
  std::vector<PortEntry> ports;
  for (const TensorId id : ids) {
    const Tensor& tensor = graph.tensor(id);
    // An output of the model that is a constant or an input is given by the last shard, but an input stays the model's.
    ports.push_back({DescribeTensor(tensor), tensor.kind == TensorKind::kInput ? kNone : sharding.MakerOf(id)});
  }
  return ports;
}

// A tensor that the last op before the position makes; "" where it makes none.
std::string TensorBefore(const Graph& graph, int position) {
  for (const TensorId id : graph.op(position - 1).outputs) {
    if (id != kNone) return graph.tensor(id).name;
  }
  return "";
}

CutEntry DescribeCut(const Graph& graph, const Cut& cut, const FusionIndex& fusions) {
  CutEntry entry{.position = cut.position, .after_op = graph.op(cut.position - 1).name, .bytes = cut.bytes};
  entry.names.after = TensorBefore(graph, cut.position);
  for (const TensorId id : cut.crossing) entry.names.crossing.push_back(graph.tensor(id).name);
  entry.fusions = fusions.NamesAt(cut.position);
  return entry;
}

}  // namespace

TensorEntry DescribeTensor(const Tensor& tensor) {
  return {.name = tensor.name,
          .dtype = std::string(ToString(tensor.spec.dtype)),
          .has_rank = tensor.has_rank,
          .shape = tensor.spec.shape,
          .dim_names = tensor.dim_names,
          .bytes = tensor.bytes()};
}

Manifest DescribeSharding(const Model& model, const Sharding& sharding, const FusionIndex& fusions) {
  const Graph& graph = model.graph();
  Manifest manifest{.source = model.name(), .fingerprint = model.fingerprint()};
  for (const TensorId id : graph.inputs()) manifest.inputs.push_back(DescribeTensor(graph.tensor(id)));
  manifest.outputs = DescribePorts(graph, sharding, graph.outputs());
  for (const Cut& cut : sharding.cuts) manifest.cuts.push_back(DescribeCut(graph, cut, fusions));
  for (const Shard& shard : sharding.shards) {
    ShardEntry entry{.ops = static_cast<int64_t>(shard.ops.size())};
    entry.inputs = DescribePorts(graph, sharding, shard.inputs);
    for (const TensorId id : shard.outputs) entry.outputs.push_back(DescribeTensor(graph.tensor(id)));
    manifest.shards.push_back(std::move(entry));
  }
  return manifest;
}

}  // namespace consort
