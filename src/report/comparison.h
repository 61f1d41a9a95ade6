// Two reports against each other: run against run.
#ifndef CONSORT_REPORT_COMPARISON_H_
#define CONSORT_REPORT_COMPARISON_H_

#include <optional>
#include <string>
#include <vector>

#include "report/document.h"

namespace consort::report {

// Figures whose ratio lies within this of 1 are called the same.
inline constexpr double kSameWithin = 0.05;

// One figure of a table of both reports.
struct ComparedFigure {
  std::vector<std::string> key;  // the cells that name the row
  std::string figure;            // the column's title
  std::string unit;
  double a = kNothing, b = kNothing;
  std::string word_a, word_b;  // what stands there instead of a number: "unstable", "~1.23"
  Origin origin_a = Origin::kNone, origin_b = Origin::kNone;

  double ratio() const { return b / a; }
  // "same", "B is 1.32 of A" where it is not, "only in A", "only in B", "no number in A" where a word stands there.
  // Which is better depends on the figure.
  std::string verdict() const;
};

struct ComparedTable {
  std::string id;
  std::string caption;
  std::vector<std::string> key_titles;
  std::vector<ComparedFigure> figures;
};

struct Comparison {
  std::vector<ComparedTable> tables;  // that both have, joined by id and by the cells of their key columns
  Document document;                  // all of it as a report: tables, charts over each other, maps of ratios
};

// `name_a` and `name_b` name the reports in the document. Throws kInvalidArgument where they have no table, chart or
// map in common.
Comparison Compare(const Document& a, const Document& b, const std::string& name_a, const std::string& name_b);

// --- Its parts ------------------------------------------------------------------------------------------------------
// Rows are joined by their key columns; by all columns of words where a table names none.
ComparedTable CompareTables(const Table& a, const Table& b);
// The series of both, on the categories of both; "cpu (A)", "cpu (B)".
Chart OverlaidCharts(const Chart& a, const Chart& b);
// B over A, cell by cell, on the grid of A; nothing where the grids differ.
std::optional<HeatMap> RatioMap(const HeatMap& a, const HeatMap& b);

}  // namespace consort::report

#endif  // CONSORT_REPORT_COMPARISON_H_
