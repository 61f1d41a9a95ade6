#include "plan/plan.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr std::array<std::string_view, 3> kObjectives = {"latency", "throughput", "energy"};
constexpr std::array<std::string_view, 4> kStrategies = {"single", "split", "pipeline", "hybrid"};
constexpr std::array<std::string_view, 3> kProvenances = {"measured", "modelled", "emulated"};

size_t IndexOf(std::string_view text, std::span<const std::string_view> words, std::string_view what) {
  std::vector<std::string> valid;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) return i;
    valid.emplace_back(words[i]);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no {}; valid are {}", text, what, Join(valid)));
}

}  // namespace

std::string_view ToString(Objective objective) { return kObjectives[static_cast<size_t>(objective)]; }
std::string_view ToString(Strategy strategy) { return kStrategies[static_cast<size_t>(strategy)]; }

Objective ParseObjective(std::string_view text) {
  return static_cast<Objective>(IndexOf(text, kObjectives, "objective"));
}
Strategy ParseStrategy(std::string_view text) { return static_cast<Strategy>(IndexOf(text, kStrategies, "strategy")); }
Provenance ParseProvenance(std::string_view text) {
  return static_cast<Provenance>(IndexOf(text, kProvenances, "provenance"));
}

}  // namespace consort
