#include "profile/profile_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/checked_json.h"
#include "consort/error.h"
#include "plan/plan_json.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMsPerS = 1e3;
constexpr double kLongest = 1e12;
constexpr int64_t kMostBatch = int64_t{1} << 30;

Json EntryJson(const ProfileKey& key, const ProfileEntry& entry) {
  Json json = {{"target", key.target},     {"engine", entry.engine},   {"threads", key.threads},
               {"batch", key.batch},       {"first_op", key.first_op}, {"last_op", key.last_op}};
  if (!entry.refused.empty()) {
    json["refused"] = entry.refused;
    return json;
  }
  json["call_ms"] = Rounded(kMsPerS * entry.call_s.estimate);
  json["low_ms"] = Rounded(kMsPerS * entry.call_s.low);
  json["high_ms"] = Rounded(kMsPerS * entry.call_s.high);
  if (entry.convert_in_s > 0 || entry.convert_out_s > 0) {
    json["convert_in_ms"] = Rounded(kMsPerS * entry.convert_in_s);
    json["convert_out_ms"] = Rounded(kMsPerS * entry.convert_out_s);
  }
  json["calls"] = entry.calls;
  json["discarded"] = Rounded(entry.discarded);
  json["in_plan"] = entry.in_plan;
  return json;
}

Json LinkJson(const LinkEntry& link) {
  return {{"from", link.from},
          {"to", link.to},
          {"latency_ms", Rounded(kMsPerS * link.latency_s)},
          {"bytes_per_s", Rounded(link.bytes_per_s)}};
}

void ParseEntry(const CheckedJson& node, Profile& profile) {
  node.RequireKeys({"target", "engine", "threads", "batch", "first_op", "last_op", "refused", "call_ms", "low_ms",
                    "high_ms", "convert_in_ms", "convert_out_ms", "calls", "discarded", "in_plan"});
  const ProfileKey key{.target = node.Require("target").Text(),
                       .threads = static_cast<int>(node.Require("threads").Integer(0, 1 << 16)),
                       .batch = node.Require("batch").Integer(1, kMostBatch),
                       .first_op = node.Require("first_op").Text(),
                       .last_op = node.Require("last_op").Text()};
  ProfileEntry entry{.engine = node.Require("engine").Text()};
  if (const auto refused = node.Find("refused")) {
    entry.refused = refused->Text();
  } else {
    entry.call_s.estimate = node.Require("call_ms").Number(0, kLongest) / kMsPerS;
    entry.call_s.low = node.Require("low_ms").Number(0, kLongest) / kMsPerS;
    entry.call_s.high = node.Require("high_ms").Number(0, kLongest) / kMsPerS;
    const Interval& call = entry.call_s;
    if (!(call.estimate > 0 && call.low <= call.estimate && call.estimate <= call.high))
      node.Refuse("call_ms must be above 0, and between low_ms and high_ms");
    entry.calls = node.Require("calls").Integer(0, INT64_MAX);
    if (const auto in = node.Find("convert_in_ms")) entry.convert_in_s = in->Number(0, kLongest) / kMsPerS;
    if (const auto out = node.Find("convert_out_ms")) entry.convert_out_s = out->Number(0, kLongest) / kMsPerS;
    if (const auto discarded = node.Find("discarded")) entry.discarded = discarded->Number(0, 1);
    if (const auto in_plan = node.Find("in_plan")) entry.in_plan = in_plan->Truth();
  }
  if (!profile.entries.emplace(key, std::move(entry)).second) node.Refuse("the same range stands twice");
}

LinkEntry ParseLink(const CheckedJson& node) {
  node.RequireKeys({"from", "to", "latency_ms", "bytes_per_s"});
  return {.from = node.Require("from").Text(),
          .to = node.Require("to").Text(),
          .latency_s = node.Require("latency_ms").Number(0, kLongest) / kMsPerS,
          .bytes_per_s = node.Require("bytes_per_s").Number(0, 1e18)};
}

}  // namespace

Json ProfileJson(const Profile& profile) {
  Json json = {{"format", "consort-profile"},
               {"version", 1},
               {"model", profile.model},
               {"model_fingerprint", profile.model_fingerprint},
               {"processor", profile.processor},
               {"logical_cores", profile.logical_cores},
               {"settings", profile.settings},
               {"entries", Json::array()},
               {"links", Json::array()}};
  for (const auto& [key, entry] : profile.entries) json["entries"].push_back(EntryJson(key, entry));
  for (const LinkEntry& link : profile.links) json["links"].push_back(LinkJson(link));
  return json;
}

std::string FormatProfile(const Profile& profile) {
  return ProfileJson(profile).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Profile ParseProfile(std::string_view text, const std::string& file) {
  const Json json = ParseCheckedJson(text, file, kLargestProfileFile);
  const CheckedJson root(json, file, "");
  root.RequireKeys({"format", "version", "model", "model_fingerprint", "processor", "logical_cores", "settings",
                    "entries", "links"});
  if (root.Require("format").Text() != "consort-profile")
    root.Require("format").Refuse("must be \"consort-profile\"");
  root.Require("version").Integer(1, 1);
  Profile profile{.model = root.Require("model").Text(),
                  .model_fingerprint = root.Require("model_fingerprint").Text(),
                  .processor = root.Require("processor").Text(),
                  .logical_cores = static_cast<int>(root.Require("logical_cores").Integer(0, 1 << 20)),
                  .settings = root.Require("settings").Text()};
  for (const CheckedJson& entry : root.Require("entries").Items()) ParseEntry(entry, profile);
  for (const CheckedJson& link : root.Require("links").Items()) profile.links.push_back(ParseLink(link));
  return profile;
}

}  // namespace consort
