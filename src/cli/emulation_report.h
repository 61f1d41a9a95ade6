// What every command says of emulated targets.
#ifndef CONSORT_CLI_EMULATION_REPORT_H_
#define CONSORT_CLI_EMULATION_REPORT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "consort/emulation.h"

namespace consort {

// Lines for below a table, each with a title: what the times come from and how far they can be trusted, where the
// numbers come from, what was assumed, the platform's warning. After an overrun no time is among them.
std::vector<std::pair<std::string, std::string>> EmulationNotes(const EmulationReport& report);

// Adds the calls and overruns of another load of the same executables; the rest is that of the newest.
void AddCalls(std::vector<EmulationReport>& sum, std::vector<EmulationReport> more);
// Why the first of several with overruns has no emulated time; empty without any.
std::string OverrunOf(const std::vector<EmulationReport>& reports);

// The object `emulation` of the JSON of a target.
nlohmann::ordered_json EmulationJson(const EmulationReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_EMULATION_REPORT_H_
