// The options of `consort profile` as typed values.
#ifndef CONSORT_CLI_PROFILE_OPTIONS_H_
#define CONSORT_CLI_PROFILE_OPTIONS_H_

#include <filesystem>
#include <vector>

#include "cli/simulate_options.h"
#include "profile/profiler.h"

namespace consort {

inline constexpr int kMostProfileUnits = 64;

struct ProfileArguments : NetworkArguments, EngineArguments {
  std::vector<int> batches;  // empty: the model's own
  int units = 8;
  double time_s = 0.1;
  uint64_t seed = 0;
  std::filesystem::path output;  // empty: none
  OutputFormat format = OutputFormat::kTable;
};

// Every option of the command; `arguments` must outlive the parsing.
void AddProfileOptions(CLI::App* app, ProfileArguments& arguments);

// The profile of a file, or an empty one where there is no such file; throws where it does not fit (CheckFits).
Profile ReadProfile(const std::filesystem::path& path, const Profile& wanted);

}  // namespace consort

#endif  // CONSORT_CLI_PROFILE_OPTIONS_H_
