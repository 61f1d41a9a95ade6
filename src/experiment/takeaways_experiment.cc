#include "experiment/takeaways_experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/strings.h"
#include "experiment/present.h"
#include "experiment/roles.h"
#include "experiment/takeaways.h"

namespace consort::experiment {
namespace {

constexpr std::array<const char*, 4> kExperiments = {"matvec", "dense-scaling", "sharding", "data-parallel"};

// Of an experiment no more than the predicates read.
Settings SettingsOf(const Experiment& experiment, const Testbed& testbed, const Settings& settings) {
  const bool local = !testbed.all_emulated();
  std::map<std::string, std::string> given;
  if (experiment.name() == "matvec") given = {{"sides", "64,256"}, {"trials", "20"}};
  if (experiment.name() == "dense-scaling") given = {{"scales", "1,2,3,4,5,6,7"}, {"trials", "20"}};
  if (experiment.name() == "sharding") {
    given = {{"objectives", ""}, {"sets", "none"}, {"pair", settings.Text("pair")}};
    given["batches"] = local ? "1,16" : "1,4,16,64,256,1024";
    if (local && testbed.quick()) given["batches"] = "1,8";
  }
  if (experiment.name() == "data-parallel")
    given = {{"step", local ? "10" : "2"}, {"planned", "no"}, {"devices", settings.Text("devices")}};
  return {experiment.parameters(), given, testbed.quick()};
}

std::string PrefixOf(const Experiment& experiment) { return experiment.name() + "/"; }

report::Table TableOf(const std::vector<Takeaway>& takeaways, report::Origin origin) {
  report::Table table{.id = "takeaways-verdicts",
                      .caption = "Verdicts by what this testbed's rows say.",
                      .columns = {{.title = "takeaway", .is_key = true},
                                  {.title = "verdict", .filters = true},
                                  {.title = "key in seed_claims.csv"}}};
  for (const Takeaway& one : takeaways)
    table.rows.push_back({{one.id, std::string(ToString(one.verdict)), one.source}, origin});
  return table;
}

// What the seed says or asks, what was found, and by which rule.
std::string Told(const Takeaway& one) {
  return fmt::format("{}: {}. The seed: \"{}\". Here: {}. Rule: {}.", one.id, ToString(one.verdict), one.statement,
                     one.figures, one.rule);
}

// "301 emulated, 20 modelled".
std::string Origins(const std::vector<Row>& rows) {
  std::map<std::string, int> counts;
  for (const Row& row : rows) ++counts[TextOf(row, "refused").empty() ? TextOf(row, "provenance") : "refused"];
  std::vector<std::string> parts;
  for (const auto& [origin, count] : counts) parts.push_back(fmt::format("{} {}", count, origin));
  return Join(parts);
}

// Rows too large to emulate are modelled, and rest on the same formulas.
report::Origin OriginOfAll(const std::vector<Row>& rows) {
  const auto is_measured = [](const Row& row) { return OriginOf(row) == report::Origin::kMeasured; };
  const bool measured = std::any_of(rows.begin(), rows.end(), is_measured);
  return measured ? LeastReal(rows) : report::Origin::kEmulated;
}

std::string VerdictOf(const std::vector<Takeaway>& takeaways) {
  std::map<TakeawayVerdict, std::vector<std::string>> by_verdict;
  for (const Takeaway& one : takeaways) by_verdict[one.verdict].push_back(one.id);
  std::vector<std::string> parts;
  for (const auto& [verdict, ids] : by_verdict)
    parts.push_back(fmt::format("{} {}: {}", ids.size(), ToString(verdict), Join(ids)));
  return fmt::format("Of the seed's takeaways {}.", Join(parts, "; "));
}

}  // namespace

std::string TakeawaysExperiment::summary() const {
  return "what the seed concluded, as predicates with thresholds: confirmed, not confirmed, or depends";
}

std::vector<Parameter> TakeawaysExperiment::parameters() const {
  return {{"pair", "", "", "who plays the Edge TPU and the GPU (usual: these; else the second device and the first)"},
          {"devices", "", "", "of the shared samples, as for data-parallel"}};
}

std::vector<Cell> TakeawaysExperiment::Cells(Testbed& testbed, const Settings& settings) const {
  const Pair pair = PairOf(testbed, settings.Text("pair"));
  std::vector<Cell> cells;
  for (const char* name : kExperiments) {
    const Experiment& experiment = FindExperiment(name);
    for (Cell& cell : experiment.Cells(testbed, SettingsOf(experiment, testbed, settings))) {
      Json key = {{"of", name}, {"tpu", pair.a.name}, {"gpu", pair.b.name}};
      key.update(cell.key);
      cells.push_back({PrefixOf(experiment) + cell.id, std::move(key)});
    }
  }
  return cells;
}

Row TakeawaysExperiment::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  const Experiment& experiment = FindExperiment(TextOf(cell.key, "of"));
  return experiment.Run(testbed, SettingsOf(experiment, testbed, settings),
                        {cell.id.substr(PrefixOf(experiment).size()), cell.key});
}

Outcome TakeawaysExperiment::Report(const Findings& findings) const {
  const std::vector<Row>& rows = findings.rows;
  const Cast cast{TextOf(rows.front(), "tpu"), TextOf(rows.front(), "gpu")};
  const std::vector<Takeaway> takeaways = JudgeTakeaways(rows, cast);
  Outcome outcome{.verdict = VerdictOf(takeaways), .section = {.id = "takeaways", .title = "The seed's takeaways"}};
  outcome.section.blocks.push_back(
      report::Paragraph{fmt::format("The Edge TPU here is {}, the GPU {}. Cells: {}.", cast.tpu, cast.gpu, Origins(rows))});
  outcome.section.blocks.push_back(TableOf(takeaways, OriginOfAll(rows)));
  for (const Takeaway& one : takeaways) outcome.section.blocks.push_back(report::Paragraph{Told(one)});
  AddRemarks(rows, outcome.section.blocks);
  return outcome;
}

}  // namespace consort::experiment
