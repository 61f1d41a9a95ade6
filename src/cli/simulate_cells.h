// Columns of the tables of `consort simulate`, and the forms that hold nothing else.
#ifndef CONSORT_CLI_SIMULATE_CELLS_H_
#define CONSORT_CLI_SIMULATE_CELLS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/simulate_report.h"
#include "cli/table.h"

namespace consort {

// A column: its cell for a device that runs the model.
struct SimulationColumn {
  std::string title;
  Align align = Align::kRight;
  std::function<std::string(const SimulationRow&)> cell;
};
using Columns = std::vector<SimulationColumn>;

// Settings in a table: by their number where there are several, or a column for each path.
enum class SettingForm : uint8_t { kNumber, kPaths };
// What tells rows apart: "coral-usb3/int8", the batch where it is not always 1, what was set.
Columns Keys(const SimulationReport& report, SettingForm settings);
// "-30 % +40 %", of factors.
std::string Band(double low, double high);
// Latency, band, throughput, energy, load.
Columns TimeColumns();
// Of one inference: bytes over the link; parameters in the device's cache.
Columns ByteColumns();

// A device that cannot run the model has keys and, in the place of its first figure, `refusal`.
std::vector<std::string> Cells(const Columns& keys, const Columns& figures, const SimulationRow& row,
                               const std::string& refusal);

// One line per row, in milliseconds and bytes (RFC 4180).
std::string SimulationCsv(const SimulationReport& report);
std::string SimulationMarkdown(const SimulationReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_SIMULATE_CELLS_H_
