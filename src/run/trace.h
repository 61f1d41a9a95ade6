// What happened while a session ran.
#ifndef CONSORT_RUN_TRACE_H_
#define CONSORT_RUN_TRACE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consort/clock.h"

namespace consort {

enum class TraceKind : uint8_t {
  kRun,         // a call on a device
  kWait,        // a sample stood in front of a stage
  kTransfer,    // tensors were copied
  kConversion,  // tensors were written in another form (type, layout, quantization)
  kCheck,       // a call was repeated on another target, and compared
  kRetry,       // a sample's call begins again elsewhere
  kLoss,        // from the call's start to when its device was given up
  kQuarantine,  // a replica is not used any more
  kReturn,      // from the loss of a replica to its return
};
std::string_view ToString(TraceKind kind);

struct TraceEvent {
  TraceKind kind = TraceKind::kRun;
  int16_t stage = -1;    // -1: outside the stages, in the thread that submits or waits
  int16_t replica = -1;  // of the stage, spares behind the others; -1: none in particular
  uint64_t sample = 0;
  TimeNs start_ns = 0;
  TimeNs end_ns = 0;  // start_ns for what takes no time

  bool operator==(const TraceEvent&) const = default;
};

// The newest events, in a ring of fixed size. Recording takes no lock and no memory; an event is given up when its
// thread was held up while the others filled the whole ring. Thread-safe: read it while it runs.
class Trace {
 public:
  // Room for at least `capacity` events; with 0 nothing is recorded.
  explicit Trace(size_t capacity);

  bool enabled() const { return capacity_ > 0; }
  void Record(const TraceEvent& event) noexcept;
  // In the order of recording; without those that are being written at this moment.
  std::vector<TraceEvent> Read() const;
  // How many were recorded ever, those that the ring has lost included.
  uint64_t recorded() const { return next_.load(std::memory_order_acquire); }

 private:
  // Written by one thread at a time. `state` is odd while it is written.
  struct Entry {
    std::atomic<uint64_t> state{0};
    std::atomic<uint64_t> what{0};
    std::atomic<uint64_t> sample{0};
    std::atomic<TimeNs> start_ns{0};
    std::atomic<TimeNs> end_ns{0};
  };

  size_t capacity_ = 0;  // a power of two, or 0
  std::unique_ptr<Entry[]> entries_;
  std::atomic<uint64_t> next_{0};
};

// The events in the Trace Event Format of Chrome, which ui.perfetto.dev opens: a track per replica, one for the
// callers; waits as asynchronous events by sample. `replicas` names them: [stage][replica].
std::string TraceJson(const std::vector<TraceEvent>& events, const std::vector<std::vector<std::string>>& replicas);

}  // namespace consort

#endif  // CONSORT_RUN_TRACE_H_
