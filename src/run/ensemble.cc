// Ensemble's part for samples: each is in one line at a time, and goes to the next when that cannot run it.
#include "run/ensemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "consort/error.h"
#include "run/ensemble_line.h"

namespace consort {

int Ensemble::TakePlace(const SubmitOptions& options) {
  const int index = free_.back();
  free_.pop_back();
  Place& place = places_[index];
  place.sample = samples_++;
  place.taken = true;
  place.is_final = false;
  place.error = nullptr;
  place.options = options;
  if (options.deadline_ns == kNever && options_.session.sample_deadline_ns != kNever) {
    place.options.deadline_ns = clock_.NowNs() + options_.session.sample_deadline_ns;
  }
  return index;
}

Ticket Ensemble::Submit(std::span<const Buffer> inputs, const SubmitOptions& options) {
  int index = 0;
  {
    Lock lock(mutex_);
    while (!cancelled_ && free_.empty()) clock_.Wait(lock, freed_, kNever);
    if (cancelled_) throw Error(ErrorCode::kCancelled, "the ensemble takes no more samples: it was cancelled");
    index = TakePlace(options);
  }
  return SubmitAt(index, inputs);
}

std::optional<Ticket> Ensemble::TrySubmit(std::span<const Buffer> inputs, const SubmitOptions& options) {
  int index = 0;
  {
    Lock lock(mutex_);
    if (cancelled_) throw Error(ErrorCode::kCancelled, "the ensemble takes no more samples: it was cancelled");
    if (free_.empty()) return std::nullopt;
    index = TakePlace(options);
  }
  return SubmitAt(index, inputs);
}

Ticket Ensemble::SubmitAt(int index, std::span<const Buffer> inputs) {
  Place& place = places_[index];
  const Ticket ticket{.sample = place.sample, .slot = index};
  try {
    Launch(place, inputs);
  } catch (...) {
    Lock lock(mutex_);
    Free(place);
    throw;
  }
  return ticket;
}

// Begins the sample in the line that runs, which may change until it does. A sample that had begun before leaves its
// seat.
void Ensemble::Launch(Place& place, std::span<const Buffer> inputs) {
  const bool is_moved = place.seat.line != nullptr;
  bool started = false;
  while (!started) {
    Seat seat;
    {
      Lock lock(mutex_);
      while (is_handing_over_ && !is_moved) clock_.Wait(lock, changed_, kNever);
      seat.line = running_;
      ++seat.line->users;
    }
    bool has_ticket = false;
    try {
      seat.ticket = seat.line->session->Reserve();
      has_ticket = true;
      seat.line->session->Fill(seat.ticket, inputs);
      Lock lock(mutex_);
      started = StartIn(lock, seat, place, is_moved);
    } catch (...) {
      has_ticket ? Leave(seat) : Unuse(seat.line);
      throw;
    }
    if (!started) Leave(seat);
  }
}

// False when another line runs now. Throws before anything is changed.
bool Ensemble::StartIn(Lock& lock, const Seat& seat, Place& place, bool is_moved) {
  if (seat.line != running_ || (is_handing_over_ && !is_moved)) return false;
  seat.line->session->Start(seat.ticket, place.options);
  ++(is_moved ? report_.moved : report_.started);
  place.epoch = epoch_;
  const Seat left = std::exchange(place.seat, seat);
  const bool leaves = is_moved && place.waited != left;
  lock.unlock();
  if (leaves) Leave(left);
  return true;
}

void Ensemble::Leave(const Seat& seat) {
  seat.line->session->Release(seat.ticket);
  Unuse(seat.line);
}

void Ensemble::Unuse(Line* line) {
  Lock lock(mutex_);
  --line->users;
  if (line != running_) clock_.NotifyAll(told_);
}

// Under mutex_. The ticket of its seat, if it has one, is released.
void Ensemble::Free(Place& place) {
  Line* line = std::exchange(place.seat, Seat{}).line;
  if (line != nullptr) --line->users;
  if (line != running_) clock_.NotifyAll(told_);
  place.taken = false;
  free_.push_back(static_cast<int>(&place - places_.data()));
  clock_.NotifyOne(freed_);
}

Ensemble::Place& Ensemble::PlaceOf(Ticket ticket) {
  Lock lock(mutex_);
  if (ticket.slot >= 0 && ticket.slot < max_in_flight()) {
    Place& place = places_[ticket.slot];
    if (place.taken && place.sample == ticket.sample) return place;
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("the ticket of sample {} was released already", ticket.sample));
}

void Ensemble::Wait(Ticket ticket, std::span<Buffer> outputs) { Finish(PlaceOf(ticket), outputs, /*may_wait=*/true); }

bool Ensemble::TryWait(Ticket ticket, std::span<Buffer> outputs) {
  return Finish(PlaceOf(ticket), outputs, /*may_wait=*/false);
}

void Ensemble::Run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const SubmitOptions& options) {
  Wait(Submit(inputs, options), outputs);
}

// Follows the sample from line to line to its end.
bool Ensemble::Finish(Place& place, std::span<Buffer> outputs, bool may_wait) {
  Lock lock(mutex_);
  while (true) {
    const Seat seat = place.seat;
    bool is_stranded = false;
    const bool has_ended = AwaitIn(lock, place, seat, may_wait, is_stranded);
    if (place.seat != seat) continue;
    if (!has_ended) return false;
    const Fate fate = is_stranded ? AwaitFate(lock, place, seat, may_wait) : Fate::kFinal;
    if (fate == Fate::kOpen) return false;
    if (fate == Fate::kFinal) break;
  }
  place.is_final = true;
  lock.unlock();
  Deliver(place, outputs);
  return true;
}

// Waits for the sample's end in its seat, and leaves that when the sample was moved meanwhile.
bool Ensemble::AwaitIn(Lock& lock, Place& place, const Seat& seat, bool may_wait, bool& is_stranded) {
  Session& session = *seat.line->session;
  const TimeNs deadline_ns = place.options.deadline_ns;
  place.waited = seat;
  lock.unlock();
  const bool is_late = deadline_ns != kNever && clock_.NowNs() >= deadline_ns;
  const bool has_ended = may_wait || is_late || session.has_ended(seat.ticket);
  if (has_ended) session.AwaitEnd(seat.ticket);
  is_stranded = has_ended && session.is_stranded(seat.ticket);
  lock.lock();
  place.waited.reset();
  if (place.seat == seat) return has_ended;
  lock.unlock();
  Leave(seat);
  lock.lock();
  return has_ended;
}

Ensemble::Fate Ensemble::AwaitFate(Lock& lock, Place& place, const Seat& seat, bool may_wait) {
  while (true) {
    const Fate fate = DecideFate(lock, place, seat);
    if (fate != Fate::kOpen || !may_wait) return fate;
    const TimeNs deadline_ns = place.is_moving ? kNever : place.options.deadline_ns;
    if (clock_.Wait(lock, changed_, deadline_ns) || clock_.NowNs() < deadline_ns) continue;
    if (place.is_moving || place.seat != seat) continue;
    place.error = std::make_exception_ptr(
        Error(ErrorCode::kTimeout,
              fmt::format("sample {}: its deadline passed while another plan was made", place.sample)));
    return Fate::kFinal;
  }
}

Ensemble::Fate Ensemble::DecideFate(Lock& lock, Place& place, const Seat& seat) {
  if (place.seat != seat) return Fate::kMoved;
  if (place.error != nullptr) return Fate::kFinal;
  if (is_handing_over_) return Fate::kOpen;
  // Its line may have given way to another, and run again since.
  if (place.epoch != epoch_) {
    Move(lock, place);
    return place.error == nullptr ? Fate::kMoved : Fate::kFinal;
  }
  const bool is_answered = seat.line->answered >= seat.line->session->losses();
  return cancelled_ || stopping_ || is_answered ? Fate::kFinal : Fate::kOpen;
}

// Begins a stranded sample anew in the line that runs.
void Ensemble::Move(Lock& lock, Place& place) {
  Session& from = *place.seat.line->session;
  const Ticket ticket = place.seat.ticket;
  place.options.lost_devices = from.lost_devices(ticket);
  place.is_moving = true;
  lock.unlock();
  std::exception_ptr error;
  try {
    std::vector<Buffer> inputs;
    for (size_t port = 0; port < inputs_.size(); ++port) {
      inputs.push_back(from.input(ticket, static_cast<int>(port)).Share());
    }
    Launch(place, inputs);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  place.is_moving = false;
  if (error != nullptr) place.error = error;
  clock_.NotifyAll(changed_);
}

void Ensemble::Deliver(Place& place, std::span<Buffer> outputs) {
  Session& session = *place.seat.line->session;
  const std::exception_ptr error = place.error;
  try {
    if (error != nullptr) {
      session.Release(place.seat.ticket);
      std::rethrow_exception(error);
    }
    session.Wait(place.seat.ticket, outputs);
  } catch (...) {
    Lock lock(mutex_);
    ++report_.failed;
    Free(place);
    throw;
  }
  Lock lock(mutex_);
  ++report_.delivered;
  if (place.seat.line->takeover >= 0) {
    Takeover& takeover = report_.takeovers[place.seat.line->takeover];
    if (takeover.first_result_ns < 0) takeover.first_result_ns = clock_.NowNs() - takeover.at_ns;
  }
  Free(place);
}

}  // namespace consort
