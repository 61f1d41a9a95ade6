#include "profile/profile.h"

#include <fmt/format.h>

#include <algorithm>

#include "consort/error.h"
#include "plan/describe_stage.h"

namespace consort {
namespace {

constexpr char kWayOut[] = "measure into another file with 'consort profile', or delete this one";

}  // namespace

const ProfileEntry* Profile::Find(const ProfileKey& key, const std::string& engine) const {
  const auto found = entries.find(key);
  if (found == entries.end() || (!engine.empty() && found->second.engine != engine)) return nullptr;
  return &found->second;
}

const LinkEntry* Profile::FindLink(const std::string& from, const std::string& to) const {
  const auto found = std::find_if(links.begin(), links.end(),
                                  [&](const LinkEntry& link) { return link.from == from && link.to == to; });
  return found == links.end() ? nullptr : &*found;
}

ProfileKey KeyOf(const Graph& graph, OpId begin, OpId end, std::string target, int threads, int64_t batch) {
  const auto [first, last] = EndsOf(graph, begin, end);
  return {.target = std::move(target),
          .threads = threads,
          .batch = batch,
          .first_op = graph.op(first).name,
          .last_op = graph.op(last).name};
}

void CheckFits(const Profile& profile, const Profile& wanted, const std::string& file) {
  if (profile.model_fingerprint != wanted.model_fingerprint)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: is a profile of '{}', another model or another input size than this '{}'; {}", file,
                            profile.model, wanted.model, kWayOut));
  if (profile.processor != wanted.processor || profile.logical_cores != wanted.logical_cores)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: was measured on {} ({} cores), this is {} ({} cores); {}", file, profile.processor,
                            profile.logical_cores, wanted.processor, wanted.logical_cores, kWayOut));
  if (profile.settings != wanted.settings)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: was measured with other settings ({}) than now ({}); {}",
                                                         file, profile.settings, wanted.settings, kWayOut));
}

}  // namespace consort
