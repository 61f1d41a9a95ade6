// Where samples wait in front of a stage, and who takes which.
#ifndef CONSORT_RUN_STATION_H_
#define CONSORT_RUN_STATION_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consort/clock.h"
#include "run/session_options.h"

namespace consort {

inline constexpr int kMaxReplicas = 64;  // of one stage, spares included: Job::exclude has a bit for each

// One call to be made.
struct Job {
  enum class Kind : uint8_t {
    kRun,
    kCheck,  // repeats the call of `runner`, to be compared
    kThird,  // decides between `runner` and `witness`, which differ
  };
  int slot = -1;
  int part = 0;
  Kind kind = Kind::kRun;
  int attempts = 0;  // devices that were lost with it
  int runner = -1;
  int witness = -1;
  uint64_t exclude = 0;  // replicas that may not take it, by bit
  TimeNs since_ns = 0;   // it waits
  TimeNs lost_ns = 0;    // when a device was lost with it; 0: never
  int stream = -1;       // -1: of no stream
  uint64_t sample = 0;
};

// The queue of one stage and the state of its replicas. An idle replica is given the next job at once; among several
// idle ones the choice is a smooth weighted round robin by their shares. When none is idle the job waits, and the first
// that becomes idle takes it: so shares follow the real speeds. Samples of a stream go to one replica, one at a time,
// in order. Thread-safe; allocates only when made.
class Station {
 public:
  struct Member {
    double share = 1;
    ReplicaState state = ReplicaState::kActive;
    std::vector<bool> takes;  // by part
    bool compiled = true;     // false: a spare that is compiled when it is needed
  };
  // `capacity`: jobs that can exist at once; `depth`: that may wait before Put blocks.
  Station(std::vector<Member> members, int capacity, int depth, int streams, Clock& clock);

  // How a job comes into the queue.
  enum class Entry : uint8_t {
    kWhenThereIsRoom,  // blocks while `depth` jobs wait
    kAtOnce,           // in its turn as well, but never blocks
    kFirst,            // in front of all others; never blocks. For checks: a stream's samples keep their order
  };
  enum class Put : uint8_t { kPlaced, kStopped, kNobody };
  // Gives the job to somebody. kNobody: no replica is left that may take it, and none is to return.
  Put Place(const Job& job, Entry entry);
  // For the replica's thread: waits for a job; nothing once the replica is lost or the station has stopped.
  std::optional<Job> Take(int replica);
  // The stream's sample has left the stage; its next may be taken.
  void EndStreamJob(int stream, uint64_t sample);

  // The replica takes no more jobs. A spare becomes active in its place. `retry` (may be null) goes to somebody else
  // first. Gives the spare that has to be compiled before it can take jobs (its state is kReopening); -1: none.
  int Lose(int replica, ReplicaState as, const std::string& why, const Job* retry);
  // A replica that was being opened anew works again, or will never (kLost). Gives what Lose gives, where it was a
  // spare that could not be compiled.
  int Return(int replica, ReplicaState as, const std::string& why);
  // Jobs do not wait for replicas that are being opened anew (Strand), or do again.
  void Strand();
  void Unstrand();
  // A waiting job that nobody is left to take.
  std::optional<Job> TakeOrphan();

  // Waits until every active replica's thread is there and idle, or the station has stopped.
  void AwaitIdle();

  // Nobody gets a job any more. Waiting jobs stay, for TakeOrphan.
  void Stop();

  int waiting() const;  // jobs that nobody has taken
  ReplicaState state(int replica) const;
  std::string why(int replica) const;

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  struct Seat {
    Member member;
    double weight = 0;  // of the round robin
    bool idle = false;
    bool has_job = false;
    Job job;
    std::string why;
    std::condition_variable wake;
  };

  bool MayTake(int replica, const Job& job) const;
  bool MayEver(int replica, const Job& job) const;
  bool AnyEver(const Job& job) const;
  bool IsBehindItsStream(const Job& job);
  int ChooseIdle(const Job& job);
  void Give(int replica, const Job& job);
  void Enqueue(const Job& job, bool first);
  Job Remove(int position);
  void WakeAll();
  int ActivateSpare(int instead_of);
  Job& Waiting(int position) { return ring_[(head_ + static_cast<size_t>(position)) % ring_.size()]; }

  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable idle_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<Job> ring_;
  size_t head_ = 0;
  int count_ = 0;
  int depth_;
  bool stopped_ = false;
  bool stranded_ = false;
  std::vector<int> owner_;          // replica of each stream; -1: none yet
  std::vector<uint64_t> occupant_;  // sample of each stream that is in the stage; kEmpty: none
};

}  // namespace consort

#endif  // CONSORT_RUN_STATION_H_
