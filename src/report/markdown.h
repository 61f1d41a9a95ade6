// Reports as Markdown: tables as text, plots as images beside it.
#ifndef CONSORT_REPORT_MARKDOWN_H_
#define CONSORT_REPORT_MARKDOWN_H_

#include <functional>
#include <string>
#include <string_view>

#include "report/document.h"

namespace consort::report {

// What stands for a plot: its image, or a sentence that says why there is none; complete Markdown.
using PlotText = std::function<std::string(const Block& block)>;

// GitHub's Markdown. Texts of the document are escaped: none of them is markup. Ends in a newline. Throws what Check
// does, and what `plot_text` throws.
std::string FormatMarkdown(const Document& document, const PlotText& plot_text);

// Text as it may stand in a line or a cell: without line breaks, punctuation of Markdown and HTML escaped.
std::string EscapedForMarkdown(std::string_view text);

// "12,345", "1.235", "1.2e-07": a number of a cell, to four digits.
std::string FormatNumber(double value);

}  // namespace consort::report

#endif  // CONSORT_REPORT_MARKDOWN_H_
