#include "platform/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"
#include "platform/checked_toml.h"
#include "platform/quote.h"

namespace consort {
namespace {

constexpr size_t kLongestLine = 1000;
// A file, a device, its cost, a row, a figure, its value, and some to spare.
constexpr int kDeepest = 8;

int LineOf(const toml::source_region& source) { return std::max(1, static_cast<int>(source.begin.line)); }

Node Convert(const toml::node& from, const std::string& file, int depth);

Node ConvertTable(const toml::table& table, const std::string& file, int depth) {
  Node node;
  for (const auto& [key, value] : table) {
    const int line = LineOf(key.source());
    node.entries.push_back({std::string(key.str()), line, Convert(value, file, depth + 1)});
  }
  std::stable_sort(node.entries.begin(), node.entries.end(),
                   [](const Entry& a, const Entry& b) { return a.line < b.line; });
  return node;
}

Node ConvertList(const toml::array& list, const std::string& file, int depth) {
  Node node;
  node.kind = Node::Kind::kList;
  for (const toml::node& item : list) node.items.push_back(Convert(item, file, depth + 1));
  return node;
}

Node ConvertValue(const toml::node& value) {
  Node node;
  node.kind = Node::Kind::kOther;
  if (const auto* text = value.as_string()) {
    node.kind = Node::Kind::kText;
    node.text = text->get();
  } else if (value.is_number()) {
    node.kind = Node::Kind::kNumber;
    node.number =
        value.is_integer() ? static_cast<double>(value.as_integer()->get()) : value.as_floating_point()->get();
  }
  return node;
}

Node Convert(const toml::node& from, const std::string& file, int depth) {
  const int line = LineOf(from.source());
  if (depth > kDeepest)
    FailAt(file, line, "tables are nested too deep; a platform needs no more than [[device.cost.row]]");
  Node node = from.is_table()   ? ConvertTable(*from.as_table(), file, depth)
              : from.is_array() ? ConvertList(*from.as_array(), file, depth)
                                : ConvertValue(from);
  node.line = line;
  return node;
}

// What no line of TOML may hold.
bool IsControl(unsigned char c) { return (c < 0x20 && c != '\t' && c != '\r') || c == 0x7F; }

void CheckLine(std::string_view text, const std::string& file, int line) {
  if (text.size() > kLongestLine)
    FailAt(file, line,
           fmt::format("the line has more than {} characters; break it, or shorten the text", kLongestLine));
  if (std::any_of(text.begin(), text.end(), IsControl))
    FailAt(file, line, "not TOML: the line holds a control character; write the file as plain text");
}

void CheckLines(std::string_view text, const std::string& file) {
  if (static_cast<int64_t>(text.size()) > kLargestPlatformFile)
    FailAt(file, 1,
           fmt::format("the file is larger than {}; a platform is a page of text", FormatBytes(kLargestPlatformFile)));
  int line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    CheckLine(text.substr(begin, end - begin), file, line);
    begin = end + 1;
  }
}

}  // namespace

const Entry* Node::Find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string_view Describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kTable:
      return "a table";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kText:
      return "a text";
    case Node::Kind::kNumber:
      return "a number";
    case Node::Kind::kOther:
      break;
  }
  return "a boolean, date or time";
}

Node ParseDocument(std::string_view text, const std::string& file) {
  CheckLines(text, file);
  try {
    return ConvertTable(toml::parse(text, file), file, 0);
  } catch (const BrokenAssumption&) {
    FailAt(file, 1, "not TOML, and the parser cannot tell where it goes wrong; compare it with toml.io's rules");
  } catch (const toml::parse_error& error) {
    FailAt(file, LineOf(error.source()),
           fmt::format("not TOML: {}; correct this line (toml.io has the rules)", Quote(error.description(), "")));
  }
}

void FailAt(const std::string& file, int line, const std::string& message) {
  throw Error(ErrorCode::kInvalidModel, fmt::format("{}:{}: {}", file, line, message));
}

}  // namespace consort
