// What a session is told, and what it tells.
#ifndef CONSORT_RUN_SESSION_OPTIONS_H_
#define CONSORT_RUN_SESSION_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consort/clock.h"
#include "plan/plan.h"

namespace consort {

// Calls that are repeated on another target of their stage.
struct VerifyOptions {
  int every =
      0;  // each replica's every Nth call; 1: all, and no result that is known to be wrong is delivered; 0: none
  double tolerance = 0;  // largest |difference| relative to the largest |value|; 0: the same bits
};

enum class ReplicaState : uint8_t {
  kActive,
  kSpare,       // waits for a loss
  kReopening,   // lost, and being opened anew; or a spare that is being compiled
  kLost,        // lost for good: hung in this process, or not to be opened
  kDistrusted,  // gave wrong numbers
};
std::string_view ToString(ReplicaState state);

// A replica was lost (now kReopening, kLost) or found to be wrong (kDistrusted), or works again (kActive), or does not
// come back (kLost after kReopening).
struct ReplicaChange {
  int stage = 0;
  std::string replica;  // its name
  ReplicaState before = ReplicaState::kActive;
  ReplicaState now = ReplicaState::kLost;
  TimeNs at_ns = 0;

  bool is_loss() const { return before != ReplicaState::kReopening; }
};

struct SessionOptions {
  int max_in_flight = 0;  // samples under way or not released yet; 0: as many as the replicas and the queues hold
  bool inline_single =
      true;  // one stage with one replica and nothing to watch computes in the caller, without a thread
  TimeNs stage_deadline_ns =
      kNever;  // for a call, in nanoseconds from its start: a later one means that its device is lost
  TimeNs sample_deadline_ns = kNever;  // for a sample, from its start; a later one ends with kTimeout
  int max_attempts = 3;                // devices that a sample may lose at one stage before it is held to be the cause
  VerifyOptions verify;

  // Names of (input, output) ports: what a stage gave for one sample is what it gets for the next one of the stream.
  // Begins as zeros.
  std::vector<std::pair<std::string, std::string>> states;
  int streams = 1;  // with states: sequences that are kept apart

  int probe_attempts = 3;                  // how often a lost replica is opened anew (PreparedReplica::reopen)
  TimeNs probe_interval_ns = 100'000'000;  // before each attempt
  // Called for each loss, from a thread of the session's: stage, and the target's name. A plan that it gives is kept
  // for the caller (Session::replacement), who opens another session with it; or let an Ensemble do that
  // (run/ensemble.h).
  std::function<std::optional<Plan>(int stage, const std::string& device)> on_loss;
  // Called at each change, by the thread that notices it: must be quick and must not throw.
  std::function<void(const ReplicaChange&)> on_change;

  size_t trace_capacity = 1 << 14;  // events; 0: no trace
  Clock* clock = nullptr;           // nullptr: Clock::Real()
};

struct SubmitOptions {
  TimeNs deadline_ns = kNever;  // by the session's clock; kNever: SessionOptions::sample_deadline_ns
  int stream = 0;               // with states: which sequence the sample continues
  int lost_devices = 0;         // that were lost with the sample in another session: they count (max_attempts)
};

struct ReplicaReport {
  std::string name;
  ReplicaState state = ReplicaState::kActive;
  std::string why;     // it is not active
  int64_t calls = 0;   // that ended well
  TimeNs busy_ns = 0;  // in these

  // Seconds of a call; 0 without any.
  double mean_call_s() const {
    return calls > 0 ? 1e-9 * static_cast<double>(busy_ns) / static_cast<double>(calls) : 0;
  }
};

struct LossReport {
  int stage = 0;
  std::string replica;
  std::string why;
  uint64_t sample = 0;  // that it worked on
  TimeNs at_ns = 0;
};

// The state of a session at one moment. Plain data.
struct SessionReport {
  std::vector<std::vector<ReplicaReport>> stages;  // [stage][replica], spares behind the others
  std::vector<int> waiting;                        // calls that wait in front of each stage
  int64_t started = 0;
  int64_t delivered = 0;  // ended with a result
  int64_t failed = 0;     // ended with an error
  int64_t retries = 0;
  std::vector<LossReport> losses;
  TimeNs longest_recovery_ns = 0;  // from when a loss was noticed until its sample had passed the stage
  int64_t verified = 0;            // calls whose repetition agreed
  int64_t unverified = 0;          // that could not be repeated, because no other target was left
  std::vector<uint64_t> suspects;  // samples of a distrusted replica since its last good check, ascending
};

}  // namespace consort

#endif  // CONSORT_RUN_SESSION_OPTIONS_H_
