// Calibration: the fixed cost of a call and the bandwidth of the way to a device, from two measurements on the device
// itself.
#ifndef CONSORT_COST_CALIBRATION_H_
#define CONSORT_COST_CALIBRATION_H_

#include <string>

#include "cost/cost_model.h"

namespace consort {

// A model that was measured. The two of a calibration differ in the bytes that cross and in little else.
struct CalibrationPoint {
  WorkList works;
  double measured_s = 0;  // latency of one inference
};

// The two figures of a platform that are calibrated, as Platform::Set names them.
struct Anchors {
  std::string fixed;  // "coral-usb3.cost.round_trip", "gtx1650.cost.call_overhead"
  std::string rate;   // the slowest link on the way, "usb3.bandwidth"; of a device in the host's memory
                      // "xeon.cost.memory_bandwidth"
};
// Throws kUnsupported for a cost model that has no fixed cost (replay).
Anchors AnchorsOf(const Platform& platform, const PlatformDevice& device);

struct Calibration {
  double fixed_s = 0;
  double bytes_per_s = 0;
};

// latency = fixed + bytes / rate, solved for both. Throws kInfeasible where no fixed cost of zero or more and no finite
// rate fit.
Calibration SolveLine(double small_bytes, double small_s, double large_bytes, double large_s);

// The figures with which the device's cost model gives both measurements, everything else of the platform being as it
// is. Starts from the platform's own and corrects them by SolveLine until the model agrees to 1e-6. Throws kInfeasible
// where nothing fits.
Calibration Calibrate(const Platform& platform, const std::string& device, const CostQuery& query,
                      const CalibrationPoint& small, const CalibrationPoint& large);

}  // namespace consort

#endif  // CONSORT_COST_CALIBRATION_H_
