#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/audit_report.h"
#include "cli/edgetpu_report.h"
#include "edgetpu/parts_json.h"
#include "tflite/port_json.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

Json EstimateJson(const EdgeTpuEstimate& estimate) {
  return {{"device", estimate.device},
          {"weight_bytes", estimate.weight_bytes},
          {"cache_bytes", estimate.cache_bytes},
          {"streamed_bytes", estimate.streamed_bytes},
          {"streaming_ms", 1e3 * estimate.streaming_s},
          {"latency_ms", 1e3 * estimate.latency_s},
          {"low_ms", 1e3 * estimate.latency_s * estimate.low},
          {"high_ms", 1e3 * estimate.latency_s * estimate.high}};
}

Json CompilationJson(const std::optional<Compilation>& compilation) {
  if (!compilation) return nullptr;
  const CompilerLog& log = compilation->log;
  Json table = Json::array();
  for (const CompiledOperators& row : log.table)
    table.push_back({{"operator", row.name}, {"count", row.count}, {"status", row.status}});
  return {{"version", log.version},
          {"compile_ms", OrNull(log.compile_ms)},
          {"operators", OrNull(log.operators)},
          {"operators_on_edgetpu", OrNull(log.edgetpu_operators)},
          {"operators_on_cpu", OrNull(log.cpu_operators)},
          {"subgraphs", OrNull(log.subgraphs)},
          {"on_chip_bytes", OrNull(log.on_chip_bytes)},
          {"on_chip_free_bytes", OrNull(log.on_chip_free_bytes)},
          {"off_chip_bytes", OrNull(log.off_chip_bytes)},
          {"table", table},
          {"other", log.other}};
}

Json CheckJson(const std::optional<EdgeTpuCheckReport>& check) {
  if (!check) return nullptr;
  const Accuracy& accuracy = check->accuracy;
  return {{"sqnr_db", std::isfinite(accuracy.sqnr_db) ? Json(accuracy.sqnr_db) : Json()},
          {"cosine", accuracy.cosine},
          {"error", accuracy.error},
          {"top1_agreement", OrNull(accuracy.top1)},
          {"nonfinite_mismatches", accuracy.nonfinite_mismatches},
          {"worst_output", accuracy.worst_output},
          {"samples", accuracy.inputs},
          {"of", check->samples}};
}

Json BoundJson(const std::optional<EdgeTpuBoundReport>& bound) {
  if (!bound) return nullptr;
  return {{"bound", bound->bound}, {"moved", bound->moved}, {"tries", bound->tries}};
}

Json FilesJson(const std::vector<FileEntry>& files) {
  Json list = Json::array();
  for (const FileEntry& file : files) list.push_back(FileJson(file));
  return list;
}

}  // namespace

std::string EdgeTpuJson(const EdgeTpuReport& report) {
  const Preflight& preflight = report.preflight;
  const tflite::AuditReport& audit = report.not_compiled.empty() ? report.compilation->audit : report.audit;
  const Json json = {{"model", report.source},
                     {"fingerprint", report.fingerprint},
                     {"folder", report.folder.string()},
                     {"verdict", DescribeFit(preflight)},
                     {"whole", preflight.whole()},
                     {"ops", preflight.ops()},
                     {"edgetpu_ops", preflight.head.size()},
                     {"macs", preflight.macs},
                     {"edgetpu_macs", preflight.head_macs},
                     {"macs_known", preflight.macs_known},
                     {"share_of_macs", preflight.macs_share()},
                     {"blockers", BlockersJson(preflight.blockers)},
                     {"inputs", PortsJson(report.inputs)},
                     {"crossing", PortsJson(report.crossing)},
                     {"outputs", PortsJson(report.outputs)},
                     {"calibration", {{"samples", report.samples}, {"from", report.calibrated_on}}},
                     {"unlisted", report.unlisted},
                     {"modelled", EstimateJson(report.estimate)},
                     {"compiled", report.not_compiled.empty()},
                     {"not_compiled", report.not_compiled.empty() ? Json() : Json(report.not_compiled)},
                     {"compiler", CompilationJson(report.compilation)},
                     {"audit", AuditVerdict(audit)},
                     {"check", CheckJson(report.check)},
                     {"bound", BoundJson(report.bound)},
                     {"files", FilesJson(report.files)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
