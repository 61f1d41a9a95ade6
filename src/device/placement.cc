#include "consort/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {

std::string_view ToString(PlacementState state) {
  switch (state) {
    case PlacementState::kAsAsked: return "as-asked";
    case PlacementState::kEliminated: return "eliminated";
    case PlacementState::kElsewhere: return "elsewhere";
    case PlacementState::kUnknown: return "unknown";
  }
  return "unknown";
}

int Placement::Count(PlacementState state) const {
  return static_cast<int>(std::count_if(ops.begin(), ops.end(), [&](const OpPlacement& op) { return op.state == state; }));
}

std::vector<std::string> StrictViolations(const Placement& placement) {
  std::vector<std::string> violations;
  for (const OpPlacement& op : placement.ops) {
    if (op.state == PlacementState::kElsewhere) {
      violations.push_back(fmt::format("{} '{}' was asked for on {} and got {} ({})", op.type, op.name, op.asked, op.got, op.why));
    } else if (op.state == PlacementState::kUnknown) {
      violations.push_back(
          fmt::format("{} '{}' was asked for on {} and where it runs is unknown ({})", op.type, op.name, op.asked, op.why));
    }
  }
  return violations;
}

void RequireStrict(const Placement& placement) {
  constexpr size_t kShown = 5;
  std::vector<std::string> violations = StrictViolations(placement);
  if (violations.empty()) return;
  const size_t count = violations.size();
  if (count > kShown) {
    violations.resize(kShown);
    violations.push_back(fmt::format("and {} more", count - kShown));
  }
  throw Error(ErrorCode::kInfeasible, fmt::format("placement differs from what was asked for {} of {} ops:\n  {}", count,
                                                  placement.ops.size(), Join(violations, "\n  ")));
}

}  // namespace consort
