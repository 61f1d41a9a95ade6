// What emulated devices do with a stream of inferences, as a trace by a virtual clock.
#ifndef CONSORT_CLI_SIMULATE_TRACE_H_
#define CONSORT_CLI_SIMULATE_TRACE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consort/clock.h"
#include "consort/model.h"
#include "platform/platform.h"

namespace consort {

struct TracedDevice {
  std::string device;  // of the platform
  std::optional<Precision> precision;
};

// Of one device, in order: when inferences started and ended.
struct TracedRun {
  std::string device;
  std::vector<std::pair<TimeNs, TimeNs>> inferences;
  std::vector<std::string> notes;  // of its cost model
  std::string warning;             // of the device; usually ""
};

// Every device runs the whole model `iterations` times, one inference after the other and beside the other devices,
// with which it shares what the platform says (resources, links); no numbers are computed. The same arguments give the
// same times. Throws what compiling on an emulated device throws.
std::vector<TracedRun> RunOnVirtualClock(const Platform& platform, const std::vector<TracedDevice>& devices,
                                         const Model& model, int iterations);

// As a Chrome trace (chrome://tracing, Perfetto): a thread per device, times in microseconds; notes and
// warnings stand in otherData.
std::string ChromeTrace(const std::vector<TracedRun>& runs, const std::string& model, const std::string& platform);

}  // namespace consort

#endif  // CONSORT_CLI_SIMULATE_TRACE_H_
