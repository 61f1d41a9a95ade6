#include "tflite/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "tflite/operator_macs.h"
#include "tflite/operator_names.h"

namespace consort::tflite {
namespace {

constexpr std::string_view kTypeNames[] = {"float32",  "float16",  "int32",   "uint8",      "int64",
                                           "string",   "bool",     "int16",   "complex64",  "int8",
                                           "float64",  "complex128", "uint64", "resource",  "variant",
                                           "uint32",   "uint16",   "int4",    "bfloat16"};
constexpr char kRuntimeVersion[] = "min_runtime_version";  // the metadata entry that TensorFlow's converter writes

bool IsCustom(const CodeEntry& code) { return code.builtin == static_cast<int32_t>(Builtin::kCustom); }
bool IsEdgeTpu(const CodeEntry& code) { return IsCustom(code) && code.custom == kEdgeTpuCode; }

std::string NameOf(const CodeEntry& code) {
  return IsCustom(code) ? "custom '" + code.custom + "'" : std::string(BuiltinName(code.builtin));
}

bool IsFloat(ElementType type) {
  return type == ElementType::kFloat32 || type == ElementType::kFloat16 || type == ElementType::kFloat64 ||
         type == ElementType::kBFloat16;
}

bool IsOpen(const TensorEntry& tensor) {
  return std::any_of(tensor.signature.begin(), tensor.signature.end(), [](int32_t size) { return size < 0; });
}

class Auditor {
 public:
  explicit Auditor(const Contents& contents) : contents_(contents) {}

  AuditReport Run() {
    report_.description = contents_.description;
    report_.subgraphs = static_cast<int>(contents_.subgraphs.size());
    for (const SubgraphEntry& graph : contents_.subgraphs) CountOperators(graph);
    for (auto& [name, kind] : kinds_) report_.kinds.push_back(std::move(kind));
    std::stable_sort(report_.kinds.begin(), report_.kinds.end(),
                     [](const OperatorCount& a, const OperatorCount& b) { return a.macs > b.macs; });
    ReadMetadata();
    DescribeTensors(contents_.subgraphs.front());
    FindDecoys();
    return std::move(report_);
  }

 private:
  void CountOperators(const SubgraphEntry& graph) {
    for (const OperatorEntry& op : graph.operators) {
      const CodeEntry& code = contents_.code_of(op);
      const MacCount macs = tflite::CountMacs(graph, code, op);
      OperatorCount& kind = kinds_[NameOf(code)];
      kind.name = IsEdgeTpu(code) ? code.custom : NameOf(code);
      kind.on_edgetpu = IsEdgeTpu(code);
      ++kind.count;
      kind.macs = SaturatingAdd(kind.macs, macs.macs);
      kind.macs_known = kind.macs_known && macs.known;
      CountOperator(kind.on_edgetpu, macs);
      if (TouchesFloat(graph, op)) report_.float_operators.push_back(Describe(graph, op));
    }
  }

  void CountOperator(bool on_edgetpu, const MacCount& macs) {
    ++report_.operators;
    if (on_edgetpu) {
      ++report_.edgetpu_operators;
      return;
    }
    report_.cpu_macs = SaturatingAdd(report_.cpu_macs, macs.macs);
    report_.cpu_macs_known = report_.cpu_macs_known && macs.known;
  }

  static bool TouchesFloat(const SubgraphEntry& graph, const OperatorEntry& op) {
    const auto is_float = [&](int32_t tensor) {
      return tensor >= 0 && IsFloat(graph.tensors[static_cast<size_t>(tensor)].type);
    };
    return std::any_of(op.inputs.begin(), op.inputs.end(), is_float) ||
           std::any_of(op.outputs.begin(), op.outputs.end(), is_float);
  }

  std::string Describe(const SubgraphEntry& graph, const OperatorEntry& op) const {
    const std::string name =
        op.outputs.empty() ? "" : graph.tensors[static_cast<size_t>(op.outputs.front())].name;
    return fmt::format("'{}' ({})", name, NameOf(contents_.code_of(op)));
  }

  // Text padded with zeros.
  void ReadMetadata() {
    for (const MetadataEntry& entry : contents_.metadata) {
      if (entry.name != kRuntimeVersion) continue;
      const std::string_view text = contents_.buffers[entry.buffer];
      report_.runtime_version = std::string(text.substr(0, text.find('\0')));
    }
  }

  AuditedTensor Describe(const TensorEntry& tensor) const {
    return {.name = tensor.name,
            .shape = tensor.signature.empty() ? tensor.shape : tensor.signature,
            .type = tflite::NameOf(tensor.type),
            .scale = tensor.scale,
            .zero_point = tensor.zero_point,
            .constant = !contents_.buffers[tensor.buffer].empty()};
  }

  void DescribeTensors(const SubgraphEntry& graph) {
    const auto at = [&](int32_t i) -> const TensorEntry& { return graph.tensors[static_cast<size_t>(i)]; };
    for (const TensorEntry& tensor : graph.tensors) {
      report_.tensors.push_back(Describe(tensor));
      if (!report_.tensors.back().constant) ++report_.activation_types[report_.tensors.back().type];
      if (IsOpen(tensor)) report_.open_shapes.push_back(tensor.name);
    }
    for (const int32_t i : graph.inputs) report_.inputs.push_back(Describe(at(i)));
    for (const int32_t i : graph.outputs) report_.outputs.push_back(Describe(at(i)));
  }

  // Places where a search through the bytes would find the code although no operator uses it there.
  void FindDecoys() {
    const auto holds = [](std::string_view text) { return text.find(kEdgeTpuCode) != std::string_view::npos; };
    if (holds(contents_.description)) report_.decoys.push_back("the description");
    std::set<uint32_t> used;
    for (const SubgraphEntry& graph : contents_.subgraphs) {
      for (const OperatorEntry& op : graph.operators) used.insert(op.code);
      const bool in_name = holds(graph.name) || std::any_of(graph.tensors.begin(), graph.tensors.end(),
                                                            [&](const TensorEntry& t) { return holds(t.name); });
      if (in_name) report_.decoys.push_back("a name");
    }
    for (uint32_t i = 0; i < contents_.codes.size(); ++i) {
      const CodeEntry& code = contents_.codes[i];
      if (!holds(code.custom)) continue;
      if (!used.contains(i)) report_.decoys.push_back("an operator code that no operator uses");
      if (used.contains(i) && !IsEdgeTpu(code)) report_.decoys.push_back("the code of another operator");
    }
    for (const MetadataEntry& entry : contents_.metadata) {
      if (holds(entry.name) || holds(contents_.buffers[entry.buffer])) report_.decoys.push_back("metadata");
    }
  }

  const Contents& contents_;
  std::map<std::string, OperatorCount> kinds_;
  AuditReport report_;
};

}  // namespace

AuditReport Audit(const Contents& contents) { return Auditor(contents).Run(); }

std::string NameOf(ElementType type) {
  const int number = static_cast<int>(type);
  const bool known = number >= 0 && number < static_cast<int>(std::size(kTypeNames));
  return known ? std::string(kTypeNames[number]) : fmt::format("type {}", number);
}

}  // namespace consort::tflite
