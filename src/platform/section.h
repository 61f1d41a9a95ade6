// One table of a platform file, read key by key with errors that name the line and the way out.
#ifndef CONSORT_PLATFORM_SECTION_H_
#define CONSORT_PLATFORM_SECTION_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/document.h"
#include "platform/platform.h"

namespace consort {

// A view of a table; the file's name and the document must outlive it. Everything throws kInvalidModel "FILE:LINE: …".
class Section {
 public:
  // `what` names the table in messages: "device 'xeon'".
  Section(const std::string& file, const Node& table, std::string what);

  // The same table under another name in messages.
  Section Renamed(std::string what) const { return Section(*file_, *table_, std::move(what)); }

  // Refuses every other key, with the nearest that exists. "source" is always among them.
  void AllowOnly(std::vector<std::string> keys) const;

  bool has(std::string_view key) const { return table_->Find(key) != nullptr; }
  const std::string& what() const { return what_; }
  int line() const { return table_->line; }
  // Of a key, or of the table where there is no such key.
  int line(std::string_view key) const;

  // Texts of one line without control characters, not empty. Absent: nullopt.
  std::optional<std::string> Text(std::string_view key) const;
  std::string RequiredText(std::string_view key, std::string_view example) const;
  // A text that is a name: letters, digits, '-', '_' and '.', at most 64.
  std::optional<std::string> Name(std::string_view key) const;
  std::string RequiredName(std::string_view key) const;
  std::optional<std::vector<std::string>> Texts(std::string_view key) const;
  // { value = "440 MB/s", source = "…" }, or the value alone in a table that has a `source` of its own.
  std::optional<Quantity> Figure(std::string_view key, Dimension dimension) const;
  // A table in this one. Absent: nullopt.
  std::optional<Section> Table(std::string_view key, std::string what) const;
  // The tables of a list; `header` is what stands in double brackets above each, of which the last word is the key.
  // Absent: none.
  std::vector<Section> Tables(std::string_view header, const std::string& what, size_t at_most) const;

  [[noreturn]] void Fail(std::string_view key, const std::string& message) const;

 private:
  std::string TextOf(const Node& node, std::string_view key) const;
  double ValueOf(const Node& node, std::string_view key, Dimension dimension) const;
  std::string SourceOf(const Node* figure, std::string_view key, Dimension dimension) const;

  const std::string* file_;
  const Node* table_;
  std::string what_;
};

// `{ value = "440 MB/s", source = "…" }` for messages.
std::string ExampleFigure(Dimension dimension);

}  // namespace consort

#endif  // CONSORT_PLATFORM_SECTION_H_
