// Reports as JSON files: what `--report x.json` writes and `consort report` reads. docs/reports.md lists the keys.
#ifndef CONSORT_REPORT_JSON_H_
#define CONSORT_REPORT_JSON_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "report/document.h"

namespace consort::report {

// The largest report that is read, and the most blocks of one: a file beyond them was not made by this program.
inline constexpr int64_t kMostBytes = int64_t{256} << 20;
inline constexpr size_t kMostBlocks = 2000;
inline constexpr size_t kMostColumns = 256;

// Numbers that JSON has none for (kNothing, infinities) become null; bytes that are no UTF-8 become U+FFFD. Throws what
// Check does.
nlohmann::ordered_json ToJson(const Document& document);
// The same as text; indented by `indent`, or in one line where that is negative. Ends in a newline.
std::string FormatJson(const Document& document, int indent = 1);

// The inverse. `file` names the text in errors: kInvalidModel, "FILE: sections[2].blocks[0].mark: …".
Document ParseJson(std::string_view text, const std::string& file);

}  // namespace consort::report

#endif  // CONSORT_REPORT_JSON_H_
