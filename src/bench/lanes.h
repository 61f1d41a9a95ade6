// What the replicas of one block write down, each for itself.
#ifndef CONSORT_BENCH_LANES_H_
#define CONSORT_BENCH_LANES_H_

#include <algorithm>
#include <vector>

#include "measure/meter.h"

namespace consort {

// One replica's part of a block; a cache line of its own, so that replicas do not slow each other.
struct alignas(64) Lane {
  std::vector<TimeNs> latencies_ns;
  TimeNs start_ns = 0;
  TimeNs end_ns = 0;
  TimeNs busy_ns = 0;

  // Ready for `most` queries without allocating.
  void Clear(int64_t most) {
    latencies_ns.reserve(static_cast<size_t>(most));
    latencies_ns.clear();
    start_ns = end_ns = busy_ns = 0;
  }
};

// All latencies of the lanes.
inline void Collect(const std::vector<Lane>& lanes, BlockSamples& samples) {
  samples.latencies_ns.clear();
  for (const Lane& lane : lanes) {
    samples.latencies_ns.insert(samples.latencies_ns.end(), lane.latencies_ns.begin(), lane.latencies_ns.end());
  }
}

// From the first start to the last end of the lanes that did something.
inline TimeNs WallNs(const std::vector<Lane>& lanes) {
  TimeNs first = kNever;
  TimeNs last = 0;
  for (const Lane& lane : lanes) {
    if (lane.end_ns == 0) continue;
    first = std::min(first, lane.start_ns);
    last = std::max(last, lane.end_ns);
  }
  return last == 0 ? 0 : last - first;
}

}  // namespace consort

#endif  // CONSORT_BENCH_LANES_H_
