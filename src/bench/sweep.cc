#include "bench/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr size_t kMostValues = 1000;

int64_t Positive(const std::string& text, const std::string& part) {
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value || *value < 1 || *value > std::numeric_limits<int32_t>::max()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not N, N-M or N-M*FACTOR with whole numbers from 1", part));
  }
  return *value;
}

// The values of one part, between commas.
void AddPart(const std::string& part, std::vector<int>& values) {
  const size_t dash = part.find('-');
  const size_t star = part.find('*');
  const int64_t first = Positive(part.substr(0, dash), part);
  if (dash == std::string::npos) {
    values.push_back(static_cast<int>(first));
    return;
  }
  const size_t end = star == std::string::npos ? part.size() : star;
  const int64_t last = Positive(end <= dash ? "" : part.substr(dash + 1, end - dash - 1), part);
  const int64_t factor = star == std::string::npos ? 1 : Positive(part.substr(star + 1), part);
  const bool steps = star == std::string::npos;
  if (last < first || (!steps && factor < 2)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' does not rise: write the smaller value first, a factor from 2", part));
  }
  for (int64_t value = first; value <= last && values.size() <= kMostValues;
       value = steps ? value + 1 : value * factor) {
    values.push_back(static_cast<int>(value));
  }
}

}  // namespace

std::vector<int> ParseSweep(const std::string& text) {
  std::vector<int> values;
  for (const std::string& part : Split(text, ',')) AddPart(part, values);
  if (values.size() > kMostValues) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' holds more than {} values", text, kMostValues));
  }
  std::vector<int> unique;
  for (const int value : values) {
    if (std::find(unique.begin(), unique.end(), value) == unique.end()) unique.push_back(value);
  }
  return unique;
}

}  // namespace consort
