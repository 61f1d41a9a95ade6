#include "report/json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "report/check.h"
#include "report/words.h"

namespace consort::report {
namespace {

using Json = nlohmann::ordered_json;

Json NumberJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json NumbersJson(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(NumberJson(value));
  return json;
}

Json CellJson(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) return NumberJson(*number);
  return nullptr;
}

Json RowJson(const TableRow& row) {
  Json cells = Json::array();
  for (const Cell& cell : row.cells) cells.push_back(CellJson(cell));
  return {{"origin", ToString(row.origin)}, {"cells", std::move(cells)}};
}

Json AxisJson(const Axis& axis) {
  return {{"title", axis.title}, {"unit", axis.unit}, {"log", axis.logarithmic}, {"categories", axis.categories}};
}

Json SeriesJson(const Series& series) {
  Json json = {{"name", series.name},
               {"origin", ToString(series.origin)},
               {"x", NumbersJson(series.x)},
               {"y", NumbersJson(series.y)}};
  if (!series.low.empty()) json.update({{"low", NumbersJson(series.low)}, {"high", NumbersJson(series.high)}});
  return json;
}

Json BlockJson(const Paragraph& paragraph) { return {{"kind", "paragraph"}, {"text", paragraph.text}}; }

Json BlockJson(const Table& table) {
  Json json = {{"kind", "table"}, {"id", table.id}, {"caption", table.caption}, {"columns", Json::array()}};
  for (const Column& column : table.columns) {
    json["columns"].push_back(
        {{"title", column.title}, {"unit", column.unit}, {"filters", column.filters}, {"key", column.is_key}});
  }
  json["rows"] = Json::array();
  for (const TableRow& row : table.rows) json["rows"].push_back(RowJson(row));
  return json;
}

Json BlockJson(const Chart& chart) {
  Json json = {{"kind", "chart"},          {"id", chart.id},
               {"caption", chart.caption}, {"mark", ToString(chart.mark)},
               {"x", AxisJson(chart.x)},   {"y", AxisJson(chart.y)}};
  json["series"] = Json::array();
  for (const Series& series : chart.series) json["series"].push_back(SeriesJson(series));
  return json;
}

Json BlockJson(const HeatMap& map) {
  Json json = {{"kind", "heat-map"},           {"id", map.id},
               {"caption", map.caption},       {"x", AxisJson(map.x)},
               {"y", AxisJson(map.y)},         {"value_title", map.value_title},
               {"value_unit", map.value_unit}, {"log", map.logarithmic},
               {"surface", map.surface},       {"origin", ToString(map.origin)}};
  json["values"] = Json::array();
  for (const std::vector<double>& row : map.values) json["values"].push_back(NumbersJson(row));
  json["texts"] = map.texts;
  return json;
}

Json BlockJson(const TimeLine& line) {
  Json json = {{"kind", "time-line"},
               {"id", line.id},
               {"caption", line.caption},
               {"lanes", line.lanes},
               {"origin", ToString(line.origin)}};
  json["spans"] = Json::array();
  for (const TimeSpan& span : line.spans) {
    json["spans"].push_back({{"lane", span.lane},
                             {"begin_s", span.begin_s},
                             {"end_s", span.end_s},
                             {"kind", span.kind},
                             {"label", span.label}});
  }
  return json;
}

Json BlockJson(const Drawing& drawing) {
  return {{"kind", "drawing"},
          {"id", drawing.id},
          {"caption", drawing.caption},
          {"svg", drawing.svg},
          {"text", drawing.text}};
}

Json SectionJson(const Section& section) {
  Json json = {{"id", section.id}, {"title", section.title}, {"blocks", Json::array()}};
  for (const Block& block : section.blocks)
    json["blocks"].push_back(std::visit([](const auto& one) { return BlockJson(one); }, block));
  return json;
}

}  // namespace

Json ToJson(const Document& document) {
  Check(document);
  Json json = {{"format", "consort-report"},   {"version", 1},
               {"title", document.title},      {"verdict", document.verdict},
               {"date", document.date},        {"command", document.command},
               {"environment", Json::array()}, {"sections", Json::array()}};
  for (const auto& [name, value] : document.environment)
    json["environment"].push_back({{"name", name}, {"value", value}});
  for (const Section& section : document.sections) json["sections"].push_back(SectionJson(section));
  return json;
}

std::string FormatJson(const Document& document, int indent) {
  return ToJson(document).dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace consort::report
