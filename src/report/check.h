// What every writer of a report relies on.
#ifndef CONSORT_REPORT_CHECK_H_
#define CONSORT_REPORT_CHECK_H_

#include <string>

#include "report/document.h"

namespace consort::report {

// What is wrong with a document, with the place: "latency: row 3 has 2 cells, there are 4 columns"; "" where nothing
// is. Names must be unique and of letters, digits and '-' only (they become names of files and of places in the page),
// and lists that belong together must be of equal length.
std::string ProblemOf(const Document& document);

// Throws kInvalidArgument with that.
void Check(const Document& document);

// The name of a block; "" of a paragraph.
std::string_view IdOf(const Block& block);
// Its caption; "" of a paragraph.
std::string_view CaptionOf(const Block& block);

}  // namespace consort::report

#endif  // CONSORT_REPORT_CHECK_H_
