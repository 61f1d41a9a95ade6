// What the current thread may use: cores, and how it treats denormals.
#ifndef CONSORT_BASE_THREAD_H_
#define CONSORT_BASE_THREAD_H_

#include <sched.h>

#include "consort/target.h"

namespace consort {

// Confines the current thread to `cores` (empty: leaves its mask) and sets flush-to-zero and denormals-are-zero when asked,
// and undoes both on destruction, whatever an engine did to them in between. Lives and dies on one thread. Throws
// kInvalidArgument when none of the cores may be used.
class ThreadScope {
 public:
  ThreadScope(const CoreSet& cores, bool flush_denormals);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  bool confined_ = false;
  cpu_set_t previous_mask_;
  unsigned previous_mode_ = 0;
};

}  // namespace consort

#endif  // CONSORT_BASE_THREAD_H_
