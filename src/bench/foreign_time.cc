#include "bench/foreign_time.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "base/strings.h"
#include "measure/scheduler_records.h"

namespace consort {
namespace {

namespace fs = std::filesystem;

// user, nice, system, idle, iowait, irq, softirq, steal: man 5 proc, /proc/stat.
constexpr size_t kColumns = 8;
constexpr size_t kIdle = 3;
constexpr size_t kIoWait = 4;
// Fields of /proc/<pid>/stat behind the name in parentheses, counted from the state: utime is the 12th, stime the 13th.
constexpr int kUserTime = 11;

int64_t TicksOf(int process) {
  std::ifstream file(fs::path("/proc") / std::to_string(process) / "stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < kUserTime; ++i) fields >> skipped;
  int64_t user = 0, system = 0;
  fields >> user >> system;
  return user + system;
}

}  // namespace

std::vector<int> ChildProcesses() {
  std::vector<int> processes = SchedulerRecords().processes();
  processes.erase(processes.begin());  // this one
  return processes;
}

ForeignTime::ForeignTime(const CoreSet& cores) : cores_(cores.empty() ? CoreSet::Available() : cores) {}

ForeignTime::Ticks ForeignTime::Read() const {
  Ticks ticks;
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    const auto core = name.starts_with("cpu") ? ParseInteger(name.substr(3)) : std::nullopt;
    if (!core || !cores_.Contains(CoreSet({static_cast<int>(*core)}))) continue;
    std::array<int64_t, kColumns> columns{};
    for (int64_t& column : columns) fields >> column;
    for (const int64_t column : columns) ticks.all += column;
    ticks.busy -= columns[kIdle] + columns[kIoWait];
  }
  ticks.busy += ticks.all;
  ticks.own = TicksOf(static_cast<int>(getpid()));
  for (const int child : ChildProcesses()) ticks.own += TicksOf(child);
  return ticks;
}

void ForeignTime::Begin() { begin_ = Read(); }

void ForeignTime::End() {
  const Ticks end = Read();
  total_.all += end.all - begin_.all;
  total_.busy += end.busy - begin_.busy;
  total_.own += end.own - begin_.own;
}

double ForeignTime::share() const {
  if (total_.all <= 0) return 0;
  return std::clamp(static_cast<double>(total_.busy - total_.own) / static_cast<double>(total_.all), 0.0, 1.0);
}

}  // namespace consort
