// A report's section as text for a terminal of 80 columns.
#ifndef CONSORT_CLI_EXPERIMENT_TEXT_H_
#define CONSORT_CLI_EXPERIMENT_TEXT_H_

#include <string>

#include "report/document.h"

namespace consort {

// Rows of a table that are shown at most; the rest is counted.
inline constexpr size_t kMostTextRows = 30;

// Title, paragraphs, tables and heat maps (as grids); drawings as their text. Charts and time lines are left to the
// report. Every figure's origin is said: once under the caption where it is the same, else in a column.
std::string SectionText(const report::Section& section);

}  // namespace consort

#endif  // CONSORT_CLI_EXPERIMENT_TEXT_H_
