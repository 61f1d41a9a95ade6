// Pipeline's part for what it tells.
#include <algorithm>

#include "run/pipeline.h"

namespace consort {

std::string_view ToString(ReplicaState state) {
  switch (state) {
    case ReplicaState::kActive:
      return "active";
    case ReplicaState::kSpare:
      return "spare";
    case ReplicaState::kReopening:
      return "reopening";
    case ReplicaState::kLost:
      return "lost";
    case ReplicaState::kDistrusted:
      return "distrusted";
  }
  return "active";
}

void Pipeline::Note(const ReplicaWorker& worker, TraceKind kind, uint64_t sample, TimeNs start_ns, TimeNs end_ns) {
  trace_.Record(
      {kind, static_cast<int16_t>(worker.stage()), static_cast<int16_t>(worker.index()), sample, start_ns, end_ns});
}

SessionReport Pipeline::Report() const {
  SessionReport report{.started = slots_.started(),
                       .delivered = slots_.delivered(),
                       .failed = slots_.failed(),
                       .retries = retries_.load(),
                       .longest_recovery_ns = longest_recovery_ns_.load()};
  report.stages.resize(stations_.size());
  for (const auto& station : stations_) report.waiting.push_back(station->waiting());
  for (const WorkerPtr& worker : AllWorkers()) {
    const Station& station = *stations_[worker->stage()];
    report.stages[worker->stage()].push_back({.name = worker->name(),
                                              .state = station.state(worker->index()),
                                              .why = station.why(worker->index()),
                                              .calls = worker->calls(),
                                              .busy_ns = worker->busy_ns()});
  }
  std::lock_guard lock(report_mutex_);
  report.losses = losses_;
  report.verified = verified_;
  report.unverified = unverified_;
  report.suspects = suspects_;
  std::sort(report.suspects.begin(), report.suspects.end());
  return report;
}

int64_t Pipeline::losses() const {
  std::lock_guard lock(report_mutex_);
  return static_cast<int64_t>(losses_.size());
}

std::optional<Plan> Pipeline::replacement() const {
  std::lock_guard lock(report_mutex_);
  return replacement_;
}

std::vector<std::vector<std::string>> Pipeline::ReplicaNames() const {
  std::vector<std::vector<std::string>> names(stations_.size());
  for (const WorkerPtr& worker : AllWorkers()) names[worker->stage()].push_back(worker->name());
  return names;
}

}  // namespace consort
