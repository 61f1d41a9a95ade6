// The options of `consort plan` as typed values.
#ifndef CONSORT_CLI_PLAN_OPTIONS_H_
#define CONSORT_CLI_PLAN_OPTIONS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/compare_options.h"
#include "cli/report_option.h"
#include "cli/simulate_options.h"
#include "plan/planner.h"
#include "platform/platform.h"

namespace consort {

struct PlanArguments : NetworkArguments, InputArguments, EngineArguments {
  std::string platform;              // empty: none, devices of this machine
  std::vector<std::string> devices;  // of the platform, or targets; empty: all of the platform, or of this machine
  std::vector<std::string> assignments;  // --set: "gtx1650.link.bandwidth=24GB/s"
  std::optional<int> batch;              // absent: the model's own
  PlanQuery query;
  std::optional<int> most_units;  // of the planner; absent: PlanQuery's
  // For targets that are measured and run:
  std::filesystem::path profile;  // empty: none is kept
  int profile_units = 8;
  double time_s = 4;   // of each comparison of plans
  bool no_run = false;
  std::optional<ReferenceArgument> reference;  // absent: cpu@onnxruntime
  AccuracyBounds bounds;  // as asked (BoundsOf)

  std::filesystem::path output;  // empty: none
  std::filesystem::path svg;     // empty: none
  ReportOption report;
  bool dry_run = false;
  OutputFormat format = OutputFormat::kTable;
};

// Every option of the command; `arguments` must outlive the parsing.
void AddPlanOptions(CLI::App* app, PlanArguments& arguments);
// "35W". Throws kInvalidArgument for what is not above zero, and as ParseQuantity does.
double ParsePositiveQuantity(const std::string& text, Dimension dimension);
// Throws UsageError for options that do not go together.
void CheckPlanArguments(const PlanArguments& arguments);

}  // namespace consort

#endif  // CONSORT_CLI_PLAN_OPTIONS_H_
