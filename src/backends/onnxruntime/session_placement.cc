#include "backends/onnxruntime/session_placement.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>

#include "backends/onnxruntime/session_setup.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr char kGraphFile[] = "graph.onnx";
constexpr char kWeightsFile[] = "weights";
constexpr char kSmallestWeightBytes[] = "64";  // smaller ones stay in the graph file

std::optional<Precision> PrecisionOf(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat32:
      return Precision::kFp32;
    case DataType::kFloat16:
      return Precision::kFp16;
    case DataType::kBFloat16:
      return Precision::kBf16;
    case DataType::kInt8:
      return Precision::kInt8;
    case DataType::kUInt8:
      return Precision::kUInt8;
    default:
      return std::nullopt;
  }
}

// The precision that the model itself gives an op: its first result's, else its first operand's; nothing for integers.
std::optional<Precision> OwnPrecision(const Graph& graph, const Op& op) {
  for (const std::vector<TensorId>* tensors : {&op.outputs, &op.inputs}) {
    for (TensorId tensor : *tensors) {
      if (tensor == kNone) continue;
      const std::optional<Precision> found = PrecisionOf(graph.tensor(tensor).spec.dtype);
      if (found) return found;
      break;
    }
  }
  return std::nullopt;
}

bool IsQuantizedKernel(const ExecutedNode& node) {
  return node.type.starts_with("QLinear") || node.type.ends_with("Integer") || node.type.starts_with("DynamicQuantize") ||
         node.type.starts_with("QAttention") || node.type.starts_with("QGemm");
}

bool ReadsWidened(const ExecutedNode& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [](const std::string& name) { return name.starts_with("InsertedPrecisionFreeCast_"); });
}

// Whether the op reads activations that are unsigned, directly or through DequantizeLinear.
bool ReadsUnsigned(const Graph& graph, const Op& op) {
  if (op.inputs.empty() || op.inputs.front() == kNone) return false;
  const Tensor* tensor = &graph.tensor(op.inputs.front());
  if (tensor->producer != kNone && graph.op(tensor->producer).type == "DequantizeLinear")
    tensor = &graph.tensor(graph.op(tensor->producer).inputs.front());
  return tensor->spec.dtype == DataType::kUInt8;
}

// What the executed node computes in, where that differs from what the source op holds. A quantized kernel computes in
// the type of its activations.
std::optional<Precision> ExecutedPrecision(const Graph& graph, const Op& op, std::optional<Precision> own,
                                           const ExecutedNode* node) {
  if (node == nullptr) return own;
  if (IsQuantizedKernel(*node)) return ReadsUnsigned(graph, op) ? Precision::kUInt8 : Precision::kInt8;
  if (ReadsWidened(*node)) return Precision::kFp32;
  return own;
}

std::string WithPrecision(const std::string& place, std::optional<Precision> precision) {
  return precision ? fmt::format("{}/{}", place, ToString(*precision)) : place;
}

class PlacementBuilder {
 public:
  PlacementBuilder(const Graph& source, const SessionRecord& record, const PlacementQuestion& question)
      : source_(source), record_(record), question_(question) {
    if (record.executed) coverage_ = CoverOps(source, *record.executed);
    FindNodeProviders();
    placement_.evidence = record.executed ? "session graph assignment record and executed graph"
                                          : "session graph assignment record; this session's executed graph cannot be written";
    for (OpId op = 0; op < static_cast<OpId>(source.ops().size()); ++op) placement_.ops.push_back(Place(op));
    for (int node : coverage_.inserted) placement_.inserted.push_back(Describe(node));
  }
  Placement Take() { return std::move(placement_); }

 private:
  // The provider of an executed node: its own entry in the record, else that of the ops that it covers.
  void FindNodeProviders() {
    if (!record_.executed) return;
    for (size_t i = 0; i < coverage_.ops.size(); ++i) {
      const OpCoverage& coverage = coverage_.ops[i];
      if (coverage.kind != OpCoverage::Kind::kExecuted) continue;
      const std::string own = Recorded(record_.executed->nodes[coverage.node].name);
      const std::string found = own.empty() ? Recorded(source_.op(static_cast<OpId>(i)).name) : own;
      if (!found.empty()) node_provider_.emplace(coverage.node, found);
    }
  }

  std::string Recorded(const std::string& name) const {
    const auto found = record_.provider_of.find(name);
    return found == record_.provider_of.end() ? "" : found->second;
  }

  // Which provider executes an op, "" if that is not known.
  std::string ProviderOf(const Op& op, const OpCoverage& coverage) const {
    if (std::string own = Recorded(op.name); !own.empty()) return own;
    if (const auto found = node_provider_.find(coverage.node); found != node_provider_.end()) return found->second;
    return coverage.kind == OpCoverage::Kind::kExecuted && question_.only_provider ? question_.provider : "";
  }

  OpPlacement Place(OpId id) const {
    const Op& op = source_.op(id);
    const std::optional<Precision> own = OwnPrecision(source_, op);
    OpPlacement placed{.op = id, .name = op.name, .type = op.type};
    placed.asked = WithPrecision(question_.device, question_.precision ? question_.precision : own);
    const OpCoverage coverage = record_.executed ? coverage_.ops[id] : CoverageByRecord(op);
    if (coverage.kind == OpCoverage::Kind::kEliminated) {
      placed.state = PlacementState::kEliminated;
      placed.why = coverage.why;
      return placed;
    }
    const std::string provider = ProviderOf(op, coverage);
    if (coverage.kind == OpCoverage::Kind::kUnknown || provider.empty()) {
      placed.why = coverage.why.empty() ? "the assignment record does not name it" : coverage.why;
      return placed;
    }
    if (op.body_ops > 0 && HasSeveralProviders()) {
      placed.why = "its bodies may run on another provider than the op itself: the session uses several";
      return placed;
    }
    const ExecutedNode* node = coverage.node >= 0 ? &record_.executed->nodes[coverage.node] : nullptr;
    if (node != nullptr) placed.kernel = node->ToString();
    Judge(placed, provider, own, ExecutedPrecision(source_, op, own, node));
    if (placed.why.empty()) placed.why = Evidence(op, coverage, node);
    return placed;
  }

  bool HasSeveralProviders() const {
    return std::any_of(record_.provider_of.begin(), record_.provider_of.end(),
                       [&](const auto& entry) { return entry.second != record_.provider_of.begin()->second; });
  }

  OpCoverage CoverageByRecord(const Op& op) const {
    if (!Recorded(op.name).empty()) return {OpCoverage::Kind::kExecuted, -1, true, ""};
    if (op.constant) return {OpCoverage::Kind::kEliminated, -1, false, "constant-folded"};
    return {OpCoverage::Kind::kUnknown, -1, false, "not in the assignment record: fused or removed before it was taken"};
  }

  // State, `got` and the reason of a difference.
  void Judge(OpPlacement& placed, const std::string& provider, std::optional<Precision> own,
             std::optional<Precision> executed) const {
    placed.got = WithPrecision(provider, executed);
    const std::optional<Precision> asked = question_.precision ? question_.precision : own;
    // int8 as a target stands for weights of int8, whose activations may be unsigned.
    const bool integers = executed == Precision::kInt8 || executed == Precision::kUInt8;
    const bool quantized = integers && (!question_.precision || asked == Precision::kInt8);
    if (provider != question_.provider) {
      placed.state = PlacementState::kElsewhere;
      placed.why = fmt::format("{} does not take this op", question_.provider);
    } else if (asked && executed && asked != executed && !quantized) {
      placed.state = PlacementState::kElsewhere;
      placed.why = own == executed ? fmt::format("the model holds this op in {}", ToString(*own))
                                   : fmt::format("{} computes this op in {}", provider, ToString(*executed));
    } else {
      placed.state = PlacementState::kAsAsked;
    }
  }

  std::string Evidence(const Op& op, const OpCoverage& coverage, const ExecutedNode* node) const {
    const std::string record = Recorded(op.name).empty() ? "" : "; in the assignment record";
    if (node == nullptr) return "in the assignment record";
    return coverage.alone ? "executed as it is" + record : "fused into the kernel" + record;
  }

  std::string Describe(int index) const {
    const ExecutedNode& node = record_.executed->nodes[index];
    std::string provider = Recorded(node.name);
    if (provider.empty() && question_.only_provider) provider = question_.provider;
    return provider.empty() ? node.ToString() : fmt::format("{} on {}", node.ToString(), provider);
  }

  const Graph& source_;
  const SessionRecord& record_;
  const PlacementQuestion& question_;
  GraphCoverage coverage_;
  std::map<int, std::string> node_provider_;
  Placement placement_;
};

ExecutedGraph ToExecutedGraph(const onnx::GraphProto& graph) {
  ExecutedGraph executed;
  for (const onnx::NodeProto& node : graph.node()) {
    executed.nodes.push_back({node.name(), node.op_type(), node.domain(), {node.input().begin(), node.input().end()},
                              {node.output().begin(), node.output().end()}});
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) executed.constants.insert(tensor.name());
  return executed;
}

}  // namespace

SessionRecorder::SessionRecorder(const OrtLibrary& library, OrtSessionOptions* options, bool with_graph)
    : library_(library), with_graph_(with_graph) {
  SetEntry(library, options, "session.record_ep_graph_assignment_info", "1");
  if (!with_graph) return;
  // The engine opens the link for writing, finds nothing written, and removes the link.
  std::filesystem::create_symlink("/dev/null", folder_.path() / kWeightsFile);
  SetEntry(library, options, "session.optimized_model_external_initializers_file_name", kWeightsFile);
  SetEntry(library, options, "session.optimized_model_external_initializers_min_size_in_bytes", kSmallestWeightBytes);
  library.Check(library.api().SetOptimizedModelFilePath(options, (folder_.path() / kGraphFile).c_str()), OrtPhase::kSetup,
                "executed graph");
}

SessionRecord SessionRecorder::Read(const OrtSession* session) const {
  return {.provider_of = ReadAssignments(session), .executed = with_graph_ ? ReadGraph() : std::nullopt};
}

std::map<std::string, std::string> SessionRecorder::ReadAssignments(const OrtSession* session) const {
  const OrtApi& api = library_.api();
  const auto check = [&](OrtStatus* status) { library_.Check(status, OrtPhase::kLoad, "graph assignment record"); };
  const OrtEpAssignedSubgraph* const* subgraphs = nullptr;
  size_t subgraph_count = 0;
  check(api.Session_GetEpGraphAssignmentInfo(session, &subgraphs, &subgraph_count));
  std::map<std::string, std::string> provider_of;
  for (size_t i = 0; i < subgraph_count; ++i) {
    const char* provider = nullptr;
    const OrtEpAssignedNode* const* nodes = nullptr;
    size_t node_count = 0;
    check(api.EpAssignedSubgraph_GetEpName(subgraphs[i], &provider));
    check(api.EpAssignedSubgraph_GetNodes(subgraphs[i], &nodes, &node_count));
    for (size_t n = 0; n < node_count; ++n) {
      const char* name = nullptr;
      check(api.EpAssignedNode_GetName(nodes[n], &name));
      const auto [entry, added] = provider_of.emplace(name, provider);
      if (!added && entry->second != provider) entry->second.clear();
    }
  }
  return provider_of;
}

std::optional<ExecutedGraph> SessionRecorder::ReadGraph() const {
  const std::filesystem::path file = folder_.path() / kGraphFile;
  if (!std::filesystem::exists(file)) return std::nullopt;
  onnx::ModelProto model;
  if (!model.ParseFromString(ReadFile(file))) {
    throw Error(ErrorCode::kInternal, "the graph that ONNX Runtime wrote of its session cannot be read");
  }
  return ToExecutedGraph(model.graph());
}

Placement MakePlacement(const Graph& source, const SessionRecord& record, const PlacementQuestion& question) {
  return PlacementBuilder(source, record, question).Take();
}

Placement UnprovenPlacement(const Graph& source, const std::string& asked) {
  Placement placement{.evidence = "none: placement was not asked for"};
  for (OpId op = 0; op < static_cast<OpId>(source.ops().size()); ++op) {
    placement.ops.push_back({.op = op, .name = source.op(op).name, .type = source.op(op).type, .asked = asked,
                             .why = "compiled without proof of placement"});
  }
  return placement;
}

}  // namespace consort
