#include "cli/shard_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/strings.h"
#include "cli/table.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

std::string Macs(const ShardEntry& shard) {
  return fmt::format("{}{:.1f} M", shard.macs_known ? "" : "≥ ", static_cast<double>(shard.macs) / 1e6);
}

std::string MaybeBytes(int64_t bytes) { return bytes < 0 ? "unknown" : FormatBytes(bytes); }

// Bytes of tensors; -1 where one is unknown.
template <typename Entry, typename TensorOf>
int64_t Sum(const std::vector<Entry>& entries, TensorOf tensor_of) {
  int64_t sum = 0;
  for (const Entry& entry : entries) {
    if (tensor_of(entry).bytes < 0) return -1;
    sum += tensor_of(entry).bytes;
  }
  return sum;
}

std::string Weight(const BalanceReport& balance, size_t shard) {
  const int64_t weight = balance.weights[shard];
  if (balance.by == "bytes") return FormatBytes(weight);
  if (balance.by == "time") return fmt::format("{:.3f} ms", static_cast<double>(weight) * 1e-9);
  return fmt::format("{:.1f} M", static_cast<double>(weight) / 1e6);
}

std::string Shards(const ShardReport& report) {
  std::vector<Table::Column> columns = {{"file"},
                                        {"ops", Align::kRight},
                                        {"MACs", Align::kRight},
                                        {"weights", Align::kRight},
                                        {"in", Align::kRight},
                                        {"out", Align::kRight}};
  const bool by_time = report.balance && report.balance->by == "time";
  if (by_time) columns.push_back({"modelled", Align::kRight});
  Table table(columns);
  for (size_t i = 0; i < report.manifest.shards.size(); ++i) {
    const ShardEntry& shard = report.manifest.shards[i];
    std::vector<std::string> row = {shard.file.name,
                                    std::to_string(shard.ops),
                                    Macs(shard),
                                    FormatBytes(shard.parameter_bytes),
                                    MaybeBytes(Sum(shard.inputs, [](const PortEntry& port) { return port.tensor; })),
                                    MaybeBytes(Sum(shard.outputs, [](const TensorEntry& tensor) { return tensor; }))};
    if (by_time) row.push_back(Weight(*report.balance, i));
    table.AddRow(row);
  }
  return table.ToString();
}

std::string CrossingNames(const CutEntry& cut) {
  const std::vector<std::string>& names = cut.names.crossing;
  if (names.empty()) return "(nothing crosses)";
  return names.size() == 1 ? Fit(names.front(), 30) : fmt::format("{} +{}", Fit(names.front(), 26), names.size() - 1);
}

std::string Cuts(const Manifest& manifest) {
  if (manifest.cuts.empty()) return "";
  Table table({{"cut", Align::kRight}, {"position", Align::kRight}, {"after"}, {"crossing"}, {"bytes", Align::kRight}});
  for (size_t i = 0; i < manifest.cuts.size(); ++i) {
    const CutEntry& cut = manifest.cuts[i];
    table.AddRow({std::to_string(i + 1), std::to_string(cut.position), Fit(cut.after_op, 22), CrossingNames(cut),
                  MaybeBytes(cut.bytes)});
  }
  return "\n" + table.ToString();
}

std::string Marks(const Manifest& manifest) {
  std::string text;
  for (size_t i = 0; i < manifest.cuts.size(); ++i) {
    for (const std::string& fusion : manifest.cuts[i].fusions) {
      text +=
          fmt::format("cut {} divides the fusion {}: results may differ in the last bits, and the stage is slower\n",
                      i + 1, fusion);
    }
  }
  return text.empty() ? "" : "\n" + text;
}

bool DividesFusion(const Manifest& manifest) {
  return std::any_of(manifest.cuts.begin(), manifest.cuts.end(),
                     [](const CutEntry& cut) { return !cut.fusions.empty(); });
}

std::string Verdict(const ShardReport& report) {
  const ChainCheck& check = report.check->check;
  if (check.bitwise()) return "the shards in a row give what the whole model gives, bit by bit";
  const OutputCheck& worst = check.worst();
  std::string text = fmt::format(
      "the shards in a row differ from the whole model by {:.2g}, {:.2g} of the largest value (output '{}')",
      worst.comparison.max_difference, worst.comparison.relative(), Fit(worst.name, 30));
  if (worst.comparison.nonfinite_mismatches > 0) {
    text += fmt::format("; {} elements are finite in one only", worst.comparison.nonfinite_mismatches);
  }
  if (!report.check->passed()) return text + fmt::format(": more than the {:g} allowed", report.check->tolerance);
  return text + (DividesFusion(report.manifest) ? "" : ", though no cut divides a known fusion");
}

std::string Shapes(const std::map<std::string, Shape>& inputs) {
  std::vector<std::string> shapes;
  for (const auto& [name, shape] : inputs) shapes.push_back(fmt::format("{} {}", Fit(name, 24), FormatShape(shape)));
  return Join(shapes);
}

std::string Check(const ShardReport& report) {
  if (!report.check) return "check     left out (--no-check)\n";
  return fmt::format("check     {}\n          {}, basic optimisation, seed {}, {}\n", Verdict(report),
                     report.check->target, report.check->seed, Shapes(report.check->check.inputs));
}

std::string Header(const ShardReport& report) {
  const Manifest& manifest = report.manifest;
  std::string text = fmt::format("model     {}, fingerprint {}\n", Fit(manifest.source, 36), manifest.fingerprint);
  text += fmt::format("shards    {} in {}\n", manifest.shards.size(), report.folder.string());
  text += fmt::format("manifest  {}\n", (report.folder / kManifestName).string());
  if (report.balance) {
    const auto& weights = report.balance->weights;
    const auto heaviest = std::max_element(weights.begin(), weights.end());
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    text += fmt::format("balance   by {}{}: the heaviest shard has {}", report.balance->by,
                        report.balance->of.empty() ? "" : " modelled for " + report.balance->of,
                        Weight(*report.balance, static_cast<size_t>(heaviest - weights.begin())));
    if (total > 0) text += fmt::format(", {:.1f} % of the sum", 100 * static_cast<double>(*heaviest) / total);
    if (!report.balance->sizes.empty()) text += fmt::format("\n          with {}", Shapes(report.balance->sizes));
    text += "\n";
  }
  return text;
}

// --- JSON
// --------------------------------------------------------------------------------------------------------------

Json ShapesJson(const std::map<std::string, Shape>& inputs) {
  Json json = Json::object();
  for (const auto& [name, shape] : inputs) json[name] = shape;
  return json;
}

Json CheckJson(const CheckReport& report) {
  Json outputs = Json::array();
  for (const OutputCheck& output : report.check.outputs) {
    outputs.push_back({{"name", output.name},
                       {"bitwise", output.comparison.bitwise_equal},
                       {"max_difference", output.comparison.max_difference},
                       {"max_reference", output.comparison.max_reference},
                       {"nonfinite_mismatches", output.comparison.nonfinite_mismatches}});
  }
  return {{"target", report.target},
          {"optimization", "basic"},
          {"seed", report.seed},
          {"tolerance", report.tolerance},
          {"inputs", ShapesJson(report.check.inputs)},
          {"passed", report.passed()},
          {"bitwise", report.check.bitwise()},
          {"outputs", outputs}};
}

}  // namespace

std::string ShardTables(const ShardReport& report) {
  return Header(report) + Check(report) + "\n" + Shards(report) + Cuts(report.manifest) + Marks(report.manifest);
}

std::string ShardJson(const ShardReport& report) {
  Json json = {{"folder", report.folder.string()}, {"manifest", Json::parse(FormatManifest(report.manifest))}};
  json["balance"] = nullptr;
  if (report.balance) {
    json["balance"] = {{"by", report.balance->by},
                       {"of", report.balance->of},
                       {"sizes", ShapesJson(report.balance->sizes)},
                       {"weights", report.balance->weights}};
  }
  json["check"] = report.check ? CheckJson(*report.check) : Json();
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
