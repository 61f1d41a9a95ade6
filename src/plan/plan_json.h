// Plans as JSON: stable, documented keys (docs/planning.md), to be edited by hand.
#ifndef CONSORT_PLAN_PLAN_JSON_H_
#define CONSORT_PLAN_PLAN_JSON_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "consort/graph.h"
#include "plan/plan.h"
#include "platform/platform.h"

namespace consort {

// The largest plan file.
inline constexpr int64_t kLargestPlanFile = int64_t{16} << 20;

// To nine digits: no figure of a plan or a profile is better, and a file that is read is written the same.
double Rounded(double value);

// Stages are told by the names of their first and last op, so that the file holds for the model at every batch. Times
// in milliseconds.
nlohmann::ordered_json PlanJson(const Plan& plan, const Graph& graph);
std::string FormatPlan(const Plan& plan, const Graph& graph);  // ends in a newline

// Reads a plan for a graph. Only the stages' ops and their targets must be there; shares default to equal ones. Tensors
// and bytes are worked out anew, strategy too. Throws kInvalidModel with "FILE: KEY: what, and the way out": no JSON,
// an unknown or repeated key, a value of the wrong type, an op, tensor or target that does not exist, stages with a gap
// or an overlap, shares that do not add up to 1, samples that do not add up to the batch; kInvalidArgument for a plan
// that was made for another model.
Plan ParsePlan(std::string_view text, const std::string& file, const Graph& graph);

// Throws kInvalidArgument where a target names a device that the platform does not have, and where the plan's
// predictions rest on other figures of the platform.
void CheckPlatform(const Plan& plan, const std::string& file, const Platform& platform);

}  // namespace consort

#endif  // CONSORT_PLAN_PLAN_JSON_H_
