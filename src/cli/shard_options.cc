#include "cli/shard_options.h"

#include "cli/command.h"

namespace consort {
namespace {

const std::vector<std::pair<std::string, Balance>>& Balances() {
  static const std::vector<std::pair<std::string, Balance>> balances = {
      {"macs", Balance::kMacs}, {"bytes", Balance::kBytes}, {"time", Balance::kTime}};
  return balances;
}

void AddPlaces(CLI::App* app, ShardArguments& arguments) {
  AddEach(
      app, "--at", "TENSORS", [&arguments](const std::string& text) { arguments.at.push_back(text); },
      "cut right behind the operator that makes this tensor; comma separated, repeatable");
  AddParsed(app, "--stages", "N", arguments.stages, ParsePositive,
            "cut into N shards of equal weight, as far as can be");
  AddChoice(app, "--balance", arguments.balance,
            {{"macs", std::optional(Balance::kMacs)},
             {"bytes", std::optional(Balance::kBytes)},
             {"time", std::optional(Balance::kTime)}},
            "what weighs with --stages: multiply-accumulates (default), bytes of weights, or modelled time, which "
            "needs --platform");
  app->add_option("--platform", arguments.platform,
                  "with --stages: balance by the modelled time on the CPU of this platform, built in or a file")
      ->type_name("NAME");
  app->add_option("--like", arguments.like,
                  "cut where another model was cut: tensors of the same names, from its shards.json")
      ->type_name("FILE");
  app->add_flag("--avoid-fusions", arguments.avoid_fusions,
                "refuse to cut inside a fusion that engines are known to make (default with --stages)");
  app->add_flag("--cut-fusions", arguments.cut_fusions, "let --stages cut inside fusions");
}

}  // namespace

std::string_view ToString(Balance balance) {
  for (const auto& [word, meaning] : Balances()) {
    if (meaning == balance) return word;
  }
  return "";
}

void AddShardOptions(CLI::App* app, ShardArguments& arguments) {
  app->add_option("MODEL", arguments.model, "ONNX file")->required()->type_name("");
  app->add_option("-o,--output", arguments.folder, "folder to write; made where it is absent")
      ->required()
      ->type_name("DIR");
  AddPlaces(app, arguments);
  AddShapeOptions(app, arguments.loading.shapes, arguments.loading.dims);
  app->add_flag("--force", arguments.force, "write over files that exist");
  app->add_flag("--no-check", arguments.no_check, "do not run the shards against the whole model");
  AddInputOptions(app, arguments.inputs);
  AddFormatOption(app, arguments.format);
}

void CheckShardArguments(const ShardArguments& arguments) {
  const int ways = (arguments.at.empty() ? 0 : 1) + (arguments.stages ? 1 : 0) + (arguments.like.empty() ? 0 : 1);
  if (ways != 1)
    throw UsageError("one of --at TENSOR, --stages N and --like FILE is needed\nSee 'consort shard --help'.");
  if (!arguments.stages && (arguments.balance || !arguments.platform.empty() || arguments.cut_fusions)) {
    throw UsageError("--balance, --platform and --cut-fusions go with --stages: elsewhere you say where to cut");
  }
  if (arguments.avoid_fusions && arguments.cut_fusions)
    throw UsageError("--avoid-fusions and --cut-fusions exclude each other");
  if (arguments.balanced_by() == Balance::kTime && arguments.platform.empty()) {
    throw UsageError(
        "--balance time needs a platform whose CPU says how long each operator takes: --platform NAME ('consort "
        "platforms' lists them), or "
        "balance by macs or bytes");
  }
  if (arguments.balance && *arguments.balance != Balance::kTime && !arguments.platform.empty()) {
    throw UsageError("--platform goes with --balance time");
  }
  if (arguments.no_check && !arguments.inputs.inputs.empty())
    throw UsageError("--input is for the check that --no-check leaves out");
}

}  // namespace consort
