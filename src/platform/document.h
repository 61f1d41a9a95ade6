// A TOML file as a tree of plain values that know their line. Only document.cc sees the TOML library.
#ifndef CONSORT_PLATFORM_DOCUMENT_H_
#define CONSORT_PLATFORM_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace consort {

// The largest platform file.
inline constexpr int64_t kLargestPlatformFile = int64_t{1} << 20;

struct Entry;

struct Node {
  enum class Kind : uint8_t { kTable, kList, kText, kNumber, kOther };  // kOther: a boolean, a date, a time

  Kind kind = Kind::kTable;
  int line = 1;
  std::string text;            // kText
  double number = 0;           // kNumber
  std::vector<Node> items;     // kList
  std::vector<Entry> entries;  // kTable, in the order of the file

  const Entry* Find(std::string_view key) const;
};

struct Entry {
  std::string key;
  int line = 1;
  Node value;
};

// "a table", "a text", for messages.
std::string_view Describe(Node::Kind kind);

// Throws kInvalidModel "FILE:LINE: …" where the text is not TOML, not UTF-8, too big (kLargestPlatformFile), or has
// lines or nesting that no platform needs: what a hostile file could make the parser use is bounded.
Node ParseDocument(std::string_view text, const std::string& file);

// Throws kInvalidModel with "FILE:LINE: message".
[[noreturn]] void FailAt(const std::string& file, int line, const std::string& message);

}  // namespace consort

#endif  // CONSORT_PLATFORM_DOCUMENT_H_
