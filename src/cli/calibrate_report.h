// How `consort calibrate` says what it found.
#ifndef CONSORT_CLI_CALIBRATE_REPORT_H_
#define CONSORT_CLI_CALIBRATE_REPORT_H_

#include <string>

#include "cost/calibration.h"
#include "measure/statistics.h"
#include "platform/platform.h"

namespace consort {

// One of the two measurements.
struct CalibrationMeasurement {
  int64_t elements = 0;  // of the input
  Interval latency_ns;   // median with its interval
};

struct CalibrationReport {
  std::string target;      // what was measured: "edgetpu:0"
  std::string provenance;  // "measured", "emulated"
  std::string device;      // of the platform
  Platform platform;       // before
  Anchors anchors;
  Calibration before;
  Calibration after;
  CalibrationMeasurement small;
  CalibrationMeasurement large;
  std::string file;  // written; "": none
};

std::string CalibrationText(const CalibrationReport& report);
std::string CalibrationJson(const CalibrationReport& report);

// "coral-usb3.cost.round_trip=0.281ms": what --set takes.
std::string FixedSetting(const CalibrationReport& report);
std::string RateSetting(const CalibrationReport& report);

// A platform file: the shipped platform with the figures found. docs/platforms.md has the schema.
std::string CalibratedPlatform(const CalibrationReport& report, const std::string& name);

}  // namespace consort

#endif  // CONSORT_CLI_CALIBRATE_REPORT_H_
