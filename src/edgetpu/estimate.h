// What the Edge TPU's cost model says of a part that is for it. Modelled, never measured.
#ifndef CONSORT_EDGETPU_ESTIMATE_H_
#define CONSORT_EDGETPU_ESTIMATE_H_

#include <cstdint>
#include <string>

#include "consort/model.h"

namespace consort {

struct EdgeTpuEstimate {
  std::string device;          // "coral-usb3"
  int64_t weight_bytes = 0;    // in int8
  int64_t cache_bytes = 0;     // what the chip's memory has room for
  int64_t streamed_bytes = 0;  // weights that cross the link at every inference
  double streaming_s = 0;      // that takes, at the link's speed
  double latency_s = 0;        // of one inference, transfers included
  double low = 1;              // the truth is expected between latency_s · low
  double high = 1;             // and latency_s · high

  bool fits() const { return streamed_bytes == 0; }
};

// On the first Edge TPU of a platform, which is built in or a file. Throws what LoadPlatform throws, and
// kInvalidArgument for a platform without one.
EdgeTpuEstimate EstimateOnEdgeTpu(const Model& head, const std::string& platform);

}  // namespace consort

#endif  // CONSORT_EDGETPU_ESTIMATE_H_
