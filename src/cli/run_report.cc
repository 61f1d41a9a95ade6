#include "cli/run_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "cli/emulation_report.h"
#include "cli/run_parts.h"
#include "device/parts.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

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
    for (const ExecutablePart& part : PartsOf(*report.executable))
      fmt::print("part       {} on {}: {}\n", part.file, part.target.ToString(), PlacementCounts(part.placement));
    fmt::print("placement  {}\n", FormatPlacement(report.executable->placement()));
  }
  fmt::print("{}{}", TensorTable(signature.inputs, report.inputs, report.outputs), VerdictLines(report.outputs));
  if (options.placement == PlacementDetail::kOps) fmt::print("\n{}", OpsTable(report.executable->placement()));
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
    json["placement"] = PlacementJson(report.executable->placement(), options.placement);
  }
  for (const ExecutablePart& part : PartsOf(*report.executable)) {
    json["parts"].push_back({{"file", part.file},
                             {"target", part.target.ToString()},
                             {"placement", PlacementJson(part.placement, options.placement)}});
  }
  json["inputs"] = InputsJson(report.executable->signature().inputs, report.inputs);
  json["outputs"] = OutputsJson(report.outputs);
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
