// A session that goes on with another plan when a device is lost.
#ifndef CONSORT_RUN_ENSEMBLE_H_
#define CONSORT_RUN_ENSEMBLE_H_

#include <condition_variable>
#include <deque>
#include <exception>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock_thread.h"
#include "plan/plan.h"
#include "run/session.h"

namespace consort {

// When plans for a loss are made and compiled.
enum class Replanning : uint8_t {
  kAtTheLoss,   // samples that need the lost device wait for it
  kBeforehand,  // for each target of the running plan, before the first sample and again after each takeover: costs
                // memory, and little time at the loss
};

struct EnsembleOptions {
  SessionOptions session;  // of every session; max_in_flight is that of the ensemble; on_change is the ensemble's own
  // The best plan without these targets (names of replicas, as in ReplicaReport); nothing: go on with what is left.
  // `running` is the plan that lost the last of them, or would. It must have the same inputs and outputs at the same
  // batch. Called from a thread of the ensemble's, and with kBeforehand from the constructor.
  std::function<std::optional<Plan>(const Plan& running, const std::vector<std::string>& lost)> replan;
  Replanning replanning = Replanning::kAtTheLoss;
};

// One plan took over from another.
struct Takeover {
  std::string why;              // "usb was lost", "usb is back"
  bool prepared = false;        // the plan had been compiled beforehand
  TimeNs at_ns = 0;             // when the loss, or the return, was noticed
  TimeNs taken_over_ns = 0;     // from then until new samples went to the plan
  TimeNs first_result_ns = -1;  // from then until the first sample that it ran was delivered; -1: none yet
};

struct EnsembleReport {
  Plan plan;              // that runs
  SessionReport session;  // of the session that runs it
  int64_t started = 0;
  int64_t delivered = 0;
  int64_t failed = 0;
  int64_t moved = 0;  // samples that began anew in another session
  std::vector<Takeover> takeovers;
  std::string problem;  // why the last loss led to no other plan; "": it did, or nobody asked for one
};

// Runs a plan. When one of its devices is lost, it is used no more; new samples go to a session of another plan without
// it, and samples under way are run by replicas and spares that are left of their stage, or, where none is, begin anew
// from their inputs in that session. Each sample ends exactly once. With states no sample begins until those under way
// have ended; then the streams go on behind their last delivered samples, in order. When the device is back (reopen)
// its plan takes over again. Thread-safe, as Session is; a ticket is waited for by one thread.
//
//   Ensemble ensemble(plan, [&](const Plan& plan) { return Prepare(plan, graph, ShardsOf(model_at, plan), registry); },
//                     {.replan = …, .replanning = Replanning::kBeforehand});
//   ensemble.Run(inputs, outputs);
class Ensemble {
 public:
  using Preparing = std::function<PreparedPlan(const Plan&)>;

  // `prepare` is called from threads of the ensemble's, too. Throws what it and Session throw for `plan`.
  Ensemble(const Plan& plan, Preparing prepare, EnsembleOptions options);
  // Cancels, and waits for what is under way, but for calls that hang past a deadline.
  ~Ensemble();
  Ensemble(const Ensemble&) = delete;
  Ensemble& operator=(const Ensemble&) = delete;

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  int max_in_flight() const { return static_cast<int>(places_.size()); }

  // As Session's.
  Ticket Submit(std::span<const Buffer> inputs, const SubmitOptions& options = {});
  std::optional<Ticket> TrySubmit(std::span<const Buffer> inputs, const SubmitOptions& options = {});
  void Wait(Ticket ticket, std::span<Buffer> outputs);
  bool TryWait(Ticket ticket, std::span<Buffer> outputs);
  void Run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const SubmitOptions& options = {});
  void Cancel();
  void ResetStream(int stream);

  EnsembleReport report() const;

 private:
  // A plan and its session.
  struct Line;
  struct Prepared {
    Plan plan;
    PreparedPlan stages;
  };
  // Where a sample is: a line and the ticket of its session.
  struct Seat {
    Line* line = nullptr;
    Ticket ticket;

    bool operator==(const Seat& other) const {
      return line == other.line && ticket.sample == other.ticket.sample;
    }
  };
  // Of a sample. Guarded by mutex_.
  struct Place {
    uint64_t sample = 0;
    bool taken = false;
    bool is_moving = false;  // it begins anew
    bool is_final = false;   // its end is being delivered
    SubmitOptions options;
    Seat seat;                   // line nullptr: it has not begun
    std::optional<Seat> waited;  // where somebody waits for it, who will release that ticket
    uint64_t epoch = 0;          // in which it took the seat
    std::exception_ptr error;    // it could not begin anew
  };
  // Of a sample that ended in a line for want of devices.
  enum class Fate : uint8_t { kOpen, kMoved, kFinal };
  struct Change {
    uint64_t line = 0;
    ReplicaChange change;
  };
  using Lock = std::unique_lock<std::mutex>;

  // ensemble.cc: samples.
  int TakePlace(const SubmitOptions& options);
  Ticket SubmitAt(int place, std::span<const Buffer> inputs);
  void Launch(Place& place, std::span<const Buffer> inputs);
  bool StartIn(Lock& lock, const Seat& seat, Place& place, bool is_moved);
  Place& PlaceOf(Ticket ticket);
  bool Finish(Place& place, std::span<Buffer> outputs, bool may_wait);
  bool AwaitIn(Lock& lock, Place& place, const Seat& seat, bool may_wait, bool& is_stranded);
  Fate AwaitFate(Lock& lock, Place& place, const Seat& seat, bool may_wait);
  Fate DecideFate(Lock& lock, Place& place, const Seat& seat);
  void Move(Lock& lock, Place& place);
  void Deliver(Place& place, std::span<Buffer> outputs);
  void Leave(const Seat& seat);
  void Unuse(Line* line);
  void Free(Place& place);

  // ensemble_setup.cc
  Line* MakeLine(Prepared prepared, std::vector<std::string> lost);
  Prepared PrepareWithout(const Line& line, const std::vector<std::string>& lost);
  void PrepareBeforehand(Line& line, const std::string& target);
  std::optional<std::string> NextToPrepare() const;

  // ensemble_takeover.cc: losses and returns, on the ensemble's thread.
  void Loop();
  Line* Find(uint64_t id) const;
  void HandleLoss(Line& line, const ReplicaChange& change);
  void Replace(Line& line, const ReplicaChange& change);
  void HandleReturn(Line& line, const ReplicaChange& change);
  void TakeOver(Line& next, Takeover takeover);
  void SetRunning(Line& line);
  void HandOver(Lock& lock, Line& next);
  Place* FirstStrandedIn(const Line& line);
  std::unique_ptr<Line> TakeUnused();

  const Preparing prepare_;
  EnsembleOptions options_;
  Clock& clock_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;

  mutable std::mutex mutex_;         // of the following, and of the lines
  std::condition_variable freed_;    // a place
  std::condition_variable changed_;  // the running line, or an answer to a loss
  std::condition_variable told_;     // the thread has something to do
  std::deque<Change> changes_;
  std::vector<Place> places_;
  std::vector<int> free_;
  uint64_t samples_ = 0;
  uint64_t line_ids_ = 0;
  // The running one last, but for those that took over from it before. Those in front may take over again.
  std::vector<std::unique_ptr<Line>> lines_;
  Line* running_ = nullptr;
  uint64_t epoch_ = 0;            // counts the takeovers
  bool is_handing_over_ = false;  // states: no sample begins
  bool cancelled_ = false;
  bool stopping_ = false;
  EnsembleReport report_;  // without what is the running line's
  std::optional<ClockThread> thread_;
};

}  // namespace consort

#endif  // CONSORT_RUN_ENSEMBLE_H_
