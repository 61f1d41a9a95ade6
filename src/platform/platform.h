// Platform: devices, the memories and power they have, the physical resources they use, and the links between them.
#ifndef CONSORT_PLATFORM_PLATFORM_H_
#define CONSORT_PLATFORM_PLATFORM_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consort/types.h"

namespace consort {

// What a quantity measures. A file writes values with their unit ("440 MB/s"); in memory they are in SI units.
enum class Dimension : uint8_t {
  kRatio,          // "40 %" or 0.4
  kCount,          // 64; no unit
  kTime,           // s: "0.28 ms"
  kBytes,          // B: "7.7 MiB", "12 GB"
  kBandwidth,      // B/s: "440 MB/s", "480 Mbit/s"
  kFrequency,      // Hz: "500 MHz"
  kComputeRate,    // operations/s, a multiply-accumulate being two: "2.9 TFLOPS", "4 TOPS"
  kPower,          // W: "10 W"
  kBytesPerCycle,  // B/cycle: "32 B/cycle"
};

// A figure and where it comes from.
struct Quantity {
  double value = 0;
  std::string source;  // a publication, "fitted to …", "assumed: …"; never empty in a loaded platform
};

// The way between the host's memory and a device, or to a hub on the way to it. Everything that hangs on one link
// shares its time.
struct Link {
  std::string name;
  std::string via;          // the link it hangs on; "": the host's memory
  Quantity bandwidth;       // B/s, host to device
  Quantity bandwidth_back;  // B/s, device to host; as `bandwidth` when the file says nothing
  Quantity latency;         // s, of one transfer
};

enum class DeviceKind : uint8_t { kCpu, kGpu, kEdgeTpu, kNpu };
std::string_view ToString(DeviceKind kind);

// What a cost model takes.
struct ParameterSpec {
  std::string name;
  Dimension dimension = Dimension::kRatio;
  bool required = true;
  double otherwise = 0;  // the value of one that is not required and not given
  std::string meaning;   // one line for the documentation
};

struct CostSchema {
  std::vector<ParameterSpec> parameters;
  std::vector<ParameterSpec> row;  // what every row has; empty: the model takes no rows
};

// What a model of its time says of the device. Names of parameters and their dimensions belong to the cost model.
struct CostDescription {
  std::string model;  // "edgetpu", "roofline", "replay"
  std::map<std::string, Quantity> parameters;
  std::vector<std::map<std::string, Quantity>> rows;  // published points that a model replays, in file order
  CostSchema schema;  // what the model takes: for Set and for reports. Empty in a platform made by hand
};

struct PlatformDevice {
  std::string name;  // unique in the platform
  DeviceKind kind = DeviceKind::kCpu;
  std::string summary;   // one line
  std::string resource;  // the physical resource it uses; equal strings share time. Its name when the file says nothing
  std::string link;      // "": computes in the host's memory
  std::vector<Precision> precisions;     // the first is the default
  std::vector<std::string> missing_ops;  // ONNX operator types it cannot run, besides what its cost model refuses
  Quantity memory;                       // B; value 0: not limited
  Quantity idle_power;                   // W
  Quantity active_power;                 // W, in place of idle_power while it computes
  CostDescription cost;
  std::string warning;  // said wherever a figure of this device is shown ("replays what …"); usually ""
};

// Plain data. Made by LoadPlatform, or by hand in a test. Reading is thread-safe.
struct Platform {
  std::string name;
  std::string summary;
  std::vector<PlatformDevice> devices;
  std::vector<Link> links;

  // Throw kInvalidArgument listing the names that there are.
  const PlatformDevice& device(std::string_view device_name) const;
  const Link& link(std::string_view link_name) const;
  // The links from the host to a device, in that order; empty for one that computes in the host's memory.
  std::vector<const Link*> PathTo(const PlatformDevice& device) const;

  // `coral-usb3.link.bandwidth=300MB/s` (of the link that the device hangs on, for all that hang on it),
  // `hub.latency=1us` (of a link by its name), `gtx1650.cost.peak_fp32=3TFLOPS`, `xeon.power.active=90W`,
  // `coral-usb3.memory=1GiB`. A way back that was as fast as the way there stays so. The source becomes "set by the
  // user". Throws kInvalidArgument naming the keys that there are and the unit that is missing.
  void Set(std::string_view assignment);
};

// Name of a cost model → what it takes. src/cost/cost_model.h has those of this build.
using CostSchemas = std::map<std::string, CostSchema>;

// --- Files -----------------------------------------------------------------------------------------------------------

// Names of the platforms that are built in, sorted: those of platforms/*.toml, compiled into the program.
std::vector<std::string> ShippedPlatforms();
// The text of one; throws kInvalidArgument listing them.
std::string_view ShippedPlatformText(std::string_view name);

// Parses a platform file (docs/platforms.md). Throws kInvalidModel with "FILE:LINE: what, and the way out" for a syntax
// error, an unknown or repeated key, a figure without unit or source, a negative or zero rate, a link or base that
// hangs on itself, a device, link or cost model that does not exist. `file` is for messages only. Never reads anything
// but shipped platforms (`base`).
Platform ParsePlatform(std::string_view text, const std::string& file, const CostSchemas& schemas);

// A shipped platform by name, or else the file at that path (at most 1 MiB). Throws as ParsePlatform; kInvalidArgument
// where there is neither.
Platform LoadPlatform(const std::string& name_or_path, const CostSchemas& schemas);

// "440MB/s" → 4.4e8. Throws kInvalidArgument naming the units that fit. A space before the unit is allowed.
double ParseQuantity(std::string_view text, Dimension dimension);
// 4.4e8 → "440 MB/s".
std::string FormatQuantity(double value, Dimension dimension);

}  // namespace consort

#endif  // CONSORT_PLATFORM_PLATFORM_H_
