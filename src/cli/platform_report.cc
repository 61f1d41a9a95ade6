#include "cli/platform_report.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/help.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kWidth = 80;
constexpr int kKeyWidth = 24;
constexpr int kValueWidth = 13;
constexpr int kSourceColumn = 2 + kKeyWidth + 1 + kValueWidth + 1;

// A figure by the name that --set knows it by.
struct NamedFigure {
  std::string key;
  Dimension dimension;
  Quantity quantity;
};

std::vector<NamedFigure> FiguresOf(const Link& link) {
  std::vector<NamedFigure> figures = {{"bandwidth", Dimension::kBandwidth, link.bandwidth}};
  if (link.bandwidth_back.value != link.bandwidth.value)
    figures.push_back({"bandwidth_back", Dimension::kBandwidth, link.bandwidth_back});
  figures.push_back({"latency", Dimension::kTime, link.latency});
  return figures;
}

// Those of `specs` that are there, in the order of the cost model.
std::vector<NamedFigure> FiguresOf(const std::map<std::string, Quantity>& figures,
                                   const std::vector<ParameterSpec>& specs, const std::string& prefix) {
  std::vector<NamedFigure> named;
  for (const ParameterSpec& spec : specs) {
    const auto figure = figures.find(spec.name);
    if (figure != figures.end()) named.push_back({prefix + spec.name, spec.dimension, figure->second});
  }
  return named;
}

std::vector<NamedFigure> FiguresOf(const PlatformDevice& device) {
  std::vector<NamedFigure> figures;
  if (device.memory.value > 0) figures.push_back({"memory", Dimension::kBytes, device.memory});
  figures.push_back({"power.idle", Dimension::kPower, device.idle_power});
  figures.push_back({"power.active", Dimension::kPower, device.active_power});
  for (NamedFigure& figure : FiguresOf(device.cost.parameters, device.cost.schema.parameters, "cost."))
    figures.push_back(std::move(figure));
  return figures;
}

std::string Shown(const NamedFigure& figure) {
  std::string text = FormatQuantity(figure.quantity.value, figure.dimension);
  // Integer operations are not floating-point ones.
  const size_t flops = text.find("FLOPS");
  if (flops != std::string::npos && figure.key.ends_with("int8")) text.replace(flops, 5, "OPS");
  return text;
}

// The unit of the value that JSON holds; "": none.
std::string_view UnitOf(Dimension dimension) {
  switch (dimension) {
    case Dimension::kRatio:
    case Dimension::kCount:
      return "";
    case Dimension::kTime:
      return "s";
    case Dimension::kBytes:
      return "B";
    case Dimension::kBandwidth:
      return "B/s";
    case Dimension::kFrequency:
      return "Hz";
    case Dimension::kComputeRate:
      return "op/s";
    case Dimension::kPower:
      return "W";
    case Dimension::kBytesPerCycle:
      break;
  }
  return "B/cycle";
}

std::vector<std::string> Names(const std::vector<Precision>& precisions) {
  std::vector<std::string> names;
  for (const Precision precision : precisions) names.emplace_back(ToString(precision));
  return names;
}

// --- For people -----------------------------------------------------------------------------------------------------

// Lines of at most 80 columns from `column` on; words that are longer (paths) are broken.
std::string From(int column, const std::string& text) {
  const size_t width = kWidth - column;
  std::vector<std::string> words;
  for (std::string& word : Split(text, ' ')) {
    for (; word.size() > width; word.erase(0, width)) words.push_back(word.substr(0, width));
    words.push_back(std::move(word));
  }
  return WrapText(Join(words, " "), static_cast<int>(width), column);
}

std::string Wrapped(const std::string& text, int indent) {
  return fmt::format("{:{}}{}\n", "", indent, From(indent, text));
}

std::string Line(const NamedFigure& figure) {
  return fmt::format("  {:{}} {:{}} {}\n", figure.key, kKeyWidth, Shown(figure), kValueWidth,
                     From(kSourceColumn, figure.quantity.source));
}

std::string Lines(const std::vector<NamedFigure>& figures) {
  std::string text;
  for (const NamedFigure& figure : figures) text += Line(figure);
  return text;
}

// "macs 4096, time 58.6 us" with its source, once per source of the row.
std::string RowLines(const PlatformDevice& device, const std::map<std::string, Quantity>& row) {
  std::vector<std::pair<std::string, std::string>> by_source;
  for (const NamedFigure& figure : FiguresOf(row, device.cost.schema.row, "")) {
    const std::string text = fmt::format("{} {}", figure.key, Shown(figure));
    if (by_source.empty() || by_source.back().first != figure.quantity.source) {
      by_source.emplace_back(figure.quantity.source, text);
    } else {
      by_source.back().second += ", " + text;
    }
  }
  std::string lines;
  for (const auto& [source, text] : by_source) lines += Wrapped(text, 2) + Wrapped(source, 6);
  return lines;
}

std::string About(const PlatformDevice& device) {
  std::string about =
      fmt::format("{}, {}; {}; cost model {}", ToString(device.kind), Join(Names(device.precisions)),
                  device.link.empty() ? "computes in the host's memory" : "at link " + device.link, device.cost.model);
  if (device.resource != device.name) about += "; uses the resource " + device.resource;
  if (!device.missing_ops.empty()) about += "; cannot run " + Join(device.missing_ops);
  return about;
}

std::string DeviceText(const PlatformDevice& device) {
  std::string text = "\n" + Wrapped(fmt::format("device {}: {}", device.name, device.summary), 0);
  text += Wrapped(About(device), 2);
  if (!device.warning.empty()) text += Wrapped("warning: " + device.warning, 2);
  text += Lines(FiguresOf(device));
  for (const auto& row : device.cost.rows) text += RowLines(device, row);
  return text;
}

std::string LinkText(const Platform& platform, const Link& link) {
  std::vector<std::string> hanging;
  for (const PlatformDevice& device : platform.devices) {
    if (device.link == link.name) hanging.push_back(device.name);
  }
  for (const Link& other : platform.links) {
    if (other.via == link.name) hanging.push_back(other.name);
  }
  const std::string from = link.via.empty() ? "the host" : link.via;
  return "\n" +
         Wrapped(fmt::format("link {}: from {} to {}", link.name, from, hanging.empty() ? "nothing" : Join(hanging)),
                 0) +
         Lines(FiguresOf(link));
}

// --- For programs ---------------------------------------------------------------------------------------------------

Json ToJson(const std::vector<NamedFigure>& figures) {
  Json json = Json::object();
  for (const NamedFigure& figure : figures) {
    json[figure.key] = {{"value", figure.quantity.value},
                        {"unit", UnitOf(figure.dimension)},
                        {"text", Shown(figure)},
                        {"source", figure.quantity.source}};
  }
  return json;
}

Json ToJson(const PlatformDevice& device) {
  Json rows = Json::array();
  for (const auto& row : device.cost.rows) rows.push_back(ToJson(FiguresOf(row, device.cost.schema.row, "")));
  return {{"name", device.name},
          {"kind", ToString(device.kind)},
          {"summary", device.summary},
          {"resource", device.resource},
          {"link", device.link},
          {"precisions", Names(device.precisions)},
          {"missing_ops", device.missing_ops},
          {"warning", device.warning},
          {"cost_model", device.cost.model},
          {"figures", ToJson(FiguresOf(device))},
          {"rows", std::move(rows)}};
}

Json ToJson(const Link& link) { return {{"name", link.name}, {"via", link.via}, {"figures", ToJson(FiguresOf(link))}}; }

}  // namespace

std::string PlatformTable(const Platform& platform) {
  std::string text = Wrapped(fmt::format("{}: {}", platform.name, platform.summary), 0);
  for (const PlatformDevice& device : platform.devices) text += DeviceText(device);
  for (const Link& link : platform.links) text += LinkText(platform, link);
  return text;
}

std::string PlatformJson(const Platform& platform) {
  Json json = {
      {"name", platform.name}, {"summary", platform.summary}, {"devices", Json::array()}, {"links", Json::array()}};
  for (const PlatformDevice& device : platform.devices) json["devices"].push_back(ToJson(device));
  for (const Link& link : platform.links) json["links"].push_back(ToJson(link));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort
