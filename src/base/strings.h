// Small functions on text.
#ifndef CONSORT_BASE_STRINGS_H_
#define CONSORT_BASE_STRINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consort {

// "a, b, c".
std::string Join(const std::vector<std::string>& parts, std::string_view separator = ", ");

// The parts between separators, empty ones included; one empty part for an empty text.
std::vector<std::string> Split(std::string_view text, char separator);

// The whole text as a decimal integer; nothing for anything else, overflow included.
std::optional<int64_t> ParseInteger(std::string_view text);

// "1.5 MiB", "812 B".
std::string FormatBytes(int64_t bytes);

}  // namespace consort

#endif  // CONSORT_BASE_STRINGS_H_
