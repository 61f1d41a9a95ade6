#include "cost/fits.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/strings.h"
#include "consort/error.h"
#include "cost/parameters.h"

namespace consort {
Precision PrecisionOn(const PlatformDevice& device, std::optional<Precision> asked) {
  return asked.value_or(device.precisions.empty() ? Precision::kFp32 : device.precisions.front());
}

void RequireOps(const PlatformDevice& device, const std::string& who, const Graph& graph, OpId begin, OpId end) {
  const std::vector<std::string>& missing = device.missing_ops;
  std::map<std::string, std::string> first_of;  // by type: the name of the first op
  for (OpId id = begin; id < end; ++id) {
    const Op& op = graph.op(id);
    if (op.constant || std::find(missing.begin(), missing.end(), op.type) == missing.end()) continue;
    first_of.emplace(op.type, op.name);
  }
  if (first_of.empty()) return;
  std::vector<std::string> names;
  for (const auto& [type, name] : first_of) names.push_back(fmt::format("{} ('{}')", type, name));
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} has no {}; the platform lists what it lacks as missing_ops", who, Join(names)));
}

void RequireOps(const PlatformDevice& device, const std::string& who, const Graph& graph) {
  RequireOps(device, who, graph, 0, static_cast<OpId>(graph.ops().size()));
}

void RequireMemory(const PlatformDevice& device, const std::string& who, const WorkList& works, Precision precision) {
  const auto cap = static_cast<int64_t>(device.memory.value);
  const int64_t need = works.parameters * ElementBytes(precision);
  if (cap == 0 || need <= cap) return;
  throw Error(ErrorCode::kOutOfMemory,
              fmt::format("{}: the weights need {} in {}, and the device has {}; take a smaller precision or a device "
                          "with more memory",
                          who, FormatBytes(need), ToString(precision), FormatBytes(cap)));
}

}  // namespace consort
