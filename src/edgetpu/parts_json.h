// What the bundle's file and the report's JSON say alike.
#ifndef CONSORT_EDGETPU_PARTS_JSON_H_
#define CONSORT_EDGETPU_PARTS_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "edgetpu/bundle.h"
#include "edgetpu/preflight.h"

namespace consort {

template <typename T>
nlohmann::ordered_json OrNull(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

inline nlohmann::ordered_json FileJson(const FileEntry& file) {
  return {{"file", file.name}, {"sha256", file.sha256}, {"bytes", file.bytes}};
}

inline nlohmann::ordered_json BlockersJson(const std::vector<Blocker>& blockers) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Blocker& blocker : blockers)
    list.push_back({{"op", blocker.name}, {"type", blocker.type}, {"why", blocker.why}, {"fix", WayOut(blocker)}});
  return list;
}

}  // namespace consort

#endif  // CONSORT_EDGETPU_PARTS_JSON_H_
