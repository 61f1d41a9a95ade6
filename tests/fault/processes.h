// What a test's process has of the kernel's.
#ifndef CONSORT_TESTS_FAULT_PROCESSES_H_
#define CONSORT_TESTS_FAULT_PROCESSES_H_

#include <dirent.h>
#include <sys/types.h>

#include <fstream>
#include <string>
#include <vector>

namespace consort::test {

inline int EntriesOf(const char* folder) {
  int count = 0;
  DIR* stream = opendir(folder);
  while (readdir(stream) != nullptr) ++count;
  closedir(stream);
  return count;
}

// The processes that this one started and that are not reaped yet: a zombie is one of them.
inline std::vector<pid_t> Children() {
  std::vector<pid_t> children;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* task = readdir(tasks)) {
    std::ifstream file(std::string("/proc/self/task/") + task->d_name + "/children");
    for (pid_t child; file >> child;) children.push_back(child);
  }
  closedir(tasks);
  return children;
}

}  // namespace consort::test

#endif  // CONSORT_TESTS_FAULT_PROCESSES_H_
