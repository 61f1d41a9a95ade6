#include "device/isolated_messages.h"

namespace consort {

void to_json(nlohmann::json& json, const CompileOptions& options) {
  json = {{"optimization", options.optimization},
          {"threads", options.threads},
          {"flush_denormals", options.flush_denormals},
          {"prove_placement", options.prove_placement},
          {"engine_options", options.engine_options}};
}

void from_json(const nlohmann::json& json, CompileOptions& options) {
  json.at("optimization").get_to(options.optimization);
  json.at("threads").get_to(options.threads);
  json.at("flush_denormals").get_to(options.flush_denormals);
  json.at("prove_placement").get_to(options.prove_placement);
  json.at("engine_options").get_to(options.engine_options);
}

void to_json(nlohmann::json& json, const Target& target) { json = target.ToString(); }
void from_json(const nlohmann::json& json, Target& target) {
  target = Target::Parse(json.get_ref<const std::string&>());
}

void to_json(nlohmann::json& json, const CoreSet& cores) { json = cores.cores(); }
void from_json(const nlohmann::json& json, CoreSet& cores) { cores = CoreSet(json.get<std::vector<int>>()); }

nlohmann::json ErrorMessage(const Error& error) { return {{"error", error.code()}, {"message", error.what()}}; }

void RethrowError(const nlohmann::json& answer) {
  const auto found = answer.find("error");
  if (found != answer.end()) throw Error(found->get<ErrorCode>(), answer.at("message").get<std::string>());
}

}  // namespace consort
