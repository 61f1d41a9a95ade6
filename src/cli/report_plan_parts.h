// What reports say of a plan itself.
#ifndef CONSORT_CLI_REPORT_PLAN_PARTS_H_
#define CONSORT_CLI_REPORT_PLAN_PARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "consort/graph.h"
#include "plan/draft.h"
#include "plan/plan.h"
#include "report/document.h"

namespace consort {

// What a plan predicts of itself is a formula's, also where that adds up calls that were measured.
inline constexpr report::Origin kPredicted = report::Origin::kModelled;

// The plan over its model, its stages and what crosses between them.
report::Section PlanSection(const Plan& plan, const Graph& graph, const std::vector<ResourceUse>& uses);
// Which stage and devices every operator belongs to, with its cost; to filter.
report::Section OperatorSection(const Plan& plan, const Graph& graph);
// How long resources are busy per sample; nothing where that is not known.
std::optional<report::Section> BusySection(const std::vector<ResourceUse>& uses);
// What the devices do with a few calls, one behind the other, each taking the time that the plan predicts for it; of
// stages with several replicas each call goes to the one that ends it first. Nothing where a time is not known.
std::optional<report::TimeLine> PredictedLine(const Plan& plan, int calls);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_PLAN_PARTS_H_
