// Profiles as JSON: stable keys (docs/planning.md). Times in milliseconds.
#ifndef CONSORT_PROFILE_PROFILE_JSON_H_
#define CONSORT_PROFILE_PROFILE_JSON_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "profile/profile.h"

namespace consort {

// The largest profile file.
inline constexpr int64_t kLargestProfileFile = int64_t{64} << 20;

nlohmann::ordered_json ProfileJson(const Profile& profile);
std::string FormatProfile(const Profile& profile);  // ends in a newline

// Throws kInvalidModel with "FILE: KEY: what" for what is no profile: no JSON, an unknown or repeated key, a value of
// the wrong type or out of range, an entry that stands twice.
Profile ParseProfile(std::string_view text, const std::string& file);

}  // namespace consort

#endif  // CONSORT_PROFILE_PROFILE_JSON_H_
