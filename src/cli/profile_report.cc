#include "cli/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "cli/help.h"
#include "cli/table.h"
#include "plan/drawing.h"
#include "plan/reasons.h"

namespace consort {
namespace {

constexpr int kWidth = 80;
constexpr size_t kUnitWidth = 30;

// The devices that were measured, each with its letter.
std::vector<int> MeasuredDevices(const LocalDevices& devices) {
  std::vector<int> measured;
  for (int device = 0; device < devices.size(); ++device) {
    if (devices.devices[device].alike < 0) measured.push_back(device);
  }
  return measured;
}

std::string Letter(size_t index) { return std::string(1, static_cast<char>('A' + index % 26)); }

std::string Legend(const ProfileReport& report, const std::vector<int>& measured) {
  std::string text;
  for (size_t i = 0; i < measured.size(); ++i) {
    const PlanDevice& device = report.devices.devices[measured[i]];
    const int all = report.devices.infos[measured[i]].cores.size();
    const int threads = device.threads > 0 ? device.threads : all;
    text += fmt::format("{}  {}{}\n", Letter(i), device.name,
                        threads > 0 ? fmt::format(", {} thread{}", threads, threads == 1 ? "" : "s") : "");
  }
  return text;
}

const ProfileEntry* EntryOf(const ProfileReport& report, int device, OpId begin, OpId end, int64_t batch) {
  const PlanDevice& plan_device = report.devices.devices[device];
  return report.profile.Find(
      KeyOf(report.graph, begin, end, plan_device.target.ToString(), plan_device.threads, batch),
      report.devices.infos[device].engine);
}

std::string Cell(const ProfileEntry* entry) {
  if (entry == nullptr) return "-";
  if (!entry->refused.empty()) return "refused";
  return fmt::format("{} ±{:.0f} %", FormatSeconds(entry->call_s.estimate),
                     100 * entry->call_s.relative_half_width());
}

std::string UnitName(const Graph& graph, OpId begin, OpId end) {
  const ProfileKey key = KeyOf(graph, begin, end, "", 0, 1);
  return Shorten(key.first_op == key.last_op ? key.first_op : key.first_op + " … " + key.last_op, kUnitWidth);
}

std::string BatchTable(const ProfileReport& report, const std::vector<int>& measured, int64_t batch) {
  std::vector<Table::Column> columns = {{fmt::format("batch {}", batch)}};
  for (size_t i = 0; i < measured.size(); ++i) columns.push_back({Letter(i), Align::kRight});
  Table table(columns);
  const std::vector<OpId> positions = ProfilePositions(report.graph, report.options.units);
  const auto add = [&](const std::string& name, OpId begin, OpId end) {
    std::vector<std::string> row = {name};
    for (const int device : measured) row.push_back(Cell(EntryOf(report, device, begin, end, batch)));
    table.AddRow(row);
  };
  for (size_t unit = 0; unit + 1 < positions.size() && positions.size() > 2; ++unit)
    add(UnitName(report.graph, positions[unit], positions[unit + 1]), positions[unit], positions[unit + 1]);
  add("the whole model", positions.front(), positions.back());
  return table.ToString();
}

// Why a target cannot run something, each reason once.
std::string Refusals(const ProfileReport& report) {
  std::vector<std::string> reasons;
  for (const auto& [key, entry] : report.profile.entries) {
    const std::string reason = key.target + ": " + entry.refused;
    if (!entry.refused.empty() && std::find(reasons.begin(), reasons.end(), reason) == reasons.end())
      reasons.push_back(reason);
  }
  std::string text;
  for (const std::string& reason : reasons) text += WrapText("refused  " + reason, kWidth - 9, 9) + "\n";
  return text;
}

std::string Links(const ProfileReport& report) {
  if (report.profile.links.empty()) return "";
  Table table({{"hand-over from"}, {"to"}, {"latency", Align::kRight}, {"bandwidth", Align::kRight}});
  for (const LinkEntry& link : report.profile.links) {
    table.AddRow({link.from, link.to, FormatSeconds(link.latency_s),
                  link.bytes_per_s > 0 ? fmt::format("{:.3g} GB/s", link.bytes_per_s / 1e9) : "no copy"});
  }
  return "\n" + table.ToString();
}

}  // namespace

std::string ProfileTables(const ProfileReport& report) {
  const Profile& profile = report.profile;
  std::string text = WrapText(fmt::format("measured  {}, on {} ({} core{})", profile.model, profile.processor,
                                          profile.logical_cores, profile.logical_cores == 1 ? "" : "s"),
                              kWidth - 10, 10) +
                     "\n\n";
  const std::vector<int> measured = MeasuredDevices(report.devices);
  text += Legend(report, measured);
  for (const int64_t batch : report.options.batches) text += "\n" + BatchTable(report, measured, batch);
  text += Refusals(report) + Links(report);
  if (!report.file.empty()) text += fmt::format("\nwrote {}\n", report.file.string());
  return text;
}

}  // namespace consort
