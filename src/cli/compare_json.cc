// The JSON of `consort compare`; docs/cli.md lists its keys.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/bench_report.h"
#include "cli/compare_report.h"
#include "cli/emulation_report.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr PlacementState kStates[] = {PlacementState::kAsAsked, PlacementState::kEliminated, PlacementState::kElsewhere,
                                      PlacementState::kUnknown};

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json IntervalJson(const Interval& interval, double scale) {
  return {{"estimate", interval.estimate * scale}, {"low", interval.low * scale}, {"high", interval.high * scale}};
}

Json ToJson(const Accuracy& accuracy) {
  return {{"inputs", accuracy.inputs},
          {"cosine", NumberOrNull(accuracy.cosine)},
          {"max_rel_error", NumberOrNull(accuracy.error)},
          {"sqnr_db", NumberOrNull(accuracy.sqnr_db)},
          {"top1", accuracy.top1 ? Json(*accuracy.top1) : Json(nullptr)},
          {"nonfinite_mismatches", accuracy.nonfinite_mismatches},
          {"worst_output", accuracy.worst_output}};
}

Json PlacementJson(const Placement& placement) {
  Json json = {{"evidence", placement.evidence}, {"ops", placement.ops.size()}};
  for (const PlacementState state : kStates) {
    std::string key(ToString(state));
    std::replace(key.begin(), key.end(), '-', '_');
    json[key] = placement.Count(state);
  }
  return json;
}

// What is not to be trusted stands below "unreliable".
Json ToJson(const CompareReport& report, size_t index) {
  const CompareRow& row = report.rows[index];
  Json json = {{"kind", row.provenance()},
               {"provenance", row.provenance()},
               {"target", row.target.device.empty() ? row.label : row.target.ToString()},
               {"label", row.label},
               {"device", row.info.name},
               {"engine", row.info.engine},
               {"model", row.model},
               {"fingerprint", row.fingerprint},
               {"precision", row.precision},
               {"threads", row.threads},
               {"cores", row.info.cores.cores()}};
  if (row.emulation) json["emulation"] = EmulationJson(*row.emulation);
  for (const EmulationReport& emulation : row.emulation ? std::vector<EmulationReport>() : row.emulations)
    json["emulations"].push_back(EmulationJson(emulation));
  const bool known = row.measured_at_all() && row.overrun().empty();
  const bool against = known && !HasNoBaseline(report);
  Json figures = {{"verdict", VerdictWord(report, index)}};
  figures["median_ms"] = known ? IntervalJson(row.measured.median_ns, 1e-6) : Json(nullptr);
  figures["ratio"] = against ? IntervalJson(row.measured.ratio, 1) : Json(nullptr);
  figures["ratio_by_load"] = against ? Json(row.measured.load_ratios) : Json::array();
  if (report.paired.unstable.empty()) {
    json.update(figures);
  } else {
    json["unreliable"] = std::move(figures);
  }
  json["queries"] = row.measured.latencies.count();
  json["accuracy"] = row.accuracy ? ToJson(*row.accuracy) : Json(nullptr);
  if (!row.accuracy_problem.empty()) json["accuracy_problem"] = row.accuracy_problem;
  json["misses"] = row.misses;
  json["placement"] = PlacementJson(row.placement);
  return json;
}

}  // namespace

std::string CompareJson(const CompareReport& report) {
  const PairedResult& paired = report.paired;
  const bool stable = paired.unstable.empty();
  Json json = {{"targets", Json::array()}};
  for (size_t i = 0; i < report.rows.size(); ++i) json["targets"].push_back(ToJson(report, i));
  if (!stable) json["unstable"] = paired.unstable;
  json["reference"] = report.reference.empty() ? Json(nullptr) : Json(report.reference);
  json["times"] = report.times.empty() ? "one query at a time" : report.times;
  json["rounds"] = paired.rounds;
  json["loads"] = report.loads;
  json["seed"] = report.seed;
  json["isolated"] = report.isolated;
  json["denormals_flushed"] = report.denormals_flushed;
  json["noise"] = {{"discarded_rounds", paired.discarded_rounds},
                   {"discarded_share", paired.discarded_share()},
                   {"clean_s", static_cast<double>(paired.clean_ns) / 1e9},
                   {"probe_us", static_cast<double>(report.probe_ns) / 1e3},
                   {"blind_spot", report.blind_spot}};
  json["environment"] = EnvironmentJson(report.environment);
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace consort
