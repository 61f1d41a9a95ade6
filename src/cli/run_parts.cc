#include "cli/run_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/table.h"
#include "io/element.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr PlacementState kStates[] = {PlacementState::kAsAsked, PlacementState::kEliminated, PlacementState::kElsewhere,
                                      PlacementState::kUnknown};

// Smallest, largest and mean of the elements that are finite.
struct Extent {
  double min = std::nan("");
  double max = std::nan("");
  double mean = std::nan("");
};

Extent ExtentOf(const Buffer& tensor) {
  if (BitWidth(tensor.spec().dtype) < 8) return {};
  std::vector<double> values = ToDoubles(tensor);
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return {};
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  return {*min, *max, sum / static_cast<double>(values.size())};
}

Json VerdictJson(const Verdict& verdict) {
  Json json;
  json["passed"] = verdict.passed();
  if (verdict.tolerance) json["tolerance"] = *verdict.tolerance;
  if (!verdict.comparison) {
    json["problem"] = verdict.problem;
    return json;
  }
  json["bitwise_equal"] = verdict.comparison->bitwise_equal;
  json["max_abs_difference"] = verdict.comparison->max_difference;
  json["max_rel_difference"] = NumberOrNull(verdict.comparison->relative());
  json["cosine"] = verdict.comparison->cosine;
  json["nonfinite_mismatches"] = verdict.comparison->nonfinite_mismatches;
  return json;
}

Json TensorJson(const Port& port, const Buffer& tensor) {
  const Extent range = ExtentOf(tensor);
  return {{"name", port.name},
          {"dtype", ToString(tensor.spec().dtype)},
          {"shape", tensor.spec().shape},
          {"min", NumberOrNull(range.min)},
          {"max", NumberOrNull(range.max)},
          {"mean", NumberOrNull(range.mean)}};
}

}  // namespace

nlohmann::ordered_json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string FormatVerdict(const Verdict& verdict) {
  if (!verdict.comparison) return verdict.problem;
  const Comparison& c = *verdict.comparison;
  std::string text = c.bitwise_equal ? "bitwise equal"
                                     : fmt::format("max abs {:.3g}, rel {:.3g}, cosine {:.9f}", c.max_difference,
                                                   c.relative(), c.cosine);
  if (c.nonfinite_mismatches > 0) text += fmt::format(", {} elements finite in one only", c.nonfinite_mismatches);
  if (verdict.tolerance) text += fmt::format(" ({} {:g})", verdict.passed() ? "within" : "BEYOND", *verdict.tolerance);
  return text;
}

std::string PlacementCounts(const Placement& placement) {
  std::vector<std::string> counts;
  for (const PlacementState state : kStates) {
    counts.push_back(fmt::format("{} {}", placement.Count(state), ToString(state)));
  }
  return fmt::format("{} ops: {}", placement.ops.size(), Join(counts));
}

std::string FormatPlacement(const Placement& placement) {
  return fmt::format("{}\nevidence   {}", PlacementCounts(placement), placement.evidence);
}

std::string OpsTable(const Placement& placement) {
  Table table({{"op"}, {"type"}, {"state"}, {"asked"}, {"got"}, {"kernel"}, {"why"}});
  for (const OpPlacement& op : placement.ops) {
    table.AddRow({op.name, op.type, std::string(ToString(op.state)), op.asked, op.got, op.kernel, op.why});
  }
  std::string text = table.ToString();
  for (const std::string& inserted : placement.inserted) text += fmt::format("inserted by the engine: {}\n", inserted);
  return text;
}

std::string TensorTable(const std::vector<Port>& ports, const std::vector<PortInput>& inputs,
                        const std::vector<OutputReport>& outputs) {
  Table table({{""},
               {"name"},
               {"type"},
               {"from / to"},
               {"min", Align::kRight},
               {"max", Align::kRight},
               {"mean", Align::kRight}});
  const auto add = [&table](const char* what, const Port& port, const Buffer& tensor, const std::string& place) {
    const Extent range = ExtentOf(tensor);
    table.AddRow({what, port.name, FormatSpec(tensor.spec()), place, fmt::format("{:.6g}", range.min),
                  fmt::format("{:.6g}", range.max), fmt::format("{:.6g}", range.mean)});
  };
  for (size_t port = 0; port < inputs.size(); ++port)
    add("input", ports[port], inputs[port].tensor, inputs[port].origin);
  for (const OutputReport& output : outputs) add("output", output.port, output.tensor, output.file);
  return table.ToString();
}

std::string VerdictLines(const std::vector<OutputReport>& outputs) {
  std::string text;
  for (const OutputReport& output : outputs) {
    if (output.expected) text += fmt::format("{} against expected: {}\n", output.port.name, FormatVerdict(*output.expected));
    if (output.against_first)
      text += fmt::format("{} against first target: {}\n", output.port.name, FormatVerdict(*output.against_first));
  }
  return text;
}

Json PlacementJson(const Placement& placement, PlacementDetail detail) {
  Json json;
  json["evidence"] = placement.evidence;
  json["ops"] = placement.ops.size();
  for (const PlacementState state : kStates) {
    std::string key(ToString(state));
    std::replace(key.begin(), key.end(), '-', '_');
    json[key] = placement.Count(state);
  }
  json["inserted"] = placement.inserted;
  if (detail != PlacementDetail::kOps) return json;
  Json& ops = json["by_op"] = Json::array();
  for (const OpPlacement& op : placement.ops) {
    ops.push_back({{"op", op.op},
                   {"name", op.name},
                   {"type", op.type},
                   {"state", ToString(op.state)},
                   {"asked", op.asked},
                   {"got", op.got},
                   {"kernel", op.kernel},
                   {"why", op.why}});
  }
  return json;
}

Json InputsJson(const std::vector<Port>& ports, const std::vector<PortInput>& inputs) {
  Json json = Json::array();
  for (size_t port = 0; port < inputs.size(); ++port) {
    Json input = TensorJson(ports[port], inputs[port].tensor);
    input["origin"] = inputs[port].origin;
    json.push_back(std::move(input));
  }
  return json;
}

Json OutputsJson(const std::vector<OutputReport>& outputs) {
  Json json = Json::array();
  for (const OutputReport& output : outputs) {
    Json entry = TensorJson(output.port, output.tensor);
    if (!output.file.empty()) entry["file"] = output.file;
    if (output.expected) entry["expected"] = VerdictJson(*output.expected);
    if (output.against_first) entry["against_first"] = VerdictJson(*output.against_first);
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace consort
