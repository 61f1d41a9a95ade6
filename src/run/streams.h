// What stateful stages carry from one sample of a stream to the next.
#ifndef CONSORT_RUN_STREAMS_H_
#define CONSORT_RUN_STREAMS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "run/slots.h"
#include "run/wiring.h"

namespace consort {

// The states of one stream, by the name of the input that takes each.
using StreamStates = std::vector<std::pair<std::string, Buffer>>;

// For each stream and stage the last committed state, in memory that no device knows: it is copied into the slot before
// a call and out of it when the sample has passed the stage. So a lost device loses no state. Beside it stands what the
// last delivered sample left at all stages, where another session can go on. Who uses a stream is ordered by its
// Station.
class Streams {
 public:
  // `wiring` outlives it.
  Streams(const Wiring& wiring, int streams);

  bool any() const { return any_; }
  int size() const { return static_cast<int>(streams_.size()); }
  void Load(Slot& slot, int stage) const;
  void Commit(const Slot& slot, int stage);
  // The sample has passed all stages.
  void Deliver(const Slot& slot);
  // The sample could not be run: none of those behind it in its stream may be either, until Reset or Restore.
  void BreakAt(const Slot& slot);
  bool is_behind_a_break(const Slot& slot) const {
    return any_ && slot.sample >= broken_at_[slot.stream].load(std::memory_order_acquire);
  }

  // The following: while no sample of the stream is under way.
  // Zeros, as at the beginning.
  void Reset(int stream);
  // Copies of what the last delivered sample left.
  StreamStates Delivered(int stream) const;
  // Goes on with these. Throws kInvalidArgument naming a state that is missing or of another form.
  void Restore(int stream, const StreamStates& states);

 private:
  struct State {
    Buffer committed;
    Buffer delivered;
  };
  static constexpr uint64_t kNowhere = ~uint64_t{0};
  using OfStream = std::vector<std::vector<State>>;  // [stage][state]

  const Wiring& wiring_;
  bool any_ = false;
  std::vector<OfStream> streams_;
  std::vector<std::atomic<uint64_t>> broken_at_;  // sample of each stream; kNowhere: none
};

}  // namespace consort

#endif  // CONSORT_RUN_STREAMS_H_
