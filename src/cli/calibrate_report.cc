#include "cli/calibrate_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/bench_cells.h"
#include "cli/bench_report.h"
#include "cli/table.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNsPerMs = 1e6;
constexpr double kMsPerS = 1e3;

std::string Time(double seconds) { return FormatQuantity(seconds, Dimension::kTime); }
std::string Rate(double bytes_per_s) { return FormatQuantity(bytes_per_s, Dimension::kBandwidth); }

std::string Describe(const CalibrationMeasurement& measurement) {
  return fmt::format("input of {} elements: {} {}", measurement.elements, FormatTime(measurement.latency_ns.estimate),
                     FormatSpread(measurement.latency_ns));
}

Json MeasurementJson(const CalibrationMeasurement& measurement) {
  return {{"elements", measurement.elements},
          {"latency_ms", measurement.latency_ns.estimate / kNsPerMs},
          {"latency_low_ms", measurement.latency_ns.low / kNsPerMs},
          {"latency_high_ms", measurement.latency_ns.high / kNsPerMs}};
}

Json FigureJson(const std::string& path, double before, double after, const char* unit) {
  return {{"path", path}, {"unit", unit}, {"before", before}, {"after", after}};
}

// --- Platform file --------------------------------------------------------------------------------------------------

std::string Source(const CalibrationReport& report) {
  return fmt::format("calibrated: consort calibrate -d {}, inputs of {} and {} elements ({})", report.target,
                     report.small.elements, report.large.elements, report.provenance);
}

std::string Figure(const std::string& key, const std::string& value, const CalibrationReport& report) {
  return fmt::format("{} = {{ value = \"{}\", source = \"{}\" }}\n", key, value, Source(report));
}

std::string LinkText(const Link& link, const CalibrationReport& report) {
  std::string text =
      fmt::format("\n[[link]]\nname = \"{}\"\nbase = \"{}/{}\"\n", link.name, report.platform.name, link.name);
  if (!link.via.empty()) text += fmt::format("via = \"{}\"\n", link.via);
  if (report.anchors.rate == link.name + ".bandwidth")
    text += Figure("bandwidth", fmt::format("{:.9g} B/s", report.after.bytes_per_s), report);
  return text;
}

std::string DeviceText(const PlatformDevice& device, const CalibrationReport& report) {
  std::string text =
      fmt::format("\n[[device]]\nname = \"{}\"\nbase = \"{}/{}\"\n", device.name, report.platform.name, device.name);
  if (!device.link.empty()) text += fmt::format("link = \"{}\"\n", device.link);
  if (!device.resource.empty() && device.resource != device.name)
    text += fmt::format("resource = \"{}\"\n", device.resource);
  if (device.name != report.device) return text;
  const auto key = [](const std::string& path) { return path.substr(path.rfind('.') + 1); };
  text +=
      "\n[device.cost]\n" + Figure(key(report.anchors.fixed), fmt::format("{:.9g} s", report.after.fixed_s), report);
  if (report.anchors.rate.starts_with(device.name + ".cost."))
    text += Figure(key(report.anchors.rate), fmt::format("{:.9g} B/s", report.after.bytes_per_s), report);
  return text;
}

}  // namespace

std::string FixedSetting(const CalibrationReport& report) {
  return fmt::format("{}={:.4g}ms", report.anchors.fixed, kMsPerS * report.after.fixed_s);
}

std::string RateSetting(const CalibrationReport& report) {
  return fmt::format("{}={:.4g}MB/s", report.anchors.rate, report.after.bytes_per_s / 1e6);
}

std::string CalibrationText(const CalibrationReport& report) {
  std::string text = fmt::format("{:<9}  {}: {}\n", report.provenance, report.target, Describe(report.small));
  text += fmt::format("{:<9}  {}: {}\n\n", "", report.target, Describe(report.large));
  Table table({{"figure"}, {"platform " + report.platform.name, Align::kRight}, {"calibrated", Align::kRight}});
  table.AddRow({report.anchors.fixed, Time(report.before.fixed_s), Time(report.after.fixed_s)});
  table.AddRow({report.anchors.rate, Rate(report.before.bytes_per_s), Rate(report.after.bytes_per_s)});
  text += table.ToString();
  text += fmt::format("\n--platform {} --set {} --set {}\n", report.platform.name, FixedSetting(report),
                      RateSetting(report));
  if (!report.file.empty()) text += fmt::format("written to {}\n", report.file);
  return text;
}

std::string CalibrationJson(const CalibrationReport& report) {
  Json json = {{"provenance", report.provenance},
               {"target", report.target},
               {"platform", report.platform.name},
               {"device", report.device},
               {"measurements", Json::array({MeasurementJson(report.small), MeasurementJson(report.large)})}};
  json["figures"] =
      Json::array({FigureJson(report.anchors.fixed, report.before.fixed_s, report.after.fixed_s, "s"),
                   FigureJson(report.anchors.rate, report.before.bytes_per_s, report.after.bytes_per_s, "B/s")});
  json["settings"] = Json::array({FixedSetting(report), RateSetting(report)});
  json["file"] = report.file.empty() ? Json(nullptr) : Json(report.file);
  return json.dump(2) + "\n";
}

std::string CalibratedPlatform(const CalibrationReport& report, const std::string& name) {
  std::string text = fmt::format("# Platform {} with the fixed cost and the link of {} on this machine.\n",
                                 report.platform.name, report.target);
  text += fmt::format("name = \"{}\"\nsummary = \"{}, calibrated\"\n", name, report.platform.name);
  for (const Link& link : report.platform.links) text += LinkText(link, report);
  for (const PlatformDevice& device : report.platform.devices) text += DeviceText(device, report);
  return text;
}

}  // namespace consort
