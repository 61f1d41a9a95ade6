// What the kernel's scheduler wrote down about this process and its children.
#ifndef CONSORT_MEASURE_SCHEDULER_RECORDS_H_
#define CONSORT_MEASURE_SCHEDULER_RECORDS_H_

#include <vector>

#include "consort/clock.h"

namespace consort {

// Totals of one thread since it began.
struct ThreadRecord {
  int process = 0;
  int thread = 0;
  TimeNs ran_ns = 0;
  TimeNs waited_ns = 0;  // for a core, while it could have run
};

// What a thread did between two readings.
struct ThreadActivity {
  ThreadRecord did;  // differences
  int core = -1;     // where it ran last; -1: not known
};

// Reads /proc/<pid>/task/*/schedstat. One user at a time.
class SchedulerRecords {
 public:
  SchedulerRecords();
  // False where the kernel keeps no such records.
  bool available() const { return available_; }
  // Looks for child processes (and theirs) that count from now on.
  void FindChildren();
  // This process and the children found.
  const std::vector<int>& processes() const { return processes_; }

  // Every thread of these processes.
  std::vector<ThreadRecord> Read() const;
  // What threads did since `before`, those only that ran or waited; a thread that was not there before counts from
  // zero.
  std::vector<ThreadActivity> Since(const std::vector<ThreadRecord>& before) const;

 private:
  std::vector<int> processes_;
  bool available_ = false;
};

}  // namespace consort

#endif  // CONSORT_MEASURE_SCHEDULER_RECORDS_H_
