#include "report/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "consort/error.h"

namespace consort::report {
namespace {

constexpr size_t kLongestId = 64;

bool IsId(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kLongestId && std::all_of(text.begin(), text.end(), fits);
}

std::string ProblemOf(const Paragraph&) { return ""; }
std::string ProblemOf(const Drawing&) { return ""; }

std::string ProblemOf(const Table& table) {
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const size_t cells = table.rows[i].cells.size();
    if (cells != table.columns.size())
      return fmt::format("row {} has {} cells, there are {} columns", i, cells, table.columns.size());
  }
  return "";
}

std::string ProblemOf(const Chart& chart) {
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    if (series.x.size() != series.y.size())
      return fmt::format("series {} has {} x and {} y", i, series.x.size(), series.y.size());
    for (const auto* bounds : {&series.low, &series.high}) {
      if (!bounds->empty() && bounds->size() != series.y.size())
        return fmt::format("series {} has bounds for {} of {} values", i, bounds->size(), series.y.size());
    }
    if (series.low.empty() != series.high.empty()) return fmt::format("series {} has one of two bounds", i);
  }
  return "";
}

template <typename Grid>
std::string GridProblem(const HeatMap& map, const Grid& grid, const char* what) {
  if (grid.size() != map.y.categories.size())
    return fmt::format("{} rows of {}, {} categories of y", grid.size(), what, map.y.categories.size());
  for (const auto& row : grid) {
    if (row.size() != map.x.categories.size())
      return fmt::format("a row of {} {}, {} categories of x", row.size(), what, map.x.categories.size());
  }
  return "";
}

std::string ProblemOf(const HeatMap& map) {
  const std::string problem = GridProblem(map, map.values, "values");
  if (!problem.empty() || map.texts.empty()) return problem;
  return GridProblem(map, map.texts, "texts");
}

std::string ProblemOf(const TimeLine& line) {
  for (size_t i = 0; i < line.spans.size(); ++i) {
    const TimeSpan& span = line.spans[i];
    if (span.lane < 0 || static_cast<size_t>(span.lane) >= line.lanes.size())
      return fmt::format("span {} lies in lane {} of {}", i, span.lane, line.lanes.size());
    if (!(span.end_s >= span.begin_s)) return fmt::format("span {} ends before it begins", i);
  }
  return "";
}

std::string IdProblem(std::string_view id, std::set<std::string>& seen) {
  if (!IsId(id)) return fmt::format("'{}' is no id: 1 to {} letters, digits and '-'", id, kLongestId);
  if (!seen.insert(std::string(id)).second) return fmt::format("the id '{}' stands twice", id);
  return "";
}

}  // namespace

std::string_view IdOf(const Block& block) {
  return std::visit(
      [](const auto& one) -> std::string_view {
        if constexpr (requires { one.id; }) return one.id;
        return "";
      },
      block);
}

std::string_view CaptionOf(const Block& block) {
  return std::visit(
      [](const auto& one) -> std::string_view {
        if constexpr (requires { one.caption; }) return one.caption;
        return "";
      },
      block);
}

std::string ProblemOf(const Document& document) {
  std::set<std::string> seen;
  for (const Section& section : document.sections) {
    std::string problem = IdProblem(section.id, seen);
    if (!problem.empty()) return problem;
    for (const Block& block : section.blocks) {
      if (std::holds_alternative<Paragraph>(block)) continue;
      problem = IdProblem(IdOf(block), seen);
      if (!problem.empty()) return problem;
      problem = std::visit([](const auto& one) { return ProblemOf(one); }, block);
      if (!problem.empty()) return fmt::format("{}: {}", IdOf(block), problem);
    }
  }
  return "";
}

void Check(const Document& document) {
  const std::string problem = ProblemOf(document);
  if (!problem.empty()) throw Error(ErrorCode::kInvalidArgument, "report: " + problem);
}

}  // namespace consort::report
