// A report as a value: what commands and experiments have to say, before it becomes a page, a text or images.
#ifndef CONSORT_REPORT_DOCUMENT_H_
#define CONSORT_REPORT_DOCUMENT_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "consort/provenance.h"

namespace consort::report {

// Where a figure comes from. Shown by word and shape, never by colour alone.
enum class Origin : uint8_t {
  kNone,       // no figure of a device: a count, a setting, a text
  kMeasured,   // real hardware, real clock
  kModelled,   // a formula
  kEmulated,   // a run in which a formula says how long a call takes
  kPublished,  // somebody else's figure; the text beside it names the source
};
std::string_view ToString(Origin origin);
Origin OriginOf(Provenance provenance);

// A value that is not there: an empty cell, a gap in a line, a hole in a map.
inline constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// --- Tables ---------------------------------------------------------------------------------------------------------
struct Column {
  std::string title;
  std::string unit;       // "ms"; every number of the column is in it
  bool filters = false;   // readers may choose rows by the values of this column
  bool is_key = false;    // with the other keys of the table it names the row: how two reports are joined
};
using Cell = std::variant<std::monostate, std::string, double>;
struct TableRow {
  std::vector<Cell> cells;  // one per column
  Origin origin = Origin::kNone;
};
struct Table {
  std::string id;  // unique in the document: "latency"; letters, digits, '-'
  std::string caption;
  std::vector<Column> columns;
  std::vector<TableRow> rows;
};

// --- Plots: every one also says in words what to see (`caption`), and can be drawn without a browser -----------------
struct Axis {
  std::string title;
  std::string unit;
  bool logarithmic = false;
  std::vector<std::string> categories;  // names of the places 0, 1, …; empty: numbers
};
struct Series {
  std::string name;
  Origin origin = Origin::kMeasured;
  std::vector<double> x, y;      // of equal length
  std::vector<double> low, high; // interval of each y; empty: none
};
enum class Mark : uint8_t { kLine, kPoints, kBars, kStackedBars };
struct Chart {
  std::string id;
  std::string caption;
  Mark mark = Mark::kLine;
  Axis x, y;
  std::vector<Series> series;
};
// Values over a grid. A triangle (shares of three devices that add up) is a grid with holes.
struct HeatMap {
  std::string id;
  std::string caption;
  Axis x, y;                           // both with categories
  std::string value_title, value_unit;
  bool logarithmic = false;            // of the colours
  bool surface = false;                // drawn in three dimensions as well
  Origin origin = Origin::kMeasured;
  std::vector<std::vector<double>> values;      // [y][x]; kNothing: a hole
  std::vector<std::vector<std::string>> texts;  // [y][x], said of a cell; empty: its value
};
// What devices did when: zoomable in the page.
struct TimeSpan {
  int lane = 0;
  double begin_s = 0, end_s = 0;
  std::string kind;   // "run", "transfer", "conversion", "wait", …: a colour and a pattern each
  std::string label;  // "stage 1, sample 17"
};
struct TimeLine {
  std::string id;
  std::string caption;
  std::vector<std::string> lanes;
  Origin origin = Origin::kMeasured;
  std::vector<TimeSpan> spans;
};
// A drawing that stands for itself, such as a plan over its model.
struct Drawing {
  std::string id;
  std::string caption;
  std::string svg;   // complete, without scripts and references
  std::string text;  // the same for readers of text
};

struct Paragraph {
  std::string text;
};
using Block = std::variant<Paragraph, Table, Chart, HeatMap, TimeLine, Drawing>;

struct Section {
  std::string id;  // unique in the document
  std::string title;
  std::vector<Block> blocks;
};

// Plain data. `verdict` is the one sentence that a reader in a hurry needs.
struct Document {
  std::string title;
  std::string verdict;
  std::string date;                                               // "2026-11-24T15:20:03Z"
  std::string command;                                            // that makes it again
  std::vector<std::pair<std::string, std::string>> environment;   // "processor", "AMD EPYC …"
  std::vector<Section> sections;
};

}  // namespace consort::report

#endif  // CONSORT_REPORT_DOCUMENT_H_
