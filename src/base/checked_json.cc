#include "base/checked_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "base/strings.h"

namespace consort {
namespace {

constexpr int kMostNesting = 16;

}  // namespace

nlohmann::ordered_json ParseCheckedJson(std::string_view text, const std::string& file, int64_t most_bytes) {
  using Json = nlohmann::ordered_json;
  const auto refuse = [&file](const std::string& what) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}", file, what));
  };
  if (static_cast<int64_t>(text.size()) > most_bytes) refuse(fmt::format("larger than {}", FormatBytes(most_bytes)));
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMostNesting) refuse("nested deeper than any such file is");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty() && !keys.back().insert(parsed.get<std::string>()).second)
      refuse(fmt::format("the key \"{}\" stands twice in one object", parsed.get<std::string>()));
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not JSON: {}", file, error.what()));
  }
}

void CheckedJson::Refuse(const std::string& what) const {
  throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}{}", file_, path_.empty() ? "" : path_ + ": ", what));
}

std::optional<CheckedJson> CheckedJson::Find(const std::string& key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) return std::nullopt;
  return CheckedJson(*found, file_, path_.empty() ? key : path_ + "." + key);
}

CheckedJson CheckedJson::Require(const std::string& key) const {
  const std::optional<CheckedJson> found = Find(key);
  if (!found) Refuse(fmt::format("there is no \"{}\"", key));
  return *found;
}

void CheckedJson::RequireKeys(const std::vector<std::string>& known) const {
  if (!json_.is_object()) Refuse("must be an object { … }");
  for (const auto& [key, unused] : json_.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string nearest = Nearest(key, known);
    Refuse(nearest.empty() ? fmt::format("unknown key \"{}\"; there are {}", key, Join(known))
                           : fmt::format("unknown key \"{}\": did you mean \"{}\"?", key, nearest));
  }
}

std::vector<CheckedJson> CheckedJson::Items() const {
  if (!json_.is_array()) Refuse("must be a list [ … ]");
  std::vector<CheckedJson> items;
  for (size_t i = 0; i < json_.size(); ++i) items.emplace_back(json_[i], file_, fmt::format("{}[{}]", path_, i));
  return items;
}

std::string CheckedJson::Text() const {
  if (!json_.is_string()) Refuse("must be a text");
  return json_.get<std::string>();
}

bool CheckedJson::Truth() const {
  if (!json_.is_boolean()) Refuse("must be true or false");
  return json_.get<bool>();
}

double CheckedJson::Number(double lowest, double highest) const {
  if (json_.is_null() && lowest <= 0) return 0;
  if (!json_.is_number()) Refuse("must be a number");
  const double value = json_.get<double>();
  if (!(value >= lowest && value <= highest))
    Refuse(fmt::format("{:g} is not between {:g} and {:g}", value, lowest, highest));
  return value;
}

int64_t CheckedJson::Integer(int64_t lowest, int64_t highest) const {
  if (!json_.is_number_integer()) Refuse("must be a whole number");
  const bool too_big = json_.is_number_unsigned() && json_.get<uint64_t>() > static_cast<uint64_t>(highest);
  if (too_big || json_.get<int64_t>() < lowest) Refuse(fmt::format("must lie between {} and {}", lowest, highest));
  return json_.get<int64_t>();
}

}  // namespace consort
