// Fuzz target: bytes as a profile file. What is read is in range, and is the same when it is written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "consort/error.h"
#include "profile/profile_json.h"

namespace {

void Check(const consort::Profile& profile) {
  for (const auto& [key, entry] : profile.entries) {
    if (key.threads < 0 || key.batch < 1 || entry.calls < 0 || profile.Find(key) != &entry) std::abort();
    const consort::Interval& call_s = entry.call_s;
    if (!(call_s.estimate >= 0 && call_s.low >= 0 && call_s.high >= 0)) std::abort();
    if (!(entry.discarded >= 0 && entry.discarded <= 1)) std::abort();
  }
  for (const consort::LinkEntry& link : profile.links) {
    if (!(link.latency_s >= 0 && link.bytes_per_s >= 0)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const consort::Profile profile =
        consort::ParseProfile({reinterpret_cast<const char*>(data), size}, "fuzzed");
    Check(profile);
    const std::string text = consort::FormatProfile(profile);
    if (consort::FormatProfile(consort::ParseProfile(text, "written")) != text) std::abort();
  } catch (const consort::Error&) {
  }
  return 0;
}
