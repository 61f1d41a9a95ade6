#include "bench/environment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/strings.h"
#include "bench/foreign_time.h"
#include "consort/target.h"

namespace consort {
namespace {

namespace fs = std::filesystem;

constexpr char kUnknown[] = "unknown";

std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The value of the first "key : value" line of a file under /proc, or "".
std::string FieldOf(const fs::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const size_t value = line.find_first_not_of(" \t", colon + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

std::string OrUnknown(std::string text) { return text.empty() ? kUnknown : text; }

// A field of /proc/<pid>/status that is given in kB.
int64_t StatusBytes(const std::string& process, const std::string& key) {
  const std::string value = FieldOf(fs::path("/proc") / process / "status", key);
  return ParseInteger(value.substr(0, value.find(' '))).value_or(0) * 1024;
}

std::string Smt() {
  const std::string active = FirstLine("/sys/devices/system/cpu/smt/active");
  if (active.empty()) return kUnknown;
  return active == "1" ? "on" : "off";
}

std::string Governor() {
  std::set<std::string> governors;
  for (const int core : CoreSet::Available().cores()) {
    const std::string governor = FirstLine(fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", core));
    if (!governor.empty()) governors.insert(governor);
  }
  return OrUnknown(Join({governors.begin(), governors.end()}, "+"));
}

std::string Kernel() {
  utsname names{};
  if (uname(&names) != 0) return kUnknown;
  return fmt::format("{} {}", names.sysname, names.release);
}

std::string CommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

bool InContainer() {
  std::error_code error;
  return fs::exists("/.dockerenv", error) || fs::exists("/run/.containerenv", error);
}

bool ResetPeak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

}  // namespace

Environment ReadEnvironment() {
  Environment environment;
  environment.processor = OrUnknown(FieldOf("/proc/cpuinfo", "model name"));
  environment.logical_cores = CoreSet::Available().size();
  environment.smt = Smt();
  environment.governor = Governor();
  environment.kernel = Kernel();
  environment.memory_bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  environment.container = InContainer();
  environment.virtual_machine = FieldOf("/proc/cpuinfo", "flags").find("hypervisor") != std::string::npos;
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  environment.date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
  environment.command_line = CommandLine();
  return environment;
}

PeakMemoryWatch::PeakMemoryWatch() {
  peak_.whole_life = !ResetPeak();
  peak_.before_bytes = StatusBytes("self", "VmRSS");
}

void PeakMemoryWatch::Update() {
  peak_.peak_bytes = std::max(peak_.peak_bytes, StatusBytes("self", "VmHWM"));
  int64_t children_bytes = 0;
  for (const int child : ChildProcesses()) children_bytes += StatusBytes(std::to_string(child), "VmHWM");
  peak_.children_bytes = std::max(peak_.children_bytes, children_bytes);
}

}  // namespace consort
