#include "experiment/modern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/strings.h"
#include "cost/edgetpu_support.h"
#include "experiment/plan_timing.h"
#include "experiment/present.h"
#include "experiment/roles.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

constexpr size_t kA = 0;
constexpr size_t kB = 1;
constexpr double kMsPerS = 1e3;
constexpr char kAllOnAName[] = "all on A";
constexpr char kAllOnBName[] = "all on B";
constexpr char kFeedForward[] = "feed-forward on B";
constexpr char kDense[] = "dense on B";
constexpr char kPlanned[] = "planned";
constexpr const char* kByHand[] = {kAllOnAName, kAllOnBName, kFeedForward, kDense};

bool Holds(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// The device of an op, by the one of the op before it.
using Side = std::function<size_t(const Op& op, size_t before)>;

// Zoo names: "layer0/attention/Dense_1/MatMul", "layer0/Dense_1", "layer0/Gelu_1/Erf" (src/zoo/transformer.cc).
size_t FeedForwardSide(const Op& op, size_t before) {
  if (!op.name.starts_with("layer") || Holds(op.name, "/attention/") || op.type == "LayerNormalization") return kA;
  return Holds(op.name, "/Dense_1") ? kB : before;
}

// What only moves elements stays where they are.
size_t DenseSide(const Op& op, size_t before) {
  if (Holds(op.name, "Dense_")) return kB;
  return op.type == "Reshape" || op.type == "Transpose" ? before : kA;
}

Parts Divided(const Graph& graph, const Side& side) {
  Parts parts;
  size_t now = kA;
  for (const Op& op : graph.ops()) {
    if (op.constant) continue;
    const size_t next = side(op, now);
    if (parts.empty()) {
      parts.push_back({"", {{next}}});
    } else if (next != now) {
      parts.push_back({op.name, {{next}}});
    }
    now = next;
  }
  return parts;
}

Parts PartsOf(const Graph& graph, const std::string& division) {
  if (division == kAllOnAName) return {{"", {{kA}}}};
  if (division == kAllOnBName) return {{"", {{kB}}}};
  return Divided(graph, division == kDense ? DenseSide : FeedForwardSide);
}

// {attention, dense}.
std::pair<TestDevice, TestDevice> DevicesOf(const Testbed& testbed, const Settings& settings) {
  const std::string& given = settings.Text("pair");
  const Pair pair = PairOf(testbed, given);
  // Without names the Edge TPU is the pair's first.
  return given.empty() ? std::pair(pair.b, pair.a) : std::pair(pair.a, pair.b);
}

DividedNetwork NetworkOf(Testbed& testbed, const Settings& settings, const Cell& cell) {
  const auto [attention, dense] = DevicesOf(testbed, settings);
  Network network{TextOf(cell.key, "network"), {.batch = 1, .seed = testbed.seed()}};
  network.make.sequence = settings.Number("tokens");
  return {testbed, std::move(network), {attention, dense}};
}

Row TimeRow(DividedNetwork& network, const std::string& division) {
  const Planned planned = division == kPlanned ? network.Choose(Objective::kLatency)
                                               : network.PlanOf(PartsOf(network.graph(), division));
  const PlanTiming timing = TimePlan(network, planned);
  Row row = ToJson(timing);
  row["stages"] = planned.plan.stages.size();
  row["on"] = planned.plan.stages.size() <= 4 ? network.Describe(planned.plan)
                                              : fmt::format("{} stages in turn", planned.plan.stages.size());
  double on_each_s[2] = {0, 0}, link_s = 0, host_s = 0;
  for (const ReplicaTime& replica : timing.replicas) {
    on_each_s[replica.device == network.devices()[kA].name ? kA : kB] += replica.call_s;
    link_s += replica.link_s;
    host_s += replica.host_s;
  }
  row["a_ms"] = NumberOrNull(kMsPerS * on_each_s[kA]);
  row["b_ms"] = NumberOrNull(kMsPerS * on_each_s[kB]);
  row["host_ms"] = NumberOrNull(kMsPerS * host_s);
  row["link_ms"] = NumberOrNull(kMsPerS * link_s);
  return row;
}

Row NumbersRow(DividedNetwork& network, Testbed& testbed, const std::string& division, int sets) {
  const Graph& graph = testbed.ModelOf(network.network()).graph();
  Row row = ToJson(network.Check(PartsOf(graph, division), 1, sets));
  row["samples"] = sets;
  return row;
}

Row SupportRow(DividedNetwork& network) {
  const Graph& graph = network.graph();
  int64_t ops = 0, refused = 0, macs = 0, refused_macs = 0;
  const std::vector<EdgeTpuVerdict> verdicts = JudgeForEdgeTpu(graph);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const Op& op = graph.ops()[i];
    if (op.constant) continue;
    ++ops;
    macs += op.cost.macs;
    if (verdicts[i].runs()) continue;
    ++refused;
    refused_macs += op.cost.macs;
  }
  return {{"ops", ops},
          {"refused_ops", refused},
          {"refused_macs_share", macs > 0 ? static_cast<double>(refused_macs) / static_cast<double>(macs) : 0.0},
          {"refusals", Join(EdgeTpuRefusals(graph), "\n")}};
}

// --- Report ----------------------------------------------------------------------------------------------------------

std::vector<Row> RowsOf(const std::vector<Row>& rows, const std::string& what) {
  std::vector<Row> chosen;
  for (const Row* row : Select(rows, {{"what", what}})) chosen.push_back(*row);
  return chosen;
}

// "bert-tiny: the Edge TPU refuses 31 of 74 operators …: Cast (1): …; …".
std::string SupportText(const Row& row) {
  return fmt::format("{}: the Edge TPU's documented rules refuse {} of {} operators, with {:.0f} % of the "
                     "multiply-accumulates; what reads their results in the same part runs on the CPU as well. {}.",
                     TextOf(row, "network"), Shown(row, "refused_ops"), Shown(row, "ops"),
                     100 * NumberOf(row, "refused_macs_share"), Join(Split(TextOf(row, "refusals"), '\n'), "; "));
}

report::Chart BarsOf(const std::vector<Row>& timed, const std::string& network) {
  report::Chart chart{.id = "modern-" + network,
                      .caption = network + ": where the time of a call goes, by division. The rest of the Edge TPU's time "
                                           "is its own: computing and one round trip for each part.",
                      .mark = report::Mark::kBars,
                      .x = {.title = "division"},
                      .y = {.title = "time of a call", .unit = "ms", .logarithmic = true}};
  const std::vector<const Row*> rows = Select(timed, {{"network", network}});
  const std::pair<const char*, const char*> figures[] = {
      {"a_ms", "on A"}, {"b_ms", "on B"}, {"host_ms", "of B: left to the CPU"}, {"link_ms", "transfers"}};
  for (const auto& [field, title] : figures) {
    report::Series series{.name = title};
    for (size_t i = 0; i < rows.size(); ++i) {
      series.origin = OriginOf(*rows[i]);
      const double value = NumberOf(*rows[i], field);
      if (std::isnan(value) || value <= 0) continue;
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(value);
    }
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  for (const Row* row : rows) chart.x.categories.push_back(TextOf(*row, "division"));
  return chart;
}

std::string VerdictOf(const std::vector<Row>& timed) {
  std::vector<std::string> parts;
  for (const std::string& network : ValuesOf(timed, "network")) {
    const Row* best = nullptr;
    for (const Row* row : Select(timed, {{"network", network}})) {
      const double call_ms = NumberOf(*row, "call_ms");
      if (!std::isnan(call_ms) && (best == nullptr || call_ms < NumberOf(*best, "call_ms"))) best = row;
    }
    if (best == nullptr) continue;
    std::string text = fmt::format("{}: '{}' is fastest ({})", network, TextOf(*best, "division"),
                                   FormatMs(NumberOf(*best, "call_ms")));
    const Row* dense = FindRow(timed, {{"network", network}, {"division", kDense}});
    if (dense != nullptr && !std::isnan(NumberOf(*dense, "call_ms")))
      text += fmt::format("; dense layers on {} take {:.3g} times as long", TextOf(*dense, "b"),
                          NumberOf(*dense, "call_ms") / NumberOf(*best, "call_ms"));
    parts.push_back(std::move(text));
  }
  return parts.empty() ? "No division could run." : Join(parts, ". ") + ".";
}

}  // namespace

std::vector<std::string> EdgeTpuRefusals(const Graph& graph) {
  std::map<std::pair<std::string, std::string>, int> counts;
  const std::vector<EdgeTpuVerdict> verdicts = JudgeForEdgeTpu(graph);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const Op& op = graph.ops()[i];
    if (!op.constant && !verdicts[i].runs()) ++counts[{op.type, verdicts[i].why}];
  }
  std::vector<std::string> refusals;
  for (const auto& [what, count] : counts) refusals.push_back(fmt::format("{} ({}): {}", what.first, count, what.second));
  return refusals;
}

std::string Modern::summary() const {
  return "a transformer with its attention on one device and its dense layers on the Edge TPU";
}

std::vector<Parameter> Modern::parameters() const {
  return {{"networks", "gpt-tiny,bert-tiny", "", "transformers of the zoo"},
          {"tokens", "128", "", "of the sequence; of a decoder, those before the one that it computes"},
          {"pair", "", "", "devices ATTENTION,DENSE (usual: the GPU and the Edge TPU)"},
          {"sets", "4", "2", "sets of seeded inputs that the numbers are compared on"}};
}

std::vector<Cell> Modern::Cells(Testbed& testbed, const Settings& settings) const {
  const auto [attention, dense] = DevicesOf(testbed, settings);
  settings.Number("tokens");  // refuses what is no number
  settings.Number("sets");
  std::vector<Cell> cells;
  for (const std::string& network : settings.Words("networks")) {
    zoo::CostsOf(network, {});  // refuses a name that is none
    const auto add = [&, a = attention.name, b = dense.name](const char* what, const std::string& division) {
      cells.push_back({fmt::format("{}/{}/{}", network, what, division),
                       {{"network", network}, {"what", what}, {"a", a}, {"b", b}, {"division", division}}});
    };
    for (const char* division : kByHand) add("time", division);
    add("time", kPlanned);
    for (const char* division : kByHand) add("numbers", division);
    add("support", "Edge TPU");
  }
  return cells;
}

Row Modern::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  DividedNetwork network = NetworkOf(testbed, settings, cell);
  const std::string what = TextOf(cell.key, "what");
  const std::string division = TextOf(cell.key, "division");
  try {
    if (what == "support") return SupportRow(network);
    if (what == "time") return TimeRow(network, division);
    return NumbersRow(network, testbed, division, static_cast<int>(settings.Number("sets")));
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    return Refused(error);
  }
}

Outcome Modern::Report(const Findings& findings) const {
  const std::vector<Row>& rows = findings.rows;
  const std::vector<Row> timed = RowsOf(rows, "time");
  Outcome outcome{.verdict = VerdictOf(timed), .section = {.id = "modern", .title = "A transformer on two devices"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  if (!timed.empty())
    blocks.push_back(report::Paragraph{fmt::format("A, for attention: {}. B, for dense layers: {}.",
                                                   TextOf(timed.front(), "a"), TextOf(timed.front(), "b"))});
  blocks.push_back(LongTable("modern-time", "One sequence at a time, and without pause.", timed,
                             {{"network", "network", ""}, {"division", "division", ""}},
                             {{"call_ms", "call", "ms"},
                              {"between_ms", "between results", "ms"},
                              {"a_ms", "on A", "ms"},
                              {"b_ms", "on B", "ms"},
                              {"host_ms", "of B: left to the CPU", "ms"},
                              {"link_ms", "transfers", "ms"},
                              {"stages", "stages", ""},
                              {"joules", "energy", "J"}}));
  for (const std::string& network : ValuesOf(timed, "network")) blocks.push_back(BarsOf(timed, network));
  blocks.push_back(LongTable("modern-numbers",
                             "Numbers against the undivided network in fp32 on cpu@onnxruntime; those of an emulated "
                             "Edge TPU in 8 bits, computed on this machine.",
                             RowsOf(rows, "numbers"), {{"network", "network", ""}, {"division", "division", ""}},
                             {{"cosine", "cosine", ""}, {"max_error", "largest error", ""}, {"sqnr_db", "SQNR", "dB"}}));
  for (const Row& row : RowsOf(rows, "support")) blocks.push_back(report::Paragraph{SupportText(row)});
  AddRemarks(timed, blocks);
  return outcome;
}

}  // namespace consort::experiment
