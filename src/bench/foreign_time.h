// How much of some cores' time went to other processes.
#ifndef CONSORT_BENCH_FOREIGN_TIME_H_
#define CONSORT_BENCH_FOREIGN_TIME_H_

#include <cstdint>
#include <vector>

#include "consort/target.h"

namespace consort {

// Compares what the kernel says the cores did (/proc/stat, man 5 proc) with what this process and its children used
// (their /proc/<pid>/stat). Both count in ticks of usually 10 ms: for stretches of a second or more. Time that a host
// took away counts as foreign. The ticks of this process and its children are taken off wherever they were spent: work
// of theirs on other cores than those watched hides as much of others' work on these. One thread at a time.
class ForeignTime {
 public:
  explicit ForeignTime(const CoreSet& cores);
  // A stretch of work; children must live through it.
  void Begin();
  void End();
  // Of the cores' time during all stretches; 0 before the first, and where the kernel does not tell.
  double share() const;

 private:
  struct Ticks {
    int64_t all = 0;
    int64_t busy = 0;
    int64_t own = 0;
  };
  Ticks Read() const;

  CoreSet cores_;
  Ticks begin_;
  Ticks total_;
};

// Child processes of this one, and theirs, by their numbers.
std::vector<int> ChildProcesses();

}  // namespace consort

#endif  // CONSORT_BENCH_FOREIGN_TIME_H_
