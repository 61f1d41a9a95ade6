#include "cli/profile_options.h"

#include "base/files.h"
#include "bench/sweep.h"
#include "profile/profile_json.h"

namespace consort {
namespace {

constexpr double kLongestMeasurementS = 600;

}  // namespace

void AddProfileOptions(CLI::App* app, ProfileArguments& arguments) {
  AddNetworkOptions(app, arguments);
  AddEach(
      app, "-d,--device", "TARGETS",
      [&arguments](const std::string& text) {
        for (const Target& target : ParseTargets(text)) arguments.targets.push_back(target);
      },
      "targets of this machine, comma separated, such as cpu@openvino (default: all that take ONNX models)");
  AddParsed(app, "-b,--batch", "LIST", arguments.batches, ParseSweep,
            "samples of a call: 1,2,4 or 1-8 or 1-64*2 (default: the model's own, 1 where it is open)");
  AddParsed(
      app, "--units", "N", arguments.units,
      [](const std::string& text) { return static_cast<int>(ParseInt(text, 1, kMostProfileUnits)); },
      "finest grain at which plans may cut: at most so many units (default: 8)");
  AddParsed(
      app, "-t,--time", "SECONDS", arguments.time_s,
      [](const std::string& text) { return ParseBetween(text, 0.01, kLongestMeasurementS); },
      "clean time of each measurement (default: 0.1)");
  AddParsed(app, "--seed", "N", arguments.seed, ParseSeed, "of the model's inputs (default: 0)");
  AddParsed(
      app, "-o,--output", "FILE", arguments.output, [](const std::string& text) { return text; },
      "keep the profile here: what the file holds already is not measured again");
  AddEngineOptions(app, arguments);
  AddFormatOption(app, arguments.format);
}

Profile ReadProfile(const std::filesystem::path& path, const Profile& wanted) {
  if (path.empty() || !std::filesystem::exists(path)) return wanted;
  Profile profile = ParseProfile(ReadFile(path, kLargestProfileFile), path.string());
  CheckFits(profile, wanted, path.string());
  return profile;
}

}  // namespace consort
