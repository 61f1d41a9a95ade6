// What the kernel's scheduler wrote down about this process and its children.
#ifndef CONSORT_MEASURE_SCHEDULER_RECORDS_H_
#define CONSORT_MEASURE_SCHEDULER_RECORDS_H_

#include <vector>

#include "consort/clock.h"

namespace consort {

// Reads /proc/<pid>/task/*/schedstat. One thread at a time.
class SchedulerRecords {
 public:
  // False where the kernel keeps no such records.
  bool available() const { return available_; }
  SchedulerRecords();
  // Looks for child processes (and theirs) that count from now on.
  void FindChildren();
  // Time that threads of this process and of its children have waited for a core so far, together.
  TimeNs WaitedNs() const;

 private:
  std::vector<int> processes_;
  bool available_ = false;
};

}  // namespace consort

#endif  // CONSORT_MEASURE_SCHEDULER_RECORDS_H_
