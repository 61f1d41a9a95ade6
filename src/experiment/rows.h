// Raw results: a row for each cell of an experiment, in a file that a killed run leaves usable.
#ifndef CONSORT_EXPERIMENT_ROWS_H_
#define CONSORT_EXPERIMENT_ROWS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/settings.h"

namespace consort::experiment {

// A flat JSON object: what names the cell, then its figures. `cell` is always there: the cell's id.
using Row = Json;

// Figures of a row. Absent, null and not of the kind: NaN, "" and false.
double NumberOf(const Row& row, const std::string& name);
// NaN as well where the row's times are unstable: what verdicts and winners go by.
double StableNumberOf(const Row& row, const std::string& name);
std::string TextOf(const Row& row, const std::string& name);
bool FlagOf(const Row& row, const std::string& name);

// JSON Lines: a header that says what the rows are of, then the rows in the order of the cells. Each row is handed to
// the system whole and at once, so that of a killed run at most the last line is torn; it is dropped. One process at a
// time holds the file. One thread at a time.
//
//   RowFile file(folder / "matvec.jsonl", header, false);
//   for (size_t i = file.rows().size(); i < cells.size(); ++i) file.Append(Run(cells[i]));
//   file.Sync();
class RowFile {
 public:
  // Reads what is there. Throws kInvalidArgument naming the file and the way out (`--fresh`): it begins with another
  // header (the difference is told), holds a line that is none of ours, is held by another process, cannot be written.
  // `fresh`: what is there is dropped.
  RowFile(std::filesystem::path path, const Json& header, bool fresh);
  ~RowFile();
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;

  const std::vector<Row>& rows() const { return rows_; }
  // Keeps the row as it would be read again. Throws kInternal where the disk is full and the like.
  void Append(const Row& row);
  // Waits until everything is on the disk.
  void Sync();

 private:
  void Open();
  void Read(const Json& header);
  void RestartTorn(const std::string& text, const Json& header);
  void Restart(const Json& header);
  void Write(const std::string& line);

  std::filesystem::path path_;
  int file_ = -1;
  std::vector<Row> rows_;
};

// What of two headers differs: "settings.sides is 64,128 there and 64 here; …". Empty for equal ones.
std::string DescribeDifference(const Json& there, const Json& here);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_ROWS_H_
