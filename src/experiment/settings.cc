#include "experiment/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/nearest.h"
#include "base/strings.h"
#include "bench/sweep.h"
#include "consort/error.h"

namespace consort::experiment {
namespace {

double ParseDecimal(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && value - value == 0) return value;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--param {}: '{}' is no number", name, text));
}

[[noreturn]] void RefuseName(const std::vector<Parameter>& parameters, const std::string& name) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  const std::string nearest = Nearest(name, names);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--param: there is no parameter '{}'{}; there are: {}", name,
                          nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest),
                          names.empty() ? "none" : Join(names)));
}

}  // namespace

Settings::Settings(const std::vector<Parameter>& parameters, const std::map<std::string, std::string>& given,
                   bool quick)
    : quick_(quick) {
  for (const auto& [name, text] : given) {
    const auto is_it = [&name](const Parameter& one) { return one.name == name; };
    if (std::none_of(parameters.begin(), parameters.end(), is_it)) RefuseName(parameters, name);
  }
  for (const Parameter& parameter : parameters) {
    const auto own = given.find(parameter.name);
    const std::string& otherwise = quick && !parameter.quick.empty() ? parameter.quick : parameter.usual;
    in_order_.emplace_back(parameter.name, own != given.end() ? own->second : otherwise);
  }
  values_ = {in_order_.begin(), in_order_.end()};
}

std::vector<std::string> Settings::Words(const std::string& name) const {
  return Text(name).empty() ? std::vector<std::string>() : Split(Text(name), ',');
}

std::vector<int64_t> Settings::Numbers(const std::string& name) const {
  try {
    const std::vector<int> numbers = ParseSweep(Text(name));
    return {numbers.begin(), numbers.end()};
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("--param {}: {}", name, error.what()));
  }
}

int64_t Settings::Number(const std::string& name) const {
  const std::vector<int64_t> numbers = Numbers(name);
  if (numbers.size() == 1) return numbers.front();
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--param {}: one number is wanted, not '{}'", name, Text(name)));
}

std::vector<double> Settings::Decimals(const std::string& name) const {
  std::vector<double> values;
  for (const std::string& word : Words(name)) values.push_back(ParseDecimal(name, word));
  return values;
}

double Settings::Decimal(const std::string& name) const {
  const std::vector<double> decimals = Decimals(name);
  if (decimals.size() == 1) return decimals.front();
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--param {}: one number is wanted, not '{}'", name, Text(name)));
}

Json Settings::ToJson() const {
  Json json = Json::object();
  for (const auto& [name, text] : in_order_) json[name] = text;
  json["quick"] = quick_;
  return json;
}

std::pair<std::string, std::string> ParseAssignment(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals != std::string::npos && equals > 0) return {text.substr(0, equals), text.substr(equals + 1)};
  throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is not NAME=VALUE", text));
}

}  // namespace consort::experiment
