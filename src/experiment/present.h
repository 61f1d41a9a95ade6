// Rows as parts of a report.
#ifndef CONSORT_EXPERIMENT_PRESENT_H_
#define CONSORT_EXPERIMENT_PRESENT_H_

#include <string>
#include <utility>
#include <vector>

#include "experiment/rows.h"
#include "report/document.h"

namespace consort::experiment {

// By a row's "provenance".
report::Origin OriginOf(const Row& row);
// That of the least real figure among the rows: modelled before emulated before measured. Rows that were refused do not
// count beside others; kNone where no row has one.
report::Origin LeastReal(const std::vector<Row>& rows);
// The end of a caption where figures of several origins stand together: " Cells: 301 emulated, 20 modelled."; else "".
std::string MixedOrigins(const std::vector<Row>& rows);

// A field as readers see it: texts as they are, numbers in the shortest form; "" where it is absent.
std::string Shown(const Row& row, const std::string& field);
// What a field holds, each once, in the order of the rows.
std::vector<std::string> ValuesOf(const std::vector<Row>& rows, const std::string& field);
// Rows whose fields are shown as these texts. Pointers into `rows`.
using Wanted = std::vector<std::pair<std::string, std::string>>;
std::vector<const Row*> Select(const std::vector<Row>& rows, const Wanted& wanted);
// The first of them; nullptr for none.
const Row* FindRow(const std::vector<Row>& rows, const Wanted& wanted);

// Numbers stay numbers, everything else is text; nothing where the field is absent or null.
report::Cell CellOf(const Row& row, const std::string& field);

struct Field {
  std::string name;   // of the rows
  std::string title;  // of the column
  std::string unit;
};

// A line per row, a column per field; `keys` first. A row that was refused shows so in its first figure; of a row whose
// times are unstable the first figure is a text, "~1.23".
report::Table LongTable(const std::string& id, const std::string& caption, const std::vector<Row>& rows,
                        const std::vector<Field>& keys, const std::vector<Field>& figures);

// A line per combination of `keys` that occurs, a column per value of `across`, in each cell the field `value`, shown as
// in LongTable. A line's origin is that of its least real figure.
report::Table PivotTable(const std::string& id, const std::string& caption, const std::vector<Row>& rows,
                         const std::vector<Field>& keys, const std::string& across, const Field& value);

// What readers need to know of these rows beside their figures: which cells were refused, by reason; which are unstable.
void AddRemarks(const std::vector<Row>& rows, std::vector<report::Block>& blocks);

// Points (x, y) of the rows that have both, as one series.
report::Series SeriesOf(const std::string& name, const std::vector<const Row*>& rows, const std::string& x,
                        const std::string& y);

// "0.152 ms", "12.3 ms", "1.25 s"; "12.3", "1.5e+06".
std::string FormatMs(double milliseconds);
std::string FormatNumber(double value);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_PRESENT_H_
