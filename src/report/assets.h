// The parts of a page that are the same in every report; they are in the program.
#ifndef CONSORT_REPORT_ASSETS_H_
#define CONSORT_REPORT_ASSETS_H_

#include <string_view>

namespace consort::report {

std::string_view PageStyle();        // page/page.css
std::string_view PageScript();       // page/*.js, one module
std::string_view ChartingLibrary();  // plotly.min.js: gzip, then base64

}  // namespace consort::report

#endif  // CONSORT_REPORT_ASSETS_H_
