// A piece of arithmetic whose time tells how fast a core is right now.
#ifndef CONSORT_MEASURE_PROBE_H_
#define CONSORT_MEASURE_PROBE_H_

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "consort/clock.h"
#include "consort/target.h"

namespace consort {

// One thread per core, asleep between probes. A probe runs the same fixed arithmetic on all of them at once. One user
// at a time.
class ProbeTeam {
 public:
  explicit ProbeTeam(const CoreSet& cores);
  ~ProbeTeam();
  ProbeTeam(const ProbeTeam&) = delete;
  ProbeTeam& operator=(const ProbeTeam&) = delete;

  // Runs the probe everywhere: nanoseconds per core, in the order of the core set. The reference is valid until the
  // next call.
  const std::vector<TimeNs>& Run();

 private:
  void Loop(int index, int core);

  std::vector<TimeNs> times_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  uint64_t round_ = 0;
  int running_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace consort

#endif  // CONSORT_MEASURE_PROBE_H_
