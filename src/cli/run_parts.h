// Parts that the reports of `consort run` share: tensors, verdicts, placements.
#ifndef CONSORT_CLI_RUN_PARTS_H_
#define CONSORT_CLI_RUN_PARTS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/run_inputs.h"
#include "cli/run_options.h"
#include "cli/run_outputs.h"
#include "consort/placement.h"

namespace consort {

// "max abs 1.2e-06, rel 3.4e-07, cosine 1.000000000 (within 1e-05)".
std::string FormatVerdict(const Verdict& verdict);
// "12 ops: 12 as-asked, 0 eliminated, …".
std::string PlacementCounts(const Placement& placement);
// The same, and a line with the evidence.
std::string FormatPlacement(const Placement& placement);
// Op by op, as a table.
std::string OpsTable(const Placement& placement);
// Type, origin or file, range and mean of inputs and outputs, as a table; `ports` are the inputs'.
std::string TensorTable(const std::vector<Port>& ports, const std::vector<PortInput>& inputs,
                        const std::vector<OutputReport>& outputs);
// How the outputs compare, a line each.
std::string VerdictLines(const std::vector<OutputReport>& outputs);

nlohmann::ordered_json PlacementJson(const Placement& placement, PlacementDetail detail);
nlohmann::ordered_json InputsJson(const std::vector<Port>& ports, const std::vector<PortInput>& inputs);
nlohmann::ordered_json OutputsJson(const std::vector<OutputReport>& outputs);
// null for what JSON cannot say.
nlohmann::ordered_json NumberOrNull(double value);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PARTS_H_
