#include "experiment/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "consort/error.h"

namespace consort::experiment {
namespace {

constexpr int64_t kLargestFile = int64_t{16} << 20;

// Reads records of fields; a quoted field may hold commas, quotes (doubled) and line breaks.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  bool done() const { return at_ >= text_.size(); }
  int line() const { return line_; }

  std::vector<std::string> Record() {
    std::vector<std::string> fields;
    do {
      fields.push_back(Field());
    } while (Take(','));
    if (Take('\r')) {
    }
    if (!done() && !Take('\n')) Refuse("text behind a closing quote; double the quotes inside a quoted field");
    ++line_;
    return fields;
  }

  [[noreturn]] void Refuse(const std::string& what) const {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}:{}: {}", file_, line_, what));
  }

 private:
  bool Take(char wanted) {
    if (done() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  std::string Field() { return Take('"') ? Quoted() : Plain(); }

  std::string Plain() {
    const size_t begin = at_;
    while (!done() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string Quoted() {
    std::string field;
    for (; !done(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += text_[at_++];
      } else {
        ++at_;
        return field;
      }
    }
    Refuse("a quoted field does not end; close it with '\"'");
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
  int line_ = 1;
};

size_t IndexOf(const std::vector<std::string>& columns, std::string_view name) {
  return static_cast<size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
}

void CheckTitles(const CsvReader& reader, const std::vector<std::string>& titles) {
  std::set<std::string> seen;
  for (const std::string& title : titles) {
    if (title.empty()) reader.Refuse("a title is empty; the line before is to name every column");
    if (!seen.insert(title).second) reader.Refuse(fmt::format("the title '{}' stands twice", title));
  }
}

// "Here over published, in the geometric mean: a 1.5, b 0.2. ".
std::string MeansText(const std::vector<Overlay>& overlays) {
  std::map<std::string, std::vector<Overlay>> groups;
  for (const Overlay& one : overlays) groups[one.group].push_back(one);
  std::vector<std::string> means;
  for (const auto& [group, members] : groups) {
    const double mean = MeanRatio(members);
    if (!std::isnan(mean)) means.push_back(fmt::format("{} {:.3g}", group, mean));
  }
  return means.empty() ? "" : fmt::format("Here over published, in the geometric mean: {}. ", Join(means, "; "));
}

}  // namespace

bool Reference::Has(const std::vector<std::string>& names) const {
  return std::all_of(names.begin(), names.end(),
                     [this](const std::string& name) { return IndexOf(columns, name) < columns.size(); });
}

const std::string& Reference::Text(size_t row, std::string_view column) const {
  return rows.at(row).at(IndexOf(columns, column));
}

double Reference::Number(size_t row, std::string_view column) const {
  const std::string& text = Text(row, column);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return text.empty() || *end != '\0' ? report::kNothing : value;
}

Reference ParseReference(std::string_view text, const std::string& file) {
  CsvReader reader(text, file);
  if (text.empty()) reader.Refuse("empty; a line of titles is wanted, then a line per figure");
  Reference reference{.file = file, .columns = reader.Record()};
  CheckTitles(reader, reference.columns);
  while (!reader.done()) {
    const int line = reader.line();
    reference.rows.push_back(reader.Record());
    const size_t fields = reference.rows.back().size();
    if (fields != reference.columns.size())
      throw Error(ErrorCode::kInvalidModel, fmt::format("{}:{}: {} fields, but {} titles in line 1; quote fields that hold commas",
                                                        file, line, fields, reference.columns.size()));
  }
  return reference;
}

Reference ReadReference(const std::filesystem::path& path) {
  return ParseReference(ReadFile(path, kLargestFile), path.string());
}

std::vector<report::Block> OverlayBlocks(const std::string& id, const std::string& caption, const std::string& unit,
                                         const std::vector<Overlay>& overlays, const std::string& note) {
  if (overlays.empty())
    return {report::Paragraph{fmt::format(
        "{} None of its figures, in {}, is of devices that play these parts and of cells that were run.", caption, unit)}};
  report::Table table{.id = id,
                      .caption = caption,
                      .columns = {{.title = "of", .filters = true, .is_key = true},
                                  {.title = "at", .is_key = true},
                                  {.title = "here", .unit = unit},
                                  {.title = "published", .unit = unit},
                                  {.title = "ratio"}}};
  for (const Overlay& one : overlays) {
    table.rows.push_back({{one.group, one.what, one.ours, one.published, one.ours / one.published}, one.origin});
  }
  return {std::move(table), report::Paragraph{MeansText(overlays) + note}};
}

double MeanRatio(const std::vector<Overlay>& overlays) {
  double sum = 0;
  int count = 0;
  for (const Overlay& one : overlays) {
    if (!(one.ours > 0) || !(one.published > 0)) continue;
    sum += std::log(one.ours / one.published);
    ++count;
  }
  return count == 0 ? report::kNothing : std::exp(sum / count);
}

}  // namespace consort::experiment
