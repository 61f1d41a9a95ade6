#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/checked_json.h"
#include "report/check.h"
#include "report/json.h"
#include "report/words.h"

namespace consort::report {
namespace {

constexpr double kMost = std::numeric_limits<double>::max();

std::string TextOf(const CheckedJson& json, const char* key) { return json.Require(key).Text(); }
double NumberOf(const CheckedJson& json) { return json.IsNull() ? kNothing : json.Number(-kMost, kMost); }
Origin OriginAt(const CheckedJson& json) { return json.Require("origin").Word(ParseOrigin); }

std::vector<double> NumbersOf(const CheckedJson& json) {
  std::vector<double> numbers;
  for (const CheckedJson& item : json.Items()) numbers.push_back(NumberOf(item));
  return numbers;
}

std::vector<std::string> TextsOf(const CheckedJson& json) {
  std::vector<std::string> texts;
  for (const CheckedJson& item : json.Items()) texts.push_back(item.Text());
  return texts;
}

Cell CellOf(const CheckedJson& json) {
  if (json.IsNull()) return std::monostate();
  if (json.IsText()) return json.Text();
  return json.Number(-kMost, kMost);
}

Axis AxisOf(const CheckedJson& json) {
  json.RequireKeys({"title", "unit", "log", "categories"});
  return {TextOf(json, "title"), TextOf(json, "unit"), json.Require("log").Truth(),
          TextsOf(json.Require("categories"))};
}

Column ColumnOf(const CheckedJson& json) {
  json.RequireKeys({"title", "unit", "filters", "key"});
  return {TextOf(json, "title"), TextOf(json, "unit"), json.Require("filters").Truth(), json.Require("key").Truth()};
}

TableRow RowOf(const CheckedJson& json) {
  json.RequireKeys({"origin", "cells"});
  TableRow row{.origin = OriginAt(json)};
  for (const CheckedJson& cell : json.Require("cells").Items()) row.cells.push_back(CellOf(cell));
  return row;
}

Series SeriesOf(const CheckedJson& json) {
  json.RequireKeys({"name", "origin", "x", "y", "low", "high"});
  Series series{.name = TextOf(json, "name"), .origin = OriginAt(json)};
  series.x = NumbersOf(json.Require("x"));
  series.y = NumbersOf(json.Require("y"));
  if (const auto low = json.Find("low")) series.low = NumbersOf(*low);
  if (const auto high = json.Find("high")) series.high = NumbersOf(*high);
  return series;
}

Table TableOf(const CheckedJson& json) {
  json.RequireKeys({"kind", "id", "caption", "columns", "rows"});
  Table table{.id = TextOf(json, "id"), .caption = TextOf(json, "caption")};
  const std::vector<CheckedJson> columns = json.Require("columns").Items();
  if (columns.size() > kMostColumns) json.Refuse(fmt::format("more than {} columns", kMostColumns));
  for (const CheckedJson& column : columns) table.columns.push_back(ColumnOf(column));
  for (const CheckedJson& row : json.Require("rows").Items()) table.rows.push_back(RowOf(row));
  return table;
}

Chart ChartOf(const CheckedJson& json) {
  json.RequireKeys({"kind", "id", "caption", "mark", "x", "y", "series"});
  Chart chart{
      .id = TextOf(json, "id"), .caption = TextOf(json, "caption"), .mark = json.Require("mark").Word(ParseMark)};
  chart.x = AxisOf(json.Require("x"));
  chart.y = AxisOf(json.Require("y"));
  for (const CheckedJson& series : json.Require("series").Items()) chart.series.push_back(SeriesOf(series));
  return chart;
}

HeatMap HeatMapOf(const CheckedJson& json) {
  json.RequireKeys(
      {"kind", "id", "caption", "x", "y", "value_title", "value_unit", "log", "surface", "origin", "values", "texts"});
  HeatMap map{.id = TextOf(json, "id"), .caption = TextOf(json, "caption")};
  map.x = AxisOf(json.Require("x"));
  map.y = AxisOf(json.Require("y"));
  map.value_title = TextOf(json, "value_title");
  map.value_unit = TextOf(json, "value_unit");
  map.logarithmic = json.Require("log").Truth();
  map.surface = json.Require("surface").Truth();
  map.origin = OriginAt(json);
  for (const CheckedJson& row : json.Require("values").Items()) map.values.push_back(NumbersOf(row));
  for (const CheckedJson& row : json.Require("texts").Items()) map.texts.push_back(TextsOf(row));
  return map;
}

TimeSpan SpanOf(const CheckedJson& json) {
  json.RequireKeys({"lane", "begin_s", "end_s", "kind", "label"});
  TimeSpan span{.lane = static_cast<int>(json.Require("lane").Integer(0, std::numeric_limits<int>::max()))};
  span.begin_s = json.Require("begin_s").Number(-kMost, kMost);
  span.end_s = json.Require("end_s").Number(-kMost, kMost);
  span.kind = TextOf(json, "kind");
  span.label = TextOf(json, "label");
  return span;
}

TimeLine TimeLineOf(const CheckedJson& json) {
  json.RequireKeys({"kind", "id", "caption", "lanes", "origin", "spans"});
  TimeLine line{.id = TextOf(json, "id"), .caption = TextOf(json, "caption"), .lanes = TextsOf(json.Require("lanes"))};
  line.origin = OriginAt(json);
  for (const CheckedJson& span : json.Require("spans").Items()) line.spans.push_back(SpanOf(span));
  return line;
}

Drawing DrawingOf(const CheckedJson& json) {
  json.RequireKeys({"kind", "id", "caption", "svg", "text"});
  return {TextOf(json, "id"), TextOf(json, "caption"), TextOf(json, "svg"), TextOf(json, "text")};
}

Block BlockOf(const CheckedJson& json) {
  const CheckedJson kind_json = json.Require("kind");
  const std::string kind = kind_json.Text();
  if (kind == "table") return TableOf(json);
  if (kind == "chart") return ChartOf(json);
  if (kind == "heat-map") return HeatMapOf(json);
  if (kind == "time-line") return TimeLineOf(json);
  if (kind == "drawing") return DrawingOf(json);
  if (kind != "paragraph")
    kind_json.Refuse(fmt::format("'{}' is none of paragraph, table, chart, heat-map, time-line, drawing", kind));
  json.RequireKeys({"kind", "text"});
  return Paragraph{TextOf(json, "text")};
}

Section SectionOf(const CheckedJson& json, size_t& blocks) {
  json.RequireKeys({"id", "title", "blocks"});
  Section section{.id = TextOf(json, "id"), .title = TextOf(json, "title")};
  for (const CheckedJson& block : json.Require("blocks").Items()) {
    if (++blocks > kMostBlocks) json.Refuse(fmt::format("more than {} blocks in the report", kMostBlocks));
    section.blocks.push_back(BlockOf(block));
  }
  return section;
}

void RequireFormat(const CheckedJson& root) {
  const std::string format = TextOf(root, "format");
  if (format != "consort-report")
    root.Require("format").Refuse(
        fmt::format("'{}' is not 'consort-report': this is no report; '--report FILE.json' "
                    "writes one",
                    format));
  root.Require("version").Integer(1, 1);
}

}  // namespace

Document ParseJson(std::string_view text, const std::string& file) {
  const nlohmann::ordered_json json = ParseCheckedJson(text, file, kMostBytes);
  const CheckedJson root(json, file, "");
  root.RequireKeys({"format", "version", "title", "verdict", "date", "command", "environment", "sections"});
  RequireFormat(root);
  Document document{.title = TextOf(root, "title"), .verdict = TextOf(root, "verdict"), .date = TextOf(root, "date")};
  document.command = TextOf(root, "command");
  for (const CheckedJson& item : root.Require("environment").Items()) {
    item.RequireKeys({"name", "value"});
    document.environment.emplace_back(TextOf(item, "name"), TextOf(item, "value"));
  }
  size_t blocks = 0;
  for (const CheckedJson& section : root.Require("sections").Items())
    document.sections.push_back(SectionOf(section, blocks));
  const std::string problem = ProblemOf(document);
  if (!problem.empty()) root.Refuse(problem);
  return document;
}

}  // namespace consort::report
