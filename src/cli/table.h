// Tables of text, for people; programs read --format json.
#ifndef CONSORT_CLI_TABLE_H_
#define CONSORT_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace consort {

enum class Align { kLeft, kRight };

// The text in at most `width` bytes; the middle is left out. Cuts between characters only. What a terminal would obey is
// replaced: names come from files.
std::string Fit(std::string text, size_t width);

// Rows of cells under a header, padded so that columns line up.
//   Table table({{"op"}, {"MACs", Align::kRight}});
//   table.AddRow({"conv1", "118 M"});
//   fmt::print("{}", table.ToString());
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // One cell per column; missing ones are empty.
  void AddRow(std::vector<std::string> cells);
  // Header and rows, every line ending in a newline and without trailing spaces; two spaces between columns.
  std::string ToString() const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace consort

#endif  // CONSORT_CLI_TABLE_H_
