#include "consort/target.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr int kMaxCores = CPU_SETSIZE;

int ParseCore(std::string_view part, std::string_view text) {
  const std::optional<int64_t> core = ParseInteger(part);
  if (!core || *core < 0 || *core >= kMaxCores) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' in cores '{}' is not a CPU number; write cores as 0-1+4", part, text));
  }
  return static_cast<int>(*core);
}

bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

[[noreturn]] void BadTarget(std::string_view text, std::string_view why) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("target '{}': {}; write device[:unit][@backend][/precision], for example cpu:0-1@openvino", text,
                          why));
}

}  // namespace

CoreSet::CoreSet(std::vector<int> cores) : cores_(std::move(cores)) {
  std::sort(cores_.begin(), cores_.end());
  cores_.erase(std::unique(cores_.begin(), cores_.end()), cores_.end());
}

CoreSet CoreSet::Parse(std::string_view text) {
  std::vector<int> cores;
  for (const std::string& range : Split(text, '+')) {
    const size_t dash = range.find('-');
    const int first = ParseCore(range.substr(0, dash), text);
    const int last = dash == std::string::npos ? first : ParseCore(range.substr(dash + 1), text);
    if (last < first) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("range '{}' in cores '{}' runs backwards", range, text));
    }
    for (int core = first; core <= last; ++core) cores.push_back(core);
  }
  return CoreSet(std::move(cores));
}

CoreSet CoreSet::OfThread(int thread_id) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::vector<int> cores;
  if (sched_getaffinity(thread_id, sizeof(mask), &mask) == 0) {
    for (int core = 0; core < kMaxCores; ++core) {
      if (CPU_ISSET(core, &mask)) cores.push_back(core);
    }
  }
  return CoreSet(std::move(cores));
}

const CoreSet& CoreSet::Available() {
  static const CoreSet cores = OfThread(getpid());
  return cores;
}

bool CoreSet::Contains(const CoreSet& other) const {
  return std::includes(cores_.begin(), cores_.end(), other.cores_.begin(), other.cores_.end());
}

std::string CoreSet::ToString() const {
  std::vector<std::string> ranges;
  for (size_t begin = 0; begin < cores_.size();) {
    size_t end = begin;
    while (end + 1 < cores_.size() && cores_[end + 1] == cores_[end] + 1) ++end;
    ranges.push_back(end == begin ? std::to_string(cores_[begin]) : fmt::format("{}-{}", cores_[begin], cores_[end]));
    begin = end + 1;
  }
  return Join(ranges, "+");
}

Target Target::Parse(std::string_view text) {
  Target target;
  std::string_view rest = text;
  if (const size_t slash = rest.rfind('/'); slash != std::string_view::npos) {
    try {
      target.precision = ParsePrecision(rest.substr(slash + 1));
    } catch (const Error& error) {
      BadTarget(text, error.what());
    }
    rest = rest.substr(0, slash);
  }
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    target.backend = rest.substr(at + 1);
    if (!IsName(target.backend)) BadTarget(text, "no backend name after '@'");
    rest = rest.substr(0, at);
  }
  if (const size_t colon = rest.find(':'); colon != std::string_view::npos) {
    target.unit = rest.substr(colon + 1);
    if (target.unit.empty()) BadTarget(text, "no unit after ':'");
    rest = rest.substr(0, colon);
  }
  target.device = rest;
  if (!IsName(target.device)) BadTarget(text, "no device name");
  return target;
}

std::string Target::ToString() const {
  std::string text = device;
  if (!unit.empty()) text += ":" + unit;
  if (!backend.empty()) text += "@" + backend;
  if (precision) text += fmt::format("/{}", consort::ToString(*precision));
  return text;
}

std::vector<Target> ParseTargets(std::string_view list) {
  std::vector<Target> targets;
  for (const std::string& part : Split(list, ',')) targets.push_back(Target::Parse(part));
  return targets;
}

}  // namespace consort
