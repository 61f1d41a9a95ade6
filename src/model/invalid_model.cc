#include "model/invalid_model.h"

#include <algorithm>
#include <cstddef>

namespace consort {
namespace {

constexpr size_t kMaxQuote = 120;
constexpr size_t kMaxLine = 600;

// Bytes of a UTF-8 character that would be cut in two at `size` are dropped.
std::string Cut(std::string text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  return text.substr(0, size) + "…";
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string shown(text.substr(0, kMaxQuote + 4));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return "'" + Cut(std::move(shown), kMaxQuote) + "'";
}

std::string OneLine(std::string_view message) {
  std::string line;
  bool space = false;
  for (const char c : message.substr(0, 2 * kMaxLine)) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) {
      space = !line.empty();
      continue;
    }
    if (space) line += ' ';
    space = false;
    line += c;
  }
  return Cut(std::move(line), kMaxLine);
}

std::string Describe(const onnx::NodeProto& node) {
  const std::string type = OneLine(node.op_type());
  if (!node.name().empty()) return fmt::format("node {} ({})", Quote(node.name()), type);
  const auto made =
      std::find_if(node.output().begin(), node.output().end(), [](const auto& name) { return !name.empty(); });
  if (made != node.output().end()) return fmt::format("node making {} ({})", Quote(*made), type);
  return fmt::format("a node without name or output ({})", type);
}

}  // namespace consort
