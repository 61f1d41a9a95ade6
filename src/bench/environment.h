// The machine that figures come from: what one must know to compare them with others.
#ifndef CONSORT_BENCH_ENVIRONMENT_H_
#define CONSORT_BENCH_ENVIRONMENT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace consort {

// Plain data; a field that the system does not tell is "unknown", or 0.
struct Environment {
  std::string processor;  // "AMD EPYC 9V74 80-Core Processor"
  int logical_cores = 0;  // that this process may use
  std::string smt;        // "on", "off", "unknown"
  std::string governor;   // "performance"; several are joined by '+'
  std::string kernel;     // "Linux 6.1.0-18-amd64"
  int64_t memory_bytes = 0;
  bool container = false;
  bool virtual_machine = false;
  std::string date;          // "2026-11-24T15:20:03Z"
  std::string command_line;  // of this process
};

Environment ReadEnvironment();

// Peak resident memory, by the kernel's VmHWM.
struct PeakMemory {
  int64_t before_bytes = 0;    // resident at Begin
  int64_t peak_bytes = 0;      // the most since Begin
  int64_t children_bytes = 0;  // the most of every child process that lives at End, added up (isolated devices)
  bool whole_life = false;     // the kernel did not let the peak be reset: it is that of the process's whole life
};

// Watches the peak of this process from now on (/proc/self/clear_refs, man 5 proc).
class PeakMemoryWatch {
 public:
  PeakMemoryWatch();
  // Children that live now count; called while they do.
  void Update();
  const PeakMemory& peak() const { return peak_; }

 private:
  PeakMemory peak_;
};

}  // namespace consort

#endif  // CONSORT_BENCH_ENVIRONMENT_H_
