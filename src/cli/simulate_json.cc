// The JSON of `consort simulate`; docs/cli.md lists the keys.
#include <nlohmann/json.hpp>

#include "cli/simulate_report.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMsPerS = 1e3;

Json SettingJson(const PlatformSetting& setting) {
  Json json = Json::object();
  for (const auto& [path, value] : setting) json[path] = value;
  return json;
}

Json LayerJson(const Work& work, const WorkCost& cost, double latency_s) {
  Json json = {{"name", work.name},
               {"type", work.type},
               {"kind", ToString(work.kind)},
               {"time_ms", kMsPerS * cost.seconds},
               {"share", latency_s > 0 ? cost.seconds / latency_s : 0},
               {"bound", ToString(cost.bound)},
               {"macs", work.macs},
               {"parameters", work.parameters},
               {"compute_ms", kMsPerS * cost.compute_seconds},
               {"memory_ms", kMsPerS * cost.memory_seconds},
               {"link_ms", kMsPerS * cost.link_seconds},
               {"cached_bytes", cost.cached_bytes},
               {"streamed_bytes", cost.streamed_bytes},
               {"instruction_bytes", cost.instruction_bytes}};
  if (!cost.elsewhere.empty()) json["elsewhere"] = cost.elsewhere;
  return json;
}

Json LayersJson(const Simulated& simulated) {
  Json layers = Json::array();
  for (size_t i = 0; i < simulated.estimate.works.size(); ++i) {
    layers.push_back(LayerJson(simulated.works.works[i], simulated.estimate.works[i], simulated.estimate.latency_s));
  }
  return layers;
}

void AddTimes(const Simulated& simulated, Json& json) {
  const Estimate& estimate = simulated.estimate;
  const double latency_ms = kMsPerS * simulated.latency_s();
  json["latency_ms"] = latency_ms;
  json["latency_low_ms"] = latency_ms * estimate.low;
  json["latency_high_ms"] = latency_ms * estimate.high;
  json["throughput_per_s"] = simulated.throughput_per_s();
  json["joules"] = simulated.joules() > 0 ? Json(simulated.joules()) : Json(nullptr);
  json["load_ms"] = kMsPerS * estimate.load_s;
  const auto calls = static_cast<double>(simulated.calls);
  json["overhead_ms"] = kMsPerS * calls * estimate.overhead_s;
  json["input_ms"] = kMsPerS * calls * estimate.input_s;
  json["output_ms"] = kMsPerS * calls * estimate.output_s;
  json["conversion_ms"] = kMsPerS * calls * estimate.conversion_s;
  json["conversion_device"] = estimate.conversion_device.empty() ? Json(nullptr) : Json(estimate.conversion_device);
}

void AddBytes(const Simulated& simulated, Json& json) {
  const Estimate& estimate = simulated.estimate;
  json["link_bytes"] = simulated.PerInference(estimate.link_bytes());
  json["input_bytes"] = simulated.PerInference(estimate.input_bytes);
  json["output_bytes"] = simulated.PerInference(estimate.output_bytes);
  json["streamed_bytes"] = simulated.PerInference(estimate.streamed_bytes);
  json["instruction_bytes"] = simulated.PerInference(estimate.instruction_bytes);
  json["cached_bytes"] = estimate.cached_bytes;
  json["cache_bytes"] = estimate.cache_bytes;
}

Json RowJson(const SimulationRow& row, bool per_layer) {
  const Simulated& simulated = row.simulated;
  Json json = {{"device", simulated.device},
               {"precision", ToString(simulated.precision)},
               {"batch", simulated.batch},
               {"calls", simulated.calls},
               {"settings", SettingJson(row.setting)}};
  if (!simulated.warning.empty()) json["warning"] = simulated.warning;
  if (!simulated.refused.empty()) {
    json["error"] = simulated.refused;
    return json;
  }
  AddTimes(simulated, json);
  AddBytes(simulated, json);
  json["notes"] = simulated.estimate.notes;
  if (per_layer) json["layers"] = LayersJson(simulated);
  return json;
}

Json StageJson(const StagesRow& row, size_t i) {
  const Segment& stage = row.division.stages[i];
  return {{"device", row.devices[i]},
          {"begin", stage.begin},
          {"end", stage.end},
          {"first_op", row.first_ops[i]},
          {"ops", row.ops[i]},
          {"latency_ms", kMsPerS * stage.estimate.latency_s},
          {"latency_low_ms", kMsPerS * stage.estimate.latency_s * stage.estimate.low},
          {"latency_high_ms", kMsPerS * stage.estimate.latency_s * stage.estimate.high},
          {"link_ms", kMsPerS * stage.link_s()},
          {"link_bytes", stage.estimate.link_bytes()},
          {"cached_bytes", stage.estimate.cached_bytes},
          {"streamed_bytes", stage.estimate.streamed_bytes},
          {"notes", stage.estimate.notes}};
}

// period_ms, period_low_ms, period_high_ms.
void AddBanded(const std::string& name, double seconds, const Division& division, Json& json) {
  json[name + "_ms"] = kMsPerS * seconds;
  json[name + "_low_ms"] = kMsPerS * seconds * division.low();
  json[name + "_high_ms"] = kMsPerS * seconds * division.high();
}

Json StagesJson(const StagesRow& row) {
  const Division& division = row.division;
  Json stages = Json::array();
  for (size_t i = 0; i < division.stages.size(); ++i) stages.push_back(StageJson(row, i));
  Json json = {{"settings", SettingJson(row.setting)}};
  if (!row.warning.empty()) json["warning"] = row.warning;
  json["stages"] = stages;
  AddBanded("period", division.period_s(), division, json);
  json["slowest_ms"] = kMsPerS * division.slowest_s;
  json["shared_link_ms"] = kMsPerS * division.shared_link_s;
  AddBanded("latency", division.latency_s(), division, json);
  json["throughput_per_s"] = row.throughput_per_s();
  const bool fits = division.single.has_value();
  json["single_latency_ms"] = fits ? Json(kMsPerS * division.single->latency_s) : Json(nullptr);
  json["speedup"] = fits ? Json(division.speedup()) : Json(nullptr);
  return json;
}

// What holds for all rows.
Json Frame(const SimulationReport& report) {
  return {{"provenance", "modelled"},
          {"model", report.model},
          {"macs", report.macs},
          {"parameters", report.parameters},
          {"platform", report.platform}};
}

}  // namespace

std::string SimulationJson(const SimulationReport& report) {
  Json json = Frame(report);
  json["rows"] = Json::array();
  for (const SimulationRow& row : report.rows) json["rows"].push_back(RowJson(row, report.per_layer));
  if (!report.stages.empty()) json["divisions"] = Json::array();
  for (const StagesRow& row : report.stages) json["divisions"].push_back(StagesJson(row));
  if (!report.trace.empty()) json["trace"] = {{"file", report.trace}, {"iterations", report.iterations}};
  return json.dump(2) + "\n";
}

std::string SimulationJsonLines(const SimulationReport& report) {
  std::string text;
  const auto add = [&](const Json& row) {
    Json line = Frame(report);
    line.update(row);
    text += line.dump() + "\n";
  };
  for (const SimulationRow& row : report.rows) add(RowJson(row, report.per_layer));
  for (const StagesRow& row : report.stages) add(StagesJson(row));
  return text;
}

}  // namespace consort
