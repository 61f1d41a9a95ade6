// How `consort profile` prints what it measured.
#ifndef CONSORT_CLI_PROFILE_REPORT_H_
#define CONSORT_CLI_PROFILE_REPORT_H_

#include <filesystem>
#include <string>

#include "profile/local_devices.h"
#include "profile/profiler.h"

namespace consort {

struct ProfileReport {
  const Profile& profile;
  const LocalDevices& devices;
  const Graph& graph;
  const ProfilerOptions& options;
  std::filesystem::path file;  // empty: not kept
};

// A table per batch: a row per unit, a column per device; then the links. 80 columns; ends in a newline.
std::string ProfileTables(const ProfileReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_PROFILE_REPORT_H_
