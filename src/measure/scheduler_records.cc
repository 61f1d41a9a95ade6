#include "measure/scheduler_records.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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

// "ran waited slices", nanoseconds.
ThreadRecord ParseSchedstat(int process, int thread, const std::string& text) {
  ThreadRecord record{.process = process, .thread = thread};
  char* rest = nullptr;
  record.ran_ns = std::strtoll(text.c_str(), &rest, 10);
  record.waited_ns = std::strtoll(rest, nullptr, 10);
  return record;
}

std::string TaskPath(int process, int thread, const char* file) {
  return "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/" + file;
}

// The 39th field of stat (man 5 proc): the core that a thread ran on last. Field 3 follows the last ')'.
int LastCore(int process, int thread) {
  const std::string stat = ReadSmall(TaskPath(process, thread, "stat"));
  size_t at = stat.rfind(')');
  for (int field = 2; field < 39 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  return at == std::string::npos ? -1 : std::atoi(stat.c_str() + at);
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

std::vector<ThreadRecord> SchedulerRecords::Read() const {
  std::vector<ThreadRecord> records;
  for (const int process : processes_) {
    ForEachNumber("/proc/" + std::to_string(process) + "/task", [&](int thread) {
      records.push_back(ParseSchedstat(process, thread, ReadSmall(TaskPath(process, thread, "schedstat"))));
    });
  }
  return records;
}

std::vector<ThreadActivity> SchedulerRecords::Since(const std::vector<ThreadRecord>& before) const {
  std::vector<ThreadActivity> activities;
  for (ThreadRecord now : Read()) {
    const auto same = std::find_if(before.begin(), before.end(), [&now](const ThreadRecord& record) {
      return record.process == now.process && record.thread == now.thread;
    });
    if (same != before.end()) now.ran_ns -= same->ran_ns, now.waited_ns -= same->waited_ns;
    if (now.ran_ns > 0 || now.waited_ns > 0) activities.push_back({now, LastCore(now.process, now.thread)});
  }
  return activities;
}

}  // namespace consort
