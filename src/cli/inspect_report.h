// What `consort inspect` says about a model.
#ifndef CONSORT_CLI_INSPECT_REPORT_H_
#define CONSORT_CLI_INSPECT_REPORT_H_

#include <string>

#include "consort/model.h"

namespace consort {

struct InspectReportOptions {
  bool layers = false;   // the table of layers
  int max_crossing = 1;  // cuts that so many tensors cross
  int listed_cuts = 20;  // of the table: those with the fewest bytes
};

// Tables for a terminal of 80 columns.
std::string InspectTables(const Model& model, const InspectReportOptions& options);

// One JSON object with everything, all layers and cuts included; its keys are in docs/cli.md and stay.
std::string InspectJson(const Model& model, const InspectReportOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_INSPECT_REPORT_H_
