#include "measure/scheduler_records.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace consort {
namespace {

// The start of a small file of /proc as text; empty when it is gone.
std::string ReadSmall(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::array<char, 512> buffer;
  const ssize_t length = read(file, buffer.data(), buffer.size());
  close(file);
  return length > 0 ? std::string(buffer.data(), static_cast<size_t>(length)) : "";
}

// Calls `visit` with every entry of a folder of /proc whose name is a number.
void ForEachNumber(const std::string& folder, const std::function<void(int)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
  if (entries == nullptr) return;
  while (const dirent* entry = readdir(entries.get())) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') visit(std::atoi(entry->d_name));
  }
}

// The second number of schedstat: nanoseconds spent waiting on a run queue.
TimeNs WaitedOf(const std::string& record) {
  const size_t space = record.find(' ');
  return space == std::string::npos ? 0 : std::strtoll(record.c_str() + space, nullptr, 10);
}

// "pid (name) state parent …": the name may hold anything, so the last ')' counts.
int ParentOf(int process) {
  const std::string stat = ReadSmall("/proc/" + std::to_string(process) + "/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > stat.size()) return 0;
  return std::atoi(stat.c_str() + name_end + 4);
}

}  // namespace

SchedulerRecords::SchedulerRecords() : processes_{getpid()} {
  available_ = !ReadSmall("/proc/self/schedstat").empty();
  FindChildren();
}

void SchedulerRecords::FindChildren() {
  std::multimap<int, int> children;
  ForEachNumber("/proc", [&](int process) { children.emplace(ParentOf(process), process); });
  processes_.assign({getpid()});
  for (size_t i = 0; i < processes_.size(); ++i) {
    const auto [begin, end] = children.equal_range(processes_[i]);
    for (auto child = begin; child != end; ++child) processes_.push_back(child->second);
  }
}

TimeNs SchedulerRecords::WaitedNs() const {
  TimeNs waited = 0;
  for (const int process : processes_) {
    const std::string tasks = "/proc/" + std::to_string(process) + "/task";
    ForEachNumber(tasks,
                  [&](int task) { waited += WaitedOf(ReadSmall(tasks + "/" + std::to_string(task) + "/schedstat")); });
  }
  return waited;
}

}  // namespace consort
