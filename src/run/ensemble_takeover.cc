// Ensemble's part for changes: what takes over, and what returns.
#include <algorithm>
#include <utility>

#include "consort/error.h"
#include "run/ensemble.h"
#include "run/ensemble_line.h"

namespace consort {

void Ensemble::Loop() {
  Lock lock(mutex_);
  while (!stopping_) {
    if (!changes_.empty()) {
      const Change change = std::move(changes_.front());
      changes_.pop_front();
      Line* line = Find(change.line);
      if (line == nullptr) continue;
      lock.unlock();
      change.change.is_loss() ? HandleLoss(*line, change.change) : HandleReturn(*line, change.change);
      lock.lock();
    } else if (std::unique_ptr<Line> unused = TakeUnused()) {
      lock.unlock();
      unused.reset();
      lock.lock();
    } else if (const std::optional<std::string> target = NextToPrepare()) {
      Line& line = *running_;
      lock.unlock();
      PrepareBeforehand(line, *target);
      lock.lock();
    } else {
      clock_.Wait(lock, told_, kNever);
    }
  }
}

Ensemble::Line* Ensemble::Find(uint64_t id) const {
  for (const auto& line : lines_) {
    if (line->id == id) return line.get();
  }
  return nullptr;
}

// A line that nobody uses and whose devices need not be waited for.
std::unique_ptr<Ensemble::Line> Ensemble::TakeUnused() {
  bool is_behind = false;
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    const bool may_return = !is_behind && (*line)->away > 0 && !(*line)->is_broken;
    is_behind = is_behind || line->get() == running_;
    if (line->get() == running_ || (*line)->users > 0 || may_return) continue;
    std::unique_ptr<Line> unused = std::move(*line);
    lines_.erase(line);
    return unused;
  }
  return nullptr;
}

void Ensemble::HandleLoss(Line& line, const ReplicaChange& change) {
  bool is_running = false;
  {
    Lock lock(mutex_);
    line.lost.push_back(change.replica);
    if (change.now == ReplicaState::kReopening) {
      ++line.away;
    } else {
      line.is_broken = true;
    }
    is_running = running_ == &line;
  }
  std::string problem;
  try {
    if (is_running) Replace(line, change);
  } catch (const std::exception& error) {
    problem = error.what();
  } catch (...) {
    problem = "an exception of unknown type";
  }
  Lock lock(mutex_);
  if (is_running) report_.problem = problem;
  // They count with this device.
  if (running_ == &line) line.beforehand.clear();
  ++line.answered;
  clock_.NotifyAll(changed_);
}

void Ensemble::Replace(Line& line, const ReplicaChange& change) {
  std::optional<Prepared> next;
  std::vector<std::string> lost;
  {
    Lock lock(mutex_);
    lost = line.lost;
    if (const auto found = line.beforehand.find(change.replica); found != line.beforehand.end()) {
      next = std::move(found->second);
      line.beforehand.erase(found);
    }
  }
  const bool was_prepared = next.has_value();
  if (!was_prepared) next = PrepareWithout(line, lost);
  Line* made = MakeLine(*std::move(next), lost);
  TakeOver(*made, {.why = change.replica + " was lost", .prepared = was_prepared, .at_ns = change.at_ns});
}

void Ensemble::HandleReturn(Line& line, const ReplicaChange& change) {
  bool takes_over = false;
  {
    Lock lock(mutex_);
    --line.away;
    if (change.now == ReplicaState::kActive) {
      const auto lost = std::find(line.lost.begin(), line.lost.end(), change.replica);
      if (lost != line.lost.end()) line.lost.erase(lost);
      line.beforehand.clear();
    } else {
      line.is_broken = true;
    }
    const auto is_before_running = [&] {
      for (const auto& other : lines_) {
        if (other.get() == running_) return false;
        if (other.get() == &line) return true;
      }
      return false;
    };
    takes_over = line.away == 0 && !line.is_broken && is_before_running();
  }
  if (!takes_over) return;
  try {
    TakeOver(line, {.why = change.replica + " is back", .prepared = true, .at_ns = change.at_ns});
  } catch (const std::exception& error) {
    Lock lock(mutex_);
    report_.problem = error.what();
  }
}

// Under mutex_.
void Ensemble::SetRunning(Line& line) {
  running_ = &line;
  ++epoch_;
}

// New samples go to `next` from now on. Throws where the states cannot be handed over; nothing has changed then.
void Ensemble::TakeOver(Line& next, Takeover takeover) {
  Lock lock(mutex_);
  Session& from = *running_->session;
  next.session->Unstrand();
  if (!options_.session.states.empty()) {
    HandOver(lock, next);
  } else {
    SetRunning(next);
  }
  if (cancelled_) next.session->Cancel();
  takeover.taken_over_ns = clock_.NowNs() - takeover.at_ns;
  next.takeover = static_cast<int>(report_.takeovers.size());
  report_.takeovers.push_back(std::move(takeover));
  clock_.NotifyAll(changed_);
  lock.unlock();
  from.Strand();
}

// The earliest sample that has yet to leave the line for want of devices.
Ensemble::Place* Ensemble::FirstStrandedIn(const Line& line) {
  Place* first = nullptr;
  for (Place& place : places_) {
    const bool is_there = place.taken && place.seat.line == &line && !place.is_final && place.error == nullptr;
    if (!is_there || !line.session->is_stranded(place.seat.ticket)) continue;
    if (first == nullptr || place.sample < first->sample) first = &place;
  }
  return first;
}

// With states: when nothing is under way any more, the streams go on in `next`, first with the samples that were
// stranded.
void Ensemble::HandOver(Lock& lock, Line& next) {
  Line& from = *running_;
  is_handing_over_ = true;
  std::exception_ptr error;
  lock.unlock();
  try {
    from.session->Strand();
    from.session->AwaitIdle();
    for (int stream = 0; stream < std::max(1, options_.session.streams); ++stream) {
      next.session->RestoreStates(stream, from.session->StatesOf(stream));
    }
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (error == nullptr) {
    SetRunning(next);
    while (Place* place = FirstStrandedIn(from)) Move(lock, *place);
  }
  is_handing_over_ = false;
  clock_.NotifyAll(changed_);
  if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace consort
