#include "cli/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/emulation_report.h"
#include "cli/table.h"
#include "io/element.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr PlacementState kStates[] = {PlacementState::kAsAsked, PlacementState::kEliminated, PlacementState::kElsewhere,
                                      PlacementState::kUnknown};

// Smallest, largest and mean of the elements that are finite.
struct Range {
  double min = std::nan("");
  double max = std::nan("");
  double mean = std::nan("");
};

Range RangeOf(const Buffer& tensor) {
  if (BitWidth(tensor.spec().dtype) < 8) return {};
  std::vector<double> values = ToDoubles(tensor);
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return {};
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  return {*min, *max, sum / static_cast<double>(values.size())};
}

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

std::string FormatPlacement(const Placement& placement) {
  std::vector<std::string> counts;
  for (const PlacementState state : kStates) {
    counts.push_back(fmt::format("{} {}", placement.Count(state), ToString(state)));
  }
  return fmt::format("{} ops: {}\nevidence   {}", placement.ops.size(), Join(counts), placement.evidence);
}

void PrintOps(const Placement& placement) {
  Table table({{"op"}, {"type"}, {"state"}, {"asked"}, {"got"}, {"kernel"}, {"why"}});
  for (const OpPlacement& op : placement.ops) {
    table.AddRow({op.name, op.type, std::string(ToString(op.state)), op.asked, op.got, op.kernel, op.why});
  }
  fmt::print("\n{}", table.ToString());
  for (const std::string& inserted : placement.inserted) fmt::print("inserted by the engine: {}\n", inserted);
}

std::string FormatConditions(const TargetReport& report, const RunOptions& options) {
  std::vector<std::string> parts = {report.precision,
                                    report.threads == 1 ? "1 thread" : fmt::format("{} threads", report.threads)};
  if (report.emulation) parts.back() = report.emulation->exact ? parts.back() + " for the numbers" : "no numbers";
  if (!report.info.cores.empty()) parts.push_back("cores " + report.info.cores.ToString());
  parts.emplace_back(options.compile.flush_denormals ? "denormals flushed" : "denormals kept");
  if (options.isolated) parts.emplace_back("isolated");
  if (report.calls > 1) parts.push_back(fmt::format("{} calls", report.calls));
  return Join(parts);
}

void PrintTarget(const TargetReport& report, const RunOptions& options) {
  const Signature& signature = report.executable->signature();
  fmt::print("target     {}: {}, {}\n", report.target.ToString(), report.info.engine, report.info.name);
  fmt::print("model      {} ({})\n", report.model, report.fingerprint);
  fmt::print("ran with   {}\n", FormatConditions(report, options));
  if (report.emulation) {
    for (const auto& [title, text] : EmulationNotes(*report.emulation)) fmt::print("{:<11}{}\n", title, text);
  }
  if (options.placement != PlacementDetail::kNone) {
    fmt::print("placement  {}\n", FormatPlacement(report.executable->placement()));
  }
  Table table({{""},
               {"name"},
               {"type"},
               {"from / to"},
               {"min", Align::kRight},
               {"max", Align::kRight},
               {"mean", Align::kRight}});
  const auto add = [&table](const char* what, const Port& port, const Buffer& tensor, const std::string& place) {
    const Range range = RangeOf(tensor);
    table.AddRow({what, port.name, FormatSpec(tensor.spec()), place, fmt::format("{:.6g}", range.min),
                  fmt::format("{:.6g}", range.max), fmt::format("{:.6g}", range.mean)});
  };
  for (size_t port = 0; port < report.inputs.size(); ++port) {
    add("input", signature.inputs[port], report.inputs[port].tensor, report.inputs[port].origin);
  }
  for (const OutputReport& output : report.outputs) add("output", output.port, output.tensor, output.file);
  fmt::print("{}", table.ToString());
  for (const OutputReport& output : report.outputs) {
    if (output.expected) fmt::print("{} against expected: {}\n", output.port.name, FormatVerdict(*output.expected));
    if (output.against_first)
      fmt::print("{} against first target: {}\n", output.port.name, FormatVerdict(*output.against_first));
  }
  if (options.placement == PlacementDetail::kOps) PrintOps(report.executable->placement());
}

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const Verdict& verdict) {
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

Json ToJson(const Placement& placement, PlacementDetail detail) {
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

Json TensorJson(const Port& port, const Buffer& tensor) {
  const Range range = RangeOf(tensor);
  return {{"name", port.name},
          {"dtype", ToString(tensor.spec().dtype)},
          {"shape", tensor.spec().shape},
          {"min", NumberOrNull(range.min)},
          {"max", NumberOrNull(range.max)},
          {"mean", NumberOrNull(range.mean)}};
}

Json ToJson(const TargetReport& report, const RunOptions& options) {
  Json json;
  json["target"] = report.target.ToString();
  json["device"] = report.info.name;
  json["engine"] = report.info.engine;
  json["provenance"] = ToString(report.info.provenance);
  if (report.emulation) json["emulation"] = EmulationJson(*report.emulation);
  json["model"] = report.model;
  json["fingerprint"] = report.fingerprint;
  json["precision"] = report.precision;
  json["threads"] = report.threads;
  json["cores"] = report.info.cores.cores();
  json["denormals_flushed"] = options.compile.flush_denormals;
  json["isolated"] = options.isolated;
  json["calls"] = report.calls;
  if (options.placement != PlacementDetail::kNone) {
    json["placement"] = ToJson(report.executable->placement(), options.placement);
  }
  json["inputs"] = Json::array();
  for (size_t port = 0; port < report.inputs.size(); ++port) {
    Json input = TensorJson(report.executable->signature().inputs[port], report.inputs[port].tensor);
    input["origin"] = report.inputs[port].origin;
    json["inputs"].push_back(std::move(input));
  }
  json["outputs"] = Json::array();
  for (const OutputReport& output : report.outputs) {
    Json entry = TensorJson(output.port, output.tensor);
    if (!output.file.empty()) entry["file"] = output.file;
    if (output.expected) entry["expected"] = ToJson(*output.expected);
    if (output.against_first) entry["against_first"] = ToJson(*output.against_first);
    json["outputs"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace

void PrintRunReport(const std::vector<TargetReport>& reports, const RunOptions& options) {
  if (options.format == OutputFormat::kJson) {
    Json json;
    json["targets"] = Json::array();
    for (const TargetReport& report : reports) json["targets"].push_back(ToJson(report, options));
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  for (size_t i = 0; i < reports.size(); ++i) {
    if (i > 0) fmt::print("\n");
    PrintTarget(reports[i], options);
  }
}

}  // namespace consort
