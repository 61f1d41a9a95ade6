// What can be chosen of an experiment, and what was chosen.
#ifndef CONSORT_EXPERIMENT_SETTINGS_H_
#define CONSORT_EXPERIMENT_SETTINGS_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace consort::experiment {

using Json = nlohmann::ordered_json;

// A choice with a value that stands where the user gives none.
struct Parameter {
  std::string name;     // "sides"
  std::string usual;    // "64,128,256,512,1024"
  std::string quick;    // with --quick; empty: as usual
  std::string meaning;  // one line for --help
};

// A value for every parameter of an experiment, as texts that are parsed when they are read. A value.
class Settings {
 public:
  // `given`: texts by name. Throws kInvalidArgument for a name that is no parameter, listing those there are.
  Settings(const std::vector<Parameter>& parameters, const std::map<std::string, std::string>& given, bool quick);

  bool quick() const { return quick_; }
  // Each throws kInvalidArgument "--param NAME: …" for a text that is none such; the name must be a parameter's.
  const std::string& Text(const std::string& name) const { return values_.at(name); }
  std::vector<std::string> Words(const std::string& name) const;   // "a,b" → {"a", "b"}; none for an empty text
  std::vector<int64_t> Numbers(const std::string& name) const;     // positive: "1,2,4", "1-8", "1-64*2"
  int64_t Number(const std::string& name) const;                   // one of these
  std::vector<double> Decimals(const std::string& name) const;     // "1.0,1.5"
  double Decimal(const std::string& name) const;                   // one of these

  // {"sides": "64,128", …, "quick": false}: what results are resumed by.
  Json ToJson() const;

 private:
  std::vector<std::pair<std::string, std::string>> in_order_;
  std::map<std::string, std::string> values_;
  bool quick_ = false;
};

// "sides=64,128" → {"sides", "64,128"}. Throws kInvalidArgument for a text without '='.
std::pair<std::string, std::string> ParseAssignment(const std::string& text);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_SETTINGS_H_
