// JSON of a file whose every complaint names the place: for formats with known keys.
#ifndef CONSORT_BASE_CHECKED_JSON_H_
#define CONSORT_BASE_CHECKED_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consort/error.h"

namespace consort {

// Refuses, with kInvalidModel and "FILE: what", texts longer than `most_bytes`, what is no JSON, and what its parser
// lets pass: repeated keys, and nesting that no file of ours needs.
nlohmann::ordered_json ParseCheckedJson(std::string_view text, const std::string& file, int64_t most_bytes);

// A value of the file and where it stands: "stages[1].replicas[0].share". Every complaint is kInvalidModel with
// "FILE: PLACE: what". Refers to the JSON that it is made from.
class CheckedJson {
 public:
  using Json = nlohmann::ordered_json;

  CheckedJson(const Json& json, std::string file, std::string path)
      : json_(json), file_(std::move(file)), path_(std::move(path)) {}

  [[noreturn]] void Refuse(const std::string& what) const;

  // The value of a key; Find gives nothing where there is none.
  std::optional<CheckedJson> Find(const std::string& key) const;
  CheckedJson Require(const std::string& key) const;
  // An object with no other keys than these.
  void RequireKeys(const std::vector<std::string>& known) const;

  bool IsNull() const { return json_.is_null(); }
  bool IsText() const { return json_.is_string(); }
  std::vector<CheckedJson> Items() const;
  std::string Text() const;
  bool Truth() const;
  // null counts as 0: not known.
  double Number(double lowest, double highest) const;
  int64_t Integer(int64_t lowest, int64_t highest) const;
  // A value of a closed set of words, or a target: what `parse` throws is said with the place.
  template <typename Parse>
  auto Word(Parse parse) const {
    try {
      return parse(Text());
    } catch (const Error& error) {
      Refuse(error.what());
    }
  }

 private:
  const Json& json_;
  std::string file_;
  std::string path_;
};

}  // namespace consort

#endif  // CONSORT_BASE_CHECKED_JSON_H_
