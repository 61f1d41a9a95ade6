#include "bench/scenario.h"

#include <algorithm>

#include "consort/error.h"

namespace consort {
namespace {

constexpr TimeNs kBlockNs = 20'000'000;
constexpr TimeNs kSecondNs = 1'000'000'000;

TimeNs ShortBlock(double /*query_ns*/, TimeNs /*time_ns*/) { return kBlockNs; }

// At least ten queries of each replica, so that the end of a block, when some have finished and others not, weighs
// little.
TimeNs BlockOfTen(double query_ns, TimeNs /*time_ns*/) {
  return std::clamp(static_cast<TimeNs>(10 * query_ns), kBlockNs, kSecondNs);
}

// A segment of about a second: long beside the queue that builds up and drains in it.
TimeNs ServerSegment(double query_ns, TimeNs time_ns) {
  return std::max(static_cast<TimeNs>(10 * query_ns), std::clamp(time_ns / 10, kSecondNs / 10, kSecondNs));
}

}  // namespace

const std::vector<ScenarioInfo>& Scenarios() {
  static const std::vector<ScenarioInfo> kScenarios = {
      {ScenarioKind::kSingle, "single", "one query at a time", ShortBlock, MakeSingle},
      {ScenarioKind::kConcurrent, "concurrent", "one query of one of the replicas", BlockOfTen, MakeConcurrent},
      {ScenarioKind::kServer, "server", "from the scheduled arrival to the answer", ServerSegment, MakeServer},
      {ScenarioKind::kOffline, "offline", "computing one batch", BlockOfTen, MakeOffline}};
  return kScenarios;
}

const ScenarioInfo& InfoOf(ScenarioKind kind) {
  for (const ScenarioInfo& info : Scenarios()) {
    if (info.kind == kind) return info;
  }
  throw Error(ErrorCode::kInternal, "a scenario is missing in the table");
}

std::unique_ptr<Scenario> MakeScenario(ScenarioKind kind, const ScenarioSetup& setup) {
  if (setup.replicas.empty()) throw Error(ErrorCode::kInvalidArgument, "a scenario needs at least one replica");
  return InfoOf(kind).make(setup);
}

}  // namespace consort
