// What the cost models share: reading parameters of a device, bytes of a precision, the time of a transfer.
#ifndef CONSORT_COST_PARAMETERS_H_
#define CONSORT_COST_PARAMETERS_H_

#include <string>
#include <string_view>
#include <vector>

#include "cost/cost_model.h"

namespace consort {

// The parameters of a device, with the schema's values where the file says nothing. Looked up by name, without
// allocating: planners ask for thousands of costs.
class Parameters {
 public:
  // Both must outlive it; no parameter may be added to the device meanwhile.
  Parameters(const PlatformDevice& device, const std::vector<ParameterSpec>& specs);

  bool has(std::string_view name) const;
  // Throws kInvalidArgument naming the device where a required one is missing.
  double operator()(std::string_view name) const;

 private:
  struct Known {
    std::string_view name;
    const double* value;
  };

  const PlatformDevice& device_;
  const std::vector<ParameterSpec>& specs_;
  std::vector<Known> given_;
};

// Bytes of one element of a weight or an activation.
int64_t ElementBytes(Precision precision);

// The precision asked for, or the device's default. Throws kUnsupported listing those it has.
Precision ChoosePrecision(const PlatformDevice& device, const CostQuery& query);

// The way between the host's memory and a device: the slowest of its links sets the pace, their latencies add up.
struct TransferPath {
  bool host_memory = true;  // nothing to transfer
  double latency_s = 0;
  double out_bytes_per_s = 0;   // host to device
  double back_bytes_per_s = 0;  // device to host

  double out_s(int64_t bytes) const {
    return host_memory ? 0 : latency_s + static_cast<double>(bytes) / out_bytes_per_s;
  }
  double back_s(int64_t bytes) const {
    return host_memory ? 0 : latency_s + static_cast<double>(bytes) / back_bytes_per_s;
  }
};
TransferPath PathOf(const Platform& platform, const PlatformDevice& device);

// The ratio band of a device: parameters error_low and error_high (0.15: 15 % to that side).
void SetBand(const Parameters& parameters, Estimate& estimate);

}  // namespace consort

#endif  // CONSORT_COST_PARAMETERS_H_
