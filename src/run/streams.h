// What stateful stages carry from one sample of a stream to the next.
#ifndef CONSORT_RUN_STREAMS_H_
#define CONSORT_RUN_STREAMS_H_

#include <vector>

#include "run/slots.h"
#include "run/wiring.h"

namespace consort {

// For each stream and stage the last committed state, in memory that no device knows: it is copied into the slot before
// a call and out of it when the sample has passed the stage. So a lost device loses no state. Who uses a stream is
// ordered by its Station.
class Streams {
 public:
  // `wiring` outlives it.
  Streams(const Wiring& wiring, int streams);

  bool any() const { return any_; }
  int size() const { return static_cast<int>(committed_.size()); }
  void Load(Slot& slot, int stage) const;
  void Commit(const Slot& slot, int stage);
  // Zeros, as at the beginning. The caller sees to it that no sample of the stream is under way.
  void Reset(int stream);

 private:
  const Wiring& wiring_;
  bool any_ = false;
  std::vector<std::vector<std::vector<Buffer>>> committed_;  // [stream][stage][state]
};

}  // namespace consort

#endif  // CONSORT_RUN_STREAMS_H_
