// Reports as one self-contained page.
#ifndef CONSORT_REPORT_HTML_H_
#define CONSORT_REPORT_HTML_H_

#include <string>

#include "report/document.h"

namespace consort::report {

// The page: the document as data, and the style, the script and the charting library that show it. It asks the network
// for nothing, and says so itself (Content-Security-Policy). Texts of the document, which come from users' files, are
// data to the script and become text nodes; none of them is markup. Throws what Check does.
std::string FormatHtml(const Document& document);

// A JSON text as it may stand in a <script> element: '<' is written \u003c, so that no "</script" or "<!--" is in it.
std::string EscapedForScript(std::string json);
// A text as it may stand in markup and in quoted attributes.
std::string EscapedForMarkup(std::string_view text);

}  // namespace consort::report

#endif  // CONSORT_REPORT_HTML_H_
