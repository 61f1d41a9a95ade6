// The JSON of `consort bench`; docs/cli.md lists the keys.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/bench_report.h"
#include "cli/emulation_report.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNsPerMs = 1e6;

Json IntervalJson(const Interval& interval, double unit) {
  return {{"estimate", interval.estimate / unit}, {"low", interval.low / unit}, {"high", interval.high / unit}};
}

Json TimesJson(const Distribution& times, const Interval& median_ns, const std::vector<double>& percentiles) {
  Json json;
  json["median"] = IntervalJson(median_ns, kNsPerMs);
  json["mean"] = times.mean_ns() / kNsPerMs;
  json["min"] = static_cast<double>(times.min_ns()) / kNsPerMs;
  json["max"] = static_cast<double>(times.max_ns()) / kNsPerMs;
  json["deviation"] = times.deviation_ns() / kNsPerMs;
  json["count"] = times.count();
  json["percentiles"] = Json::object();
  for (const double percent : percentiles) {
    json["percentiles"][fmt::format("{:g}", percent)] =
        HasPercentile(times, percent) ? Json(times.PercentileNs(percent) / kNsPerMs) : Json(nullptr);
  }
  return json;
}

Json PhaseJson(const Phase& phase, bool overrun, const std::vector<double>& percentiles) {
  Json json = {{"name", phase.name}};
  if (overrun && phase.not_measured.empty()) {
    json["not_measured"] = "overrun";
  } else if (!phase.not_measured.empty()) {
    json["not_measured"] = phase.not_measured;
  } else if (!phase.unstable.empty()) {
    json["unstable"] = phase.unstable;
    json["unreliable"] = {{"times_ms", TimesJson(phase.times, phase.median_ns, percentiles)}};
  } else {
    json["times_ms"] = TimesJson(phase.times, phase.median_ns, percentiles);
  }
  return json;
}

const char* WordFor(Optimization optimization) {
  switch (optimization) {
    case Optimization::kNone:
      return "none";
    case Optimization::kBasic:
      return "basic";
    case Optimization::kExtended:
      return "extended";
    case Optimization::kFull:
      break;
  }
  return "full";
}

Json ConditionsJson(const BenchRow& row) {
  Json json;
  json["model"] = row.model;
  json["fingerprint"] = row.fingerprint;
  json["file_bytes"] = row.file_bytes;
  json["target"] = row.target.ToString();
  json["device"] = row.device;
  json["engine"] = row.engine;
  json["precision"] = row.precision;
  json["optimization"] = WordFor(row.options.compile.optimization);
  json["denormals_flushed"] = row.options.compile.flush_denormals;
  json["isolated"] = row.isolated;
  json["scenario"] = InfoOf(row.scenario).name;
  json["batch"] = row.batch_known ? Json(row.batch) : Json(nullptr);
  json["threads"] = row.threads;
  json["concurrency"] = row.replicas.size();
  json["replicas"] = Json::array();
  for (const Target& replica : row.replicas) json["replicas"].push_back(replica.ToString());
  json["shared_cores"] = row.shared_cores;
  json["cores"] = row.cores.cores();
  json["seed"] = row.seed;
  json["input_bytes"] = row.input_bytes;
  json["output_bytes"] = row.output_bytes;
  return json;
}

// The figures of the scenario: in the row itself, or below `unreliable` when they are not to be trusted.
void AddFigures(const BenchRow& row, const std::vector<double>& percentiles, Json& json) {
  json["queries"] = row.measured.queries;
  json["inferences"] = row.measured.inferences;
  if (row.latency_word() == "overrun") {
    json["overrun"] = row.overrun();
    return;
  }
  Json unreliable;
  const bool latency_holds = row.latency_word().empty();
  if (!row.unstable().empty()) json["unstable"] = row.unstable();
  (latency_holds ? json : unreliable)["latency_ms"] =
      TimesJson(row.measured.latencies, row.measured.median_ns, percentiles);
  Json& medians = (latency_holds ? json : unreliable)["load_medians_ms"] = Json::array();
  for (const double median_ns : row.measured.load_medians_ns) medians.push_back(median_ns / kNsPerMs);
  (row.unstable().empty() ? json : unreliable)["throughput_per_s"] = IntervalJson(row.measured.throughput, 1);
  json["between_runs"] = row.measured.between_runs;
  if (row.server) {
    json["server"] = {{"asked_per_s", row.queries_per_s},
                      {"arrived_per_s", row.server->arrivals_per_s},
                      {"busy_share", row.server->busy_share},
                      {"unserved", row.server->unserved},
                      {"overloaded", row.server->overloaded}};
  }
  if (!unreliable.is_null()) json["unreliable"] = std::move(unreliable);
}

Json NoiseJson(const BenchRow& row) {
  const MeterSummary& measured = row.measured;
  return {{"clean_blocks", measured.clean_blocks},
          {"discarded_blocks", measured.discarded_blocks},
          {"discarded_by_probe", measured.discarded_by_probe},
          {"discarded_by_waiting", measured.discarded_blocks - measured.discarded_by_probe},
          {"discarded_share", measured.discarded_share()},
          {"clean_s", static_cast<double>(measured.clean_ns) / 1e9},
          {"median_of_all_ms",
           row.latency_word() == "overrun" ? Json(nullptr) : Json(measured.everything.PercentileNs(50) / kNsPerMs)},
          {"foreign_share", row.foreign_share},
          {"probe_us", static_cast<double>(row.probe_ns) / 1e3},
          {"clock_drift", row.clock_drift},
          {"blind_spot", row.blind_spot},
          {"overhead_us", row.scenario == ScenarioKind::kSingle ? Json(row.overhead_ns / 1e3) : Json(nullptr)}};
}

}  // namespace

Json EnvironmentJson(const Environment& environment) {
  return {{"consort", CONSORT_VERSION},
          {"date", environment.date},
          {"command_line", environment.command_line},
          {"processor", environment.processor},
          {"logical_cores", environment.logical_cores},
          {"smt", environment.smt},
          {"governor", environment.governor},
          {"kernel", environment.kernel},
          {"memory_bytes", environment.memory_bytes},
          {"container", environment.container},
          {"virtual_machine", environment.virtual_machine}};
}

Json RowJson(const BenchRow& row, const std::vector<double>& percentiles) {
  Json json = {{"kind", ToString(row.provenance)}, {"provenance", ToString(row.provenance)}};
  json.update(ConditionsJson(row));
  if (row.emulation) json["emulation"] = EmulationJson(*row.emulation);
  AddFigures(row, percentiles, json);
  json["phases"] = Json::array();
  for (const Phase& phase : row.phases)
    json["phases"].push_back(PhaseJson(phase, row.latency_word() == "overrun", percentiles));
  json["loads"] = row.loads;
  json["loads_asked"] = row.loads_asked;
  json["warm_up"] = {{"settled", row.settled},
                     {"queries", row.warm_up.queries},
                     {"took_ms", static_cast<double>(row.warm_up.took_ns) / kNsPerMs}};
  json["placement"] = {{"ops", row.ops},
                       {"as_asked", row.as_asked},
                       {"eliminated", row.eliminated},
                       {"elsewhere", row.elsewhere},
                       {"unknown", row.unknown}};
  json["memory"] = {{"before_bytes", row.memory.before_bytes},
                    {"peak_bytes", row.memory.peak_bytes},
                    {"children_peak_bytes", row.memory.children_bytes},
                    {"peak_of_whole_life", row.memory.whole_life}};
  if (row.emulation) json["memory"] = nullptr;
  const std::optional<double>& joules = row.energy.joules_per_inference;
  json["joules_per_inference"] = joules ? Json(*joules) : Json(nullptr);
  json["energy_source"] = row.energy.source;
  json["noise"] = NoiseJson(row);
  json["advice"] = Json::array();
  for (const Advice& advice : row.advice) json["advice"].push_back({{"name", advice.name}, {"text", advice.text}});
  return json;
}

}  // namespace consort
