// What is known of an emulated call beyond its results.
#ifndef CONSORT_EMULATION_H_
#define CONSORT_EMULATION_H_

#include <string>
#include <vector>

#include "consort/device.h"

namespace consort {

// What the times of an emulated executable are made from, and whether the host kept up. Plain data.
struct EmulationReport {
  std::string cost_model;          // "edgetpu of platform coral-usb3"
  Precision precision = Precision::kFp32;  // that the cost model counts with
  std::string numbers;             // where outputs come from: "cpu@onnxruntime, in fp32", or "none: zeros of the right shapes"
  bool exact = true;               // false: outputs are zeros
  double modelled_s = 0;           // of the last call's shapes, or of the model's own before the first call; without jitter
  double modelled_joules = 0;      // of that call: active power × busy time; 0: the platform knows no power
  double low = 1;                  // the error band: the truth is expected between modelled_s × low
  double high = 1;                 // and modelled_s × high
  std::vector<std::string> notes;  // "assumed int8", …
  std::string warning;             // the platform's; usually ""
  int64_t calls = 0;
  // Calls in which the host took longer than the modelled time, by a real clock: these calls ended late, so whoever timed
  // them did not see emulated times.
  int64_t overruns = 0;
  TimeNs longest_host_ns = 0;      // the host's part of the longest of these, by the clock of the device
};

// The ability of an emulated device's executables to tell. Thread-safe.
class Emulated {
 public:
  virtual ~Emulated() = default;
  virtual EmulationReport emulation() const = 0;
};

// Nothing for an executable whose times are measured.
const Emulated* AsEmulated(const Executable& executable);

// Why a run with overruns has no emulated time, and the way out; empty without any.
std::string DescribeOverruns(const EmulationReport& report);

}  // namespace consort

#endif  // CONSORT_EMULATION_H_
