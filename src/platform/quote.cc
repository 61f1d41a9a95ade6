#include "platform/quote.h"

#include <fmt/format.h>

namespace consort {
namespace {

constexpr size_t kLongest = 120;

bool IsControl(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return true;
  const auto before = at > 0 ? static_cast<unsigned char>(text[at - 1]) : 0;
  return before == 0xC2 && byte >= 0x80 && byte < 0xA0;
}

// Where a text can be cut: not inside a character.
size_t CutAt(std::string_view text, size_t length) {
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  return length;
}

}  // namespace

std::string Quote(std::string_view text, std::string_view mark) {
  const bool is_long = text.size() > kLongest;
  std::string shown(is_long ? text.substr(0, CutAt(text, kLongest)) : text);
  for (size_t i = 0; i < shown.size(); ++i) {
    if (IsControl(shown, i)) shown[i] = '?';
  }
  return fmt::format("{}{}{}{}", mark, shown, is_long ? "…" : "", mark);
}

bool IsPrintable(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsControl(text, i)) return false;
  }
  return true;
}

}  // namespace consort
