// Cost models: what a formula says of a device. Everything here is *modelled*, never measured.
#ifndef CONSORT_COST_COST_MODEL_H_
#define CONSORT_COST_COST_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cost/work.h"
#include "platform/platform.h"

namespace consort {

// What took most of an op's time.
enum class Bound : uint8_t { kNothing, kCompute, kMemory, kLink, kOverhead };
std::string_view ToString(Bound bound);

// One piece of work on one device. Seconds, bytes.
struct WorkCost {
  double seconds = 0;             // its share of the latency
  double compute_seconds = 0;     // the arithmetic alone
  double memory_seconds = 0;      // activations and parameters through the device's own memory alone
  double link_seconds = 0;        // what it needs over the link at every inference alone
  int64_t cached_bytes = 0;       // parameters that stay on the device
  int64_t streamed_bytes = 0;     // parameters that cross the link at every inference
  int64_t instruction_bytes = 0;  // likewise
  Bound bound = Bound::kNothing;
  std::string elsewhere;  // why it does not run on this device; empty: it does
};

struct CostQuery {
  std::optional<Precision> precision;     // absent: the device's default
  std::optional<int64_t> on_chip_bytes;   // parameters that a compiler reported to be cached
  std::optional<int64_t> off_chip_bytes;  // and to be streamed
  bool weights_resident = true;           // false: every inference loads all parameters ("with memory loading")
};

// One inference of a whole model on one device.
struct Estimate {
  double latency_s = 0;     // of one inference once the model is loaded, transfers of inputs and outputs included
  double load_s = 0;        // bringing the parameters onto the device
  double conversion_s = 0;  // turning float inputs and outputs into the device's type and back, on `conversion_device`;
                            // not of the latency
  std::string conversion_device;  // "": nothing to convert, or no CPU in the platform to cost it on
  double input_s = 0;             // of the latency: transferring the inputs,
  double output_s = 0;            // the outputs,
  double overhead_s = 0;          // the fixed cost of a call,
  double host_s = 0;              // and the works that run on the platform's CPU instead (a partly mapped model)
  double joules = 0;              // active power × time, of the device and of the CPU for its part; 0: not known
  int64_t input_bytes = 0;
  int64_t output_bytes = 0;
  int64_t streamed_bytes = 0;
  int64_t instruction_bytes = 0;
  int64_t cached_bytes = 0;
  int64_t cache_bytes = 0;      // what there is for parameters; 0: no such cache
  std::vector<WorkCost> works;  // as the work list's
  double low = 1;               // the error band: the truth is expected between latency_s × low
  double high = 1;              // and latency_s × high (95 % of the reference figures the model was checked against)
  std::vector<std::string>
      notes;  // "assumed int8", "partly mapped: 3 operators run on the CPU: …", "cache budget unknown"

  int64_t link_bytes() const { return input_bytes + output_bytes + streamed_bytes + instruction_bytes; }
};

// Time that a link on the way to a device is busy for one inference there: all bytes that pass it, and its latency in
// each direction that any pass; never longer than the inference.
double LinkSeconds(const Link& link, const Estimate& estimate);

// The model of one device's time. Immutable, thread-safe.
class CostModel {
 public:
  virtual ~CostModel() = default;
  // Throws kUnsupported for a precision that the device does not have, and where nothing of the model can run there.
  virtual Estimate Cost(const WorkList& works, const CostQuery& query) const = 0;
};

// Of a device of a platform, which must outlive it. Throws kInvalidArgument for an unknown cost model.
std::unique_ptr<CostModel> MakeCostModel(const Platform& platform, const PlatformDevice& device);

// The cost models of this build and their parameters.
const CostSchemas& BuiltinCostSchemas();

}  // namespace consort

#endif  // CONSORT_COST_COST_MODEL_H_
