// The options of `consort plan` as typed values.
#ifndef CONSORT_CLI_PLAN_OPTIONS_H_
#define CONSORT_CLI_PLAN_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/simulate_options.h"
#include "plan/planner.h"

namespace consort {

struct PlanArguments : NetworkArguments {
  std::string platform;
  std::vector<PlatformTarget> devices;   // empty: all of the platform
  std::vector<std::string> assignments;  // --set: "gtx1650.link.bandwidth=24GB/s"
  std::optional<int> batch;              // absent: the model's own
  PlanQuery query;
  std::filesystem::path output;  // empty: none
  std::filesystem::path svg;     // empty: none
  bool dry_run = false;
  OutputFormat format = OutputFormat::kTable;
};

// Every option of the command; `arguments` must outlive the parsing.
void AddPlanOptions(CLI::App* app, PlanArguments& arguments);
// Throws UsageError for options that do not go together, and where no platform is given.
void CheckPlanArguments(const PlanArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_PLAN_OPTIONS_H_
