#include "run/station.h"

#include <utility>

namespace consort {

Station::Station(std::vector<Member> members, int capacity, int depth, int streams, Clock& clock)
    : clock_(clock), ring_(capacity), depth_(depth), owner_(streams, -1), occupant_(streams, kEmpty) {
  for (Member& member : members) {
    auto seat = std::make_unique<Seat>();
    seat->member = std::move(member);
    seats_.push_back(std::move(seat));
  }
}

// Whether the replica is one that could take the job, now or when it returns.
bool Station::MayEver(int replica, const Job& job) const {
  const Member& member = seats_[replica]->member;
  if ((job.exclude >> replica & 1) != 0 || !member.takes[job.part]) return false;
  const bool checks = job.kind != Job::Kind::kRun;
  return member.state == ReplicaState::kActive || (member.state == ReplicaState::kReopening && !stranded_) ||
         (checks && member.state == ReplicaState::kSpare && member.compiled);
}

bool Station::MayTake(int replica, const Job& job) const {
  if (seats_[replica]->member.state == ReplicaState::kReopening || !MayEver(replica, job)) return false;
  if (job.stream < 0 || job.kind != Job::Kind::kRun) return true;
  if (occupant_[job.stream] != kEmpty && occupant_[job.stream] != job.sample) return false;
  return owner_[job.stream] < 0 || owner_[job.stream] == replica;
}

bool Station::AnyEver(const Job& job) const {
  for (size_t replica = 0; replica < seats_.size(); ++replica) {
    if (MayEver(static_cast<int>(replica), job)) return true;
  }
  return false;
}

// Smooth weighted round robin (as nginx has it since 1.3.1): all candidates gain their share, the first of the largest
// is chosen and loses the sum. -1 when nobody is idle.
int Station::ChooseIdle(const Job& job) {
  int best = -1;
  double sum = 0;
  for (size_t i = 0; i < seats_.size(); ++i) {
    Seat& seat = *seats_[i];
    if (!seat.idle || !MayTake(static_cast<int>(i), job)) continue;
    seat.weight += seat.member.share;
    sum += seat.member.share;
    if (best < 0 || seat.weight > seats_[best]->weight) best = static_cast<int>(i);
  }
  if (best >= 0) seats_[best]->weight -= sum;
  return best;
}

void Station::Give(int replica, const Job& job) {
  Seat& seat = *seats_[replica];
  if (job.stream >= 0 && job.kind == Job::Kind::kRun) {
    // The parts of a divided stage have a replica each.
    if (seat.member.takes.size() == 1) owner_[job.stream] = replica;
    occupant_[job.stream] = job.sample;
  }
  seat.job = job;
  seat.has_job = true;
  seat.idle = false;
}

void Station::Enqueue(const Job& job, bool first) {
  if (first) head_ = (head_ + ring_.size() - 1) % ring_.size();
  ++count_;
  Waiting(first ? 0 : count_ - 1) = job;
}

Job Station::Remove(int position) {
  const Job job = Waiting(position);
  for (int i = position; i + 1 < count_; ++i) Waiting(i) = Waiting(i + 1);
  --count_;
  clock_.NotifyOne(room_);
  return job;
}

// An earlier sample of the stream waits, although somebody may be idle: it was woken for it and has not come yet.
bool Station::IsBehindItsStream(const Job& job) {
  if (job.stream < 0 || job.kind != Job::Kind::kRun) return false;
  for (int position = 0; position < count_; ++position) {
    const Job& waiting = Waiting(position);
    if (waiting.stream == job.stream && waiting.sample != job.sample && waiting.kind == Job::Kind::kRun) return true;
  }
  return false;
}

Station::Put Station::Place(const Job& job, Entry entry) {
  std::unique_lock lock(mutex_);
  bool waited = false;
  while (true) {
    if (stopped_) return Put::kStopped;
    if (!AnyEver(job)) return Put::kNobody;
    const int idle = IsBehindItsStream(job) ? -1 : ChooseIdle(job);
    if (idle >= 0) {
      Give(idle, job);
      clock_.NotifyOne(seats_[idle]->wake);
      // The room that it was woken for is another's.
      if (waited) clock_.NotifyOne(room_);
      return Put::kPlaced;
    }
    if (entry != Entry::kWhenThereIsRoom || count_ < depth_) break;
    clock_.Wait(lock, room_, kNever);
    waited = true;
  }
  Enqueue(job, /*first=*/entry == Entry::kFirst);
  return Put::kPlaced;
}

std::optional<Job> Station::Take(int replica) {
  std::unique_lock lock(mutex_);
  Seat& seat = *seats_[replica];
  while (!stopped_) {
    if (seat.has_job) {
      seat.has_job = false;
      return seat.job;
    }
    if (seat.member.state != ReplicaState::kActive && seat.member.state != ReplicaState::kSpare) return std::nullopt;
    for (int position = 0; position < count_; ++position) {
      if (!MayTake(replica, Waiting(position))) continue;
      Give(replica, Remove(position));
      break;
    }
    if (seat.has_job) continue;
    seat.idle = true;
    clock_.NotifyAll(idle_);
    clock_.Wait(lock, seat.wake, kNever);
    seat.idle = false;
  }
  return std::nullopt;
}

void Station::EndStreamJob(int stream, uint64_t sample) {
  std::lock_guard lock(mutex_);
  if (occupant_[stream] == sample) occupant_[stream] = kEmpty;
  if (count_ == 0) return;
  if (owner_[stream] < 0) {
    WakeAll();
  } else {
    clock_.NotifyOne(seats_[owner_[stream]]->wake);
  }
}

void Station::WakeAll() {
  for (const auto& seat : seats_) clock_.NotifyAll(seat->wake);
  clock_.NotifyAll(room_);
  clock_.NotifyAll(idle_);
}

// One that is compiled, if there is; the index of one that has to be, else -1.
int Station::ActivateSpare(int instead_of) {
  // For a divided stage, one that takes the same parts.
  const std::vector<bool>& lost = seats_[instead_of]->member.takes;
  for (const bool compiled : {true, false}) {
    for (size_t i = 0; i < seats_.size(); ++i) {
      Member& member = seats_[i]->member;
      if (member.state != ReplicaState::kSpare || member.compiled != compiled) continue;
      bool replaces = true;
      for (size_t part = 0; part < lost.size(); ++part) replaces = replaces && (!lost[part] || member.takes[part]);
      if (!replaces) continue;
      member.state = compiled ? ReplicaState::kActive : ReplicaState::kReopening;
      return compiled ? -1 : static_cast<int>(i);
    }
  }
  return -1;
}

int Station::Lose(int replica, ReplicaState as, const std::string& why, const Job* retry) {
  std::lock_guard lock(mutex_);
  Seat& seat = *seats_[replica];
  const bool was_active = seat.member.state == ReplicaState::kActive;
  seat.member.state = as;
  seat.why = why;
  for (size_t stream = 0; stream < owner_.size(); ++stream) {
    if (owner_[stream] == replica) owner_[stream] = -1;
  }
  const int to_compile = was_active ? ActivateSpare(replica) : -1;
  // A job that was handed over but not begun.
  if (std::exchange(seat.has_job, false)) Enqueue(seat.job, /*first=*/true);
  if (retry != nullptr) Enqueue(*retry, /*first=*/true);
  WakeAll();
  return to_compile;
}

int Station::Return(int replica, ReplicaState as, const std::string& why) {
  std::lock_guard lock(mutex_);
  Seat& seat = *seats_[replica];
  const bool was_compiled = std::exchange(seat.member.compiled, true);
  seat.member.state = as;
  seat.why = why;
  seat.weight = 0;
  const int to_compile = as == ReplicaState::kActive || was_compiled ? -1 : ActivateSpare(replica);
  WakeAll();
  return to_compile;
}

void Station::Strand() {
  std::lock_guard lock(mutex_);
  stranded_ = true;
  WakeAll();
}

void Station::Unstrand() {
  std::lock_guard lock(mutex_);
  stranded_ = false;
}

std::optional<Job> Station::TakeOrphan() {
  std::lock_guard lock(mutex_);
  for (int position = 0; position < count_; ++position) {
    if (stopped_ || !AnyEver(Waiting(position))) return Remove(position);
  }
  if (stopped_) {
    for (const auto& seat : seats_) {
      if (std::exchange(seat->has_job, false)) return seat->job;
    }
  }
  return std::nullopt;
}

void Station::AwaitIdle() {
  std::unique_lock lock(mutex_);
  const auto all_idle = [this] {
    for (const auto& seat : seats_) {
      if (seat->member.state == ReplicaState::kActive && !seat->idle) return false;
    }
    return true;
  };
  while (!stopped_ && !all_idle()) clock_.Wait(lock, idle_, kNever);
}

void Station::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  WakeAll();
}

int Station::waiting() const {
  std::lock_guard lock(mutex_);
  return count_;
}

ReplicaState Station::state(int replica) const {
  std::lock_guard lock(mutex_);
  return seats_[replica]->member.state;
}

std::string Station::why(int replica) const {
  std::lock_guard lock(mutex_);
  return seats_[replica]->why;
}

}  // namespace consort
