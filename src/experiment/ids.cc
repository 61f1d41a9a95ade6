#include "experiment/ids.h"

#include <fmt/format.h>

#include <algorithm>

namespace consort::experiment {

std::string IdOf(const std::string& text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  std::string id = text;
  std::replace_if(id.begin(), id.end(), [&fits](char c) { return !fits(c); }, '-');
  return id;
}

std::string Numbered(const std::string& id, size_t place) {
  return place == 0 ? id : fmt::format("{}-{}", id, place + 1);
}

}  // namespace consort::experiment
