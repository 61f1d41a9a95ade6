#include "platform/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "platform/quantity.h"
#include "platform/quote.h"

namespace consort {
namespace {

constexpr size_t kLongestName = 64;
constexpr size_t kMostTexts = 256;

bool IsName(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return text.size() <= kLongestName && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

std::string ExampleFigure(Dimension dimension) {
  static constexpr const char* kValues[] = {"0.4",           "64",          "\"0.28 ms\"",    "\"7.7 MiB\"",
                                            "\"440 MB/s\"",  "\"500 MHz\"", "\"2.9 TFLOPS\"", "\"10 W\"",
                                            "\"32 B/cycle\""};
  return fmt::format("{{ value = {}, source = \"where it is from\" }}", kValues[static_cast<size_t>(dimension)]);
}

Section::Section(const std::string& file, const Node& table, std::string what)
    : file_(&file), table_(&table), what_(std::move(what)) {}

int Section::line(std::string_view key) const {
  const Entry* entry = table_->Find(key);
  return entry == nullptr ? table_->line : entry->line;
}

void Section::Fail(std::string_view key, const std::string& message) const { FailAt(*file_, line(key), message); }

void Section::AllowOnly(std::vector<std::string> keys) const {
  keys.emplace_back("source");
  for (const Entry& entry : table_->entries) {
    if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
    const std::string nearest = Nearest(entry.key, keys);
    const std::string way_out =
        nearest.empty() ? "its keys are " + Join(keys) : fmt::format("did you mean '{}'?", nearest);
    FailAt(*file_, entry.line, fmt::format("unknown key {} in {}; {}", Quote(entry.key), what_, way_out));
  }
}

std::string Section::TextOf(const Node& node, std::string_view key) const {
  if (node.kind != Node::Kind::kText)
    FailAt(*file_, node.line,
           fmt::format("'{}' of {} is {}; write a text in double quotes", key, what_, Describe(node.kind)));
  if (node.text.find_first_not_of(' ') == std::string::npos)
    FailAt(*file_, node.line, fmt::format("'{}' of {} is empty; write something, or leave the key out", key, what_));
  if (!IsPrintable(node.text))
    FailAt(*file_, node.line,
           fmt::format("'{}' of {} holds a control character; write it as plain text on one line", key, what_));
  return node.text;
}

std::optional<std::string> Section::Text(std::string_view key) const {
  const Entry* entry = table_->Find(key);
  if (entry == nullptr) return std::nullopt;
  return TextOf(entry->value, key);
}

std::string Section::RequiredText(std::string_view key, std::string_view example) const {
  if (std::optional<std::string> text = Text(key)) return *text;
  Fail(key, fmt::format("{} has no '{}'; add {} = \"{}\"", what_, key, key, example));
}

std::optional<std::string> Section::Name(std::string_view key) const {
  std::optional<std::string> text = Text(key);
  if (text && !IsName(*text))
    Fail(key,
         fmt::format("{} is no name; use at most {} letters, digits, '-', '_' and '.'", Quote(*text), kLongestName));
  return text;
}

std::string Section::RequiredName(std::string_view key) const {
  RequiredText(key, "a-name");
  return *Name(key);
}

std::optional<std::vector<std::string>> Section::Texts(std::string_view key) const {
  const Entry* entry = table_->Find(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->value.kind != Node::Kind::kList || entry->value.items.size() > kMostTexts)
    Fail(key,
         fmt::format("'{}' of {} must be a list of at most {} texts, such as [\"a\", \"b\"]", key, what_, kMostTexts));
  std::vector<std::string> texts;
  for (const Node& item : entry->value.items) texts.push_back(TextOf(item, key));
  return texts;
}

double Section::ValueOf(const Node& node, std::string_view key, Dimension dimension) const {
  try {
    if (node.kind == Node::Kind::kText) return ParseQuantity(node.text, dimension);
    if (node.kind == Node::Kind::kNumber && (IsPlainNumber(dimension) || !std::isfinite(node.number)))
      return CheckQuantity(node.number, dimension);
    if (node.kind == Node::Kind::kNumber) return ParseQuantity(fmt::format("{:g}", node.number), dimension);
  } catch (const Error& error) {
    FailAt(*file_, node.line, fmt::format("'{}' of {}: {}", key, what_, error.what()));
  }
  FailAt(*file_, node.line,
         fmt::format("'{}' of {} is {}; write {}, as in {}", key, what_, Describe(node.kind), Describe(dimension),
                     ExampleFigure(dimension)));
}

std::string Section::SourceOf(const Node* figure, std::string_view key, Dimension dimension) const {
  if (figure != nullptr) {
    if (const Entry* source = figure->Find("source")) return TextOf(source->value, fmt::format("{}.source", key));
  }
  if (const Entry* source = table_->Find("source")) return TextOf(source->value, "source");
  Fail(key, fmt::format("'{}' of {} has no source; write {} = {}", key, what_, key, ExampleFigure(dimension)));
}

std::optional<Quantity> Section::Figure(std::string_view key, Dimension dimension) const {
  const Entry* entry = table_->Find(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->value.kind != Node::Kind::kTable)
    return Quantity{ValueOf(entry->value, key, dimension), SourceOf(nullptr, key, dimension)};
  const Section figure(*file_, entry->value, fmt::format("figure '{}' of {}", key, what_));
  figure.AllowOnly({"value"});
  const Entry* value = entry->value.Find("value");
  if (value == nullptr)
    Fail(key, fmt::format("'{}' of {} has no value; write {} = {}", key, what_, key, ExampleFigure(dimension)));
  return Quantity{ValueOf(value->value, key, dimension), SourceOf(&entry->value, key, dimension)};
}

std::optional<Section> Section::Table(std::string_view key, std::string what) const {
  const Entry* entry = table_->Find(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->value.kind != Node::Kind::kTable)
    Fail(key, fmt::format("'{}' of {} is {}; write it as a table", key, what_, Describe(entry->value.kind)));
  return Section(*file_, entry->value, std::move(what));
}

std::vector<Section> Section::Tables(std::string_view header, const std::string& what, size_t at_most) const {
  const std::string_view key = header.substr(header.rfind('.') + 1);
  const Entry* entry = table_->Find(key);
  if (entry == nullptr) return {};
  std::vector<Section> sections;
  for (const Node& item : entry->value.items) {
    if (item.kind == Node::Kind::kTable) sections.emplace_back(*file_, item, what);
  }
  if (entry->value.kind != Node::Kind::kList || sections.size() != entry->value.items.size())
    Fail(key, fmt::format("'{}' of {} is not a list of tables; write [[{}]] above each", key, what_, header));
  if (sections.size() > at_most)
    Fail(key, fmt::format("{} has more than {} of '{}'; leave some out", what_, at_most, key));
  return sections;
}

}  // namespace consort
