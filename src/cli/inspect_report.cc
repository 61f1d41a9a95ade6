#include "cli/inspect_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/table.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

// Sums over all ops of one type; ops that fold to constants apart.
struct OperatorSum {
  std::string type;
  int count = 0;
  OpCost cost;
};

// At most INT64_MAX: the costs of a hostile model may be as large as that.
void Add(int64_t& sum, int64_t value) {
  if (__builtin_add_overflow(sum, value, &sum)) sum = std::numeric_limits<int64_t>::max();
}

std::string QualifiedType(const Op& op) { return op.domain.empty() ? op.type : op.domain + "." + op.type; }

// Dearest first, then the most frequent.
std::vector<OperatorSum> SumByOperator(const Graph& graph) {
  std::map<std::string, OperatorSum> sums;
  for (const Op& op : graph.ops()) {
    if (op.constant) continue;
    OperatorSum& sum = sums[QualifiedType(op)];
    sum.type = QualifiedType(op);
    ++sum.count;
    Add(sum.cost.macs, op.cost.macs);
    Add(sum.cost.parameter_bytes, op.cost.parameter_bytes);
    Add(sum.cost.activation_bytes, op.cost.activation_bytes);
    sum.cost.known = sum.cost.known && op.cost.known;
    sum.cost.macs_known = sum.cost.macs_known && op.cost.macs_known;
  }
  std::vector<OperatorSum> sorted;
  for (auto& [type, sum] : sums) sorted.push_back(std::move(sum));
  std::stable_sort(sorted.begin(), sorted.end(), [](const OperatorSum& a, const OperatorSum& b) {
    return std::pair(a.cost.macs, a.count) > std::pair(b.cost.macs, b.count);
  });
  return sorted;
}

int64_t ConstantOps(const Graph& graph) {
  return std::count_if(graph.ops().begin(), graph.ops().end(), [](const Op& op) { return op.constant; });
}

int64_t BodyOps(const Graph& graph) {
  int64_t count = 0;
  for (const Op& op : graph.ops()) count += op.body_ops;
  return count;
}

// Multiply-accumulates of the ops before each position.
std::vector<int64_t> MacsBefore(const Graph& graph) {
  std::vector<int64_t> before{0};
  for (const Op& op : graph.ops()) {
    before.push_back(before.back());
    Add(before.back(), op.cost.macs);
  }
  return before;
}

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// --- Tables ---------------------------------------------------------------------------------------------------------

// "4.089 G": four digits.
std::string FormatCount(int64_t count) {
  static constexpr std::array kUnits = {"", " k", " M", " G", " T", " P", " E"};
  double value = static_cast<double>(count);
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) value /= 1000, ++unit;
  if (unit == 0) return std::to_string(count);
  return fmt::format("{:.{}f}{}", value, value < 10 ? 3 : value < 100 ? 2 : 1, kUnits[unit]);
}

// A lower bound is marked.
std::string Bound(const std::string& text, bool known) { return known ? text : "≥ " + text; }

std::string FormatTensorShape(const Tensor& tensor) {
  if (!tensor.has_rank) return "unknown shape";
  if (tensor.spec.shape.empty()) return "scalar";
  std::string text;
  for (size_t axis = 0; axis < tensor.spec.shape.size(); ++axis) {
    const int64_t size = tensor.spec.shape[axis];
    const std::string& name = tensor.dim_names[axis];
    text += axis == 0 ? "" : "x";
    text += size != kDynamic ? std::to_string(size) : name.empty() ? "?" : name;
  }
  return text;
}

std::string FormatMaybeBytes(int64_t bytes) { return bytes < 0 ? "unknown" : FormatBytes(bytes); }

std::string Header(const Model& model) {
  const Graph& graph = model.graph();
  std::vector<std::string> opsets;
  for (const auto& [domain, version] : graph.opsets()) {
    opsets.push_back(fmt::format("{} {}", domain.empty() ? "ai.onnx" : domain, version));
  }
  std::string text = fmt::format("model     {}\n", Fit(model.name(), 70));
  text += fmt::format("format    IR {}, {}\n", graph.ir_version(), Fit(Join(opsets), 60));
  if (!model.producer().empty()) text += fmt::format("producer  {}\n", Fit(model.producer(), 70));
  if (model.has_external_data()) text += "weights   in external files\n";
  return text;
}

std::string Ports(const Graph& graph, const std::string& title, const std::vector<TensorId>& tensors) {
  Table table({{title}, {"type"}, {"shape"}});
  for (const TensorId id : tensors) {
    const Tensor& tensor = graph.tensor(id);
    table.AddRow({Fit(tensor.name, 36), std::string(ToString(tensor.spec.dtype)), Fit(FormatTensorShape(tensor), 32)});
  }
  return table.ToString();
}

std::string Totals(const Graph& graph) {
  const GraphTotals& totals = graph.totals();
  const int64_t constant = ConstantOps(graph);
  const int64_t bodies = BodyOps(graph);
  std::string text = fmt::format("ops          {}", static_cast<int64_t>(graph.ops().size()) - constant);
  if (constant > 0) text += fmt::format(", and {} that fold to constants", constant);
  if (bodies > 0) text += fmt::format(", and {} in bodies of control flow", bodies);
  text += fmt::format("\nMACs         {}\n", Bound(FormatCount(totals.macs), totals.macs_known));
  text += fmt::format("parameters   {} ({})\n", FormatCount(totals.parameters), FormatBytes(totals.parameter_bytes));
  text += fmt::format("activations  {}\n", Bound(FormatBytes(totals.activation_bytes), totals.known));
  if (!totals.known) text += "≥ is a lower bound: a shape or a trip count is not fixed (see --shape, --dim).\n";
  return text;
}

std::string Operators(const Graph& graph) {
  Table table({{"operator"},
               {"count", Align::kRight},
               {"MACs", Align::kRight},
               {"share", Align::kRight},
               {"weights", Align::kRight}});
  for (const OperatorSum& sum : SumByOperator(graph)) {
    const bool counted = sum.cost.macs > 0 || !sum.cost.macs_known;
    table.AddRow({Fit(sum.type, 34), std::to_string(sum.count),
                  counted ? Bound(FormatCount(sum.cost.macs), sum.cost.macs_known) : "-",
                  sum.cost.macs > 0 ? fmt::format("{:.1f} %", 100 * Share(sum.cost.macs, graph.totals().macs)) : "-",
                  sum.cost.parameter_bytes > 0 ? FormatBytes(sum.cost.parameter_bytes) : "-"});
  }
  return table.ToString();
}

std::string Layers(const Graph& graph) {
  Table table(
      {{"#", Align::kRight}, {"layer"}, {"operator"}, {"output"}, {"MACs", Align::kRight}, {"weights", Align::kRight}});
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    const Op& op = graph.ops()[i];
    if (op.constant) continue;
    const bool has_output = !op.outputs.empty() && op.outputs.front() != kNone;
    table.AddRow({std::to_string(i), Fit(op.name, 20), Fit(op.type, 14),
                  has_output ? Fit(FormatTensorShape(graph.tensor(op.outputs.front())), 15) : "",
                  op.cost.macs > 0 || !op.cost.macs_known ? Bound(FormatCount(op.cost.macs), op.cost.macs_known) : "-",
                  op.cost.parameter_bytes > 0 ? FormatBytes(op.cost.parameter_bytes) : "-"});
  }
  return table.ToString();
}

// The cuts with the fewest bytes, in the order of the graph; unknown bytes come last.
std::vector<Cut> Cheapest(std::vector<Cut> cuts, int count) {
  const auto bytes = [](const Cut& cut) { return static_cast<uint64_t>(cut.bytes); };
  std::stable_sort(cuts.begin(), cuts.end(), [&](const Cut& a, const Cut& b) { return bytes(a) < bytes(b); });
  cuts.resize(std::min(cuts.size(), static_cast<size_t>(count)));
  std::sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) { return a.position < b.position; });
  return cuts;
}

std::string CrossingNames(const Graph& graph, const Cut& cut) {
  if (cut.crossing.empty()) return "(nothing crosses)";
  const std::string& first = graph.tensor(cut.crossing.front()).name;
  if (cut.crossing.size() == 1) return Fit(first, 22);
  return fmt::format("{} +{}", Fit(first, 18), cut.crossing.size() - 1);
}

std::string CutTable(const Graph& graph, const InspectReportOptions& options) {
  const std::vector<Cut> all = graph.Cuts(options.max_crossing);
  const std::string tensors =
      options.max_crossing == 1 ? "one tensor" : fmt::format("{} tensors", options.max_crossing);
  if (all.empty()) return fmt::format("No cut is crossed by at most {} (see --max-crossing).\n", tensors);
  const std::vector<Cut> listed = Cheapest(all, options.listed_cuts);
  const std::vector<int64_t> before = MacsBefore(graph);
  std::string text = fmt::format("Cuts crossed by at most {}: {}", tensors, all.size());
  text +=
      listed.size() < all.size() ? fmt::format("; the {} with the fewest bytes (see --cuts):\n", listed.size()) : "\n";
  if (listed.empty()) return text;
  Table table(
      {{"cut", Align::kRight}, {"after"}, {"crossing"}, {"bytes", Align::kRight}, {"MACs before", Align::kRight}});
  for (const Cut& cut : listed) {
    table.AddRow({std::to_string(cut.position), Fit(graph.op(cut.position - 1).name, 22), CrossingNames(graph, cut),
                  FormatMaybeBytes(cut.bytes),
                  fmt::format("{:.1f} %", 100 * Share(before[cut.position], graph.totals().macs))});
  }
  return text + table.ToString();
}

// --- JSON -----------------------------------------------------------------------------------------------------------

Json OrNull(int64_t value) { return value < 0 ? Json() : Json(value); }

// Sizes; the name of a symbolic axis, or null. The whole shape is null when not even the rank is known.
Json ShapeJson(const Tensor& tensor) {
  if (!tensor.has_rank) return {};
  Json shape = Json::array();
  for (size_t axis = 0; axis < tensor.spec.shape.size(); ++axis) {
    const int64_t size = tensor.spec.shape[axis];
    const std::string& name = tensor.dim_names[axis];
    shape.push_back(size != kDynamic ? Json(size) : name.empty() ? Json() : Json(name));
  }
  return shape;
}

Json TensorJson(const Tensor& tensor) {
  return {{"name", tensor.name},
          {"dtype", ToString(tensor.spec.dtype)},
          {"shape", ShapeJson(tensor)},
          {"bytes", OrNull(tensor.bytes())}};
}

Json TensorsJson(const Graph& graph, const std::vector<TensorId>& ids) {
  Json tensors = Json::array();
  for (const TensorId id : ids) {
    if (id != kNone) tensors.push_back(TensorJson(graph.tensor(id)));
  }
  return tensors;
}

Json NamesJson(const Graph& graph, const std::vector<TensorId>& ids) {
  Json names = Json::array();
  for (const TensorId id : ids) names.push_back(id == kNone ? "" : graph.tensor(id).name);
  return names;
}

Json CostJson(const OpCost& cost) {
  return {{"macs", cost.macs},
          {"parameter_bytes", cost.parameter_bytes},
          {"activation_bytes", cost.activation_bytes},
          {"macs_known", cost.macs_known},
          {"known", cost.known}};
}

Json TotalsJson(const Graph& graph) {
  const GraphTotals& totals = graph.totals();
  return {{"ops", graph.ops().size()},
          {"constant_ops", ConstantOps(graph)},
          {"body_ops", BodyOps(graph)},
          {"macs", totals.macs},
          {"parameters", totals.parameters},
          {"parameter_bytes", totals.parameter_bytes},
          {"activation_bytes", totals.activation_bytes},
          {"macs_known", totals.macs_known},
          {"known", totals.known}};
}

Json OperatorsJson(const Graph& graph) {
  Json operators = Json::array();
  for (const OperatorSum& sum : SumByOperator(graph)) {
    Json entry = {{"type", sum.type}, {"count", sum.count}, {"share", Share(sum.cost.macs, graph.totals().macs)}};
    entry.update(CostJson(sum.cost));
    operators.push_back(std::move(entry));
  }
  return operators;
}

Json LayersJson(const Graph& graph) {
  Json layers = Json::array();
  for (size_t i = 0; i < graph.ops().size(); ++i) {
    const Op& op = graph.ops()[i];
    Json layer = {{"index", i},
                  {"name", op.name},
                  {"type", op.type},
                  {"domain", op.domain},
                  {"constant", op.constant},
                  {"body_ops", op.body_ops},
                  {"inputs", NamesJson(graph, op.inputs)},
                  {"captures", NamesJson(graph, op.captures)},
                  {"outputs", TensorsJson(graph, op.outputs)}};
    layer.update(CostJson(op.cost));
    layers.push_back(std::move(layer));
  }
  return layers;
}

Json CutsJson(const Graph& graph, int max_crossing) {
  const std::vector<int64_t> before = MacsBefore(graph);
  Json cuts = Json::array();
  for (const Cut& cut : graph.Cuts(max_crossing)) {
    cuts.push_back({{"position", cut.position},
                    {"after", graph.op(cut.position - 1).name},
                    {"crossing", NamesJson(graph, cut.crossing)},
                    {"bytes", OrNull(cut.bytes)},
                    {"macs_before", before[cut.position]}});
  }
  return cuts;
}

}  // namespace

std::string InspectTables(const Model& model, const InspectReportOptions& options) {
  const Graph& graph = model.graph();
  std::string text = Header(model) + "\n" + Totals(graph) + "\n" + Ports(graph, "input", graph.inputs()) + "\n" +
                     Ports(graph, "output", graph.outputs()) + "\n" + Operators(graph);
  if (options.layers) text += "\n" + Layers(graph);
  return text + "\n" + CutTable(graph, options);
}

std::string InspectJson(const Model& model, const InspectReportOptions& options) {
  const Graph& graph = model.graph();
  Json opsets = Json::object();
  for (const auto& [domain, version] : graph.opsets()) opsets[domain.empty() ? "ai.onnx" : domain] = version;
  const Json report = {{"model", model.name()},
                       {"graph", graph.name()},
                       {"ir_version", graph.ir_version()},
                       {"opsets", std::move(opsets)},
                       {"producer", model.producer()},
                       {"external_data", model.has_external_data()},
                       {"fingerprint", model.fingerprint()},
                       {"inputs", TensorsJson(graph, graph.inputs())},
                       {"outputs", TensorsJson(graph, graph.outputs())},
                       {"totals", TotalsJson(graph)},
                       {"operators", OperatorsJson(graph)},
                       {"layers", LayersJson(graph)},
                       {"max_crossing", options.max_crossing},
                       {"cuts", CutsJson(graph, options.max_crossing)}};
  // Names in a model may be any bytes; what is not UTF-8 is replaced.
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
