#include "cli/emulation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/bench_report.h"

namespace consort {
namespace {

std::string DescribeTime(const EmulationReport& report) {
  if (report.overruns > 0) return fmt::format("by cost model {}; {}", report.cost_model, DescribeOverruns(report));
  const double ns = report.modelled_s * 1e9;
  std::string text = fmt::format("{} per inference by cost model {}", FormatTime(ns), report.cost_model);
  if (report.low == 1 && report.high == 1) return text + ", error band not known";
  return text + fmt::format("; the truth is expected between {} and {}", FormatTime(ns * report.low),
                            FormatTime(ns * report.high));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> EmulationNotes(const EmulationReport& report) {
  std::vector<std::pair<std::string, std::string>> notes = {{"emulated", DescribeTime(report)},
                                                            {"numbers", report.numbers}};
  if (!report.notes.empty()) notes.emplace_back("notes", Join(report.notes, "; "));
  if (!report.warning.empty()) notes.emplace_back("warning", report.warning);
  return notes;
}

void AddCalls(std::vector<EmulationReport>& sum, std::vector<EmulationReport> more) {
  for (size_t i = 0; i < sum.size() && i < more.size(); ++i) {
    more[i].calls += sum[i].calls;
    more[i].overruns += sum[i].overruns;
    more[i].longest_host_ns = std::max(more[i].longest_host_ns, sum[i].longest_host_ns);
  }
  sum = std::move(more);
}

std::string OverrunOf(const std::vector<EmulationReport>& reports) {
  for (const EmulationReport& report : reports) {
    std::string why = DescribeOverruns(report);
    if (!why.empty()) return why;
  }
  return "";
}

nlohmann::ordered_json EmulationJson(const EmulationReport& report) {
  nlohmann::ordered_json json = {{"cost_model", report.cost_model}, {"numbers", report.numbers}};
  json["modelled_ms"] = nullptr;
  if (report.overruns == 0) json["modelled_ms"] = report.modelled_s * 1e3;
  json["error_low"] = report.low;
  json["error_high"] = report.high;
  json["notes"] = report.notes;
  json["warning"] = report.warning;
  json["calls"] = report.calls;
  json["overruns"] = report.overruns;
  if (report.overruns > 0) json["overrun"] = DescribeOverruns(report);
  return json;
}

}  // namespace consort
