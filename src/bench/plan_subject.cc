#include "bench/plan_subject.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "measure/statistics.h"

namespace consort {
namespace {

constexpr double kMostInFlight = 64;
constexpr int64_t kRounds = 3;     // calls of the slowest replica in a block
constexpr int64_t kMostGrowth = 4;  // of a block over the one before: paces are learned
constexpr size_t kTraceCapacity = size_t{1} << 16;
constexpr int64_t kEventsPerCall = 4;  // of each part of each stage, and of the whole

int64_t ReplicasOf(const Plan& plan) {
  int64_t replicas = 0;
  for (const Stage& stage : plan.stages) replicas += static_cast<int64_t>(stage.replicas.size());
  return replicas;
}

// Calls that the stage makes for one of its slowest replica's.
double RoundsOf(const Plan& plan) {
  double rounds = 1;
  for (const Stage& stage : plan.stages) {
    for (const Replica& replica : stage.replicas) rounds = std::max(rounds, 1 / std::max(replica.share, 1e-3));
  }
  return rounds;
}

Placement PlacementOf(const PreparedPlan& plan) {
  Placement all;
  for (const PreparedStage& stage : plan.stages) {
    for (const PreparedReplica& replica : stage.replicas) {
      const Placement& placement = replica.executable->placement();
      all.evidence = placement.evidence;
      all.ops.insert(all.ops.end(), placement.ops.begin(), placement.ops.end());
    }
  }
  return all;
}

}  // namespace

PlanSubject::PlanSubject(const Registry& registry, const Plan& plan, const Graph& graph,
                         ModelAtBatch model_at, const PrepareOptions& options, const InputSource& inputs)
    : plan_(plan) {
  PreparedPlan prepared = Prepare(plan, graph, ShardsOf(std::move(model_at), plan), registry, options);
  placement_ = PlacementOf(prepared);
  for (const PreparedStage& stage : prepared.stages) {
    for (const PreparedReplica& replica : stage.replicas) executables_.push_back(replica.executable);
  }
  // The trace tells when calls ended, where several are under way.
  const SessionOptions session{.max_in_flight = InFlightOf(plan),
                               .trace_capacity = ReplicasOf(plan) > 1 ? kTraceCapacity : 0};
  session_ = std::make_unique<Session>(std::move(prepared), session);
  FillInputs(inputs);
  Query();
  BeginCounting();
}

// Every slot of the session keeps its tensors from sample to sample.
void PlanSubject::FillInputs(const InputSource& inputs) {
  const Signature signature{.inputs = session_->inputs(), .outputs = session_->outputs()};
  const std::vector<Buffer> given = inputs(signature);
  std::vector<Ticket> tickets;
  while (const std::optional<Ticket> ticket = session_->TryReserve()) tickets.push_back(*ticket);
  for (const Ticket& ticket : tickets) {
    for (size_t port = 0; port < given.size(); ++port) {
      Buffer& place = session_->input(ticket, static_cast<int>(port));
      if (place.empty() || place.spec().shape != given[port].spec().shape) {
        place = given[port].Clone();
      } else if (given[port].size_bytes() > 0) {
        std::memcpy(place.data(), given[port].data(), given[port].size_bytes());
      }
    }
    session_->Release(ticket);
  }
  under_way_.resize(tickets.size());
}

void PlanSubject::Query() {
  const Ticket ticket = session_->Reserve();
  session_->Start(ticket);
  struct Releaser {
    Session& session;
    const Ticket& ticket;
    ~Releaser() { session.Release(ticket); }
  } releaser{*session_, ticket};
  session_->Await(ticket);
}

std::vector<Buffer> PlanSubject::Outputs() {
  const Ticket ticket = session_->Reserve();
  session_->Start(ticket);
  session_->Await(ticket);
  std::vector<Buffer> outputs;
  for (size_t port = 0; port < session_->outputs().size(); ++port)
    outputs.push_back(session_->output(ticket, static_cast<int>(port)).Clone());
  session_->Release(ticket);
  return outputs;
}

BlockRunner PlanSubject::Latency() {
  return OneAtATime([this] { Query(); }, plan_.batch);
}

BlockRunner PlanSubject::Throughput() {
  if (ReplicasOf(plan_) == 1) return Latency();
  return [this](TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) {
    Stream(budget_ns, max_queries, samples);
  };
}

BlockRunner PlanSubject::Runner() { return plan_.objective == Objective::kLatency ? Latency() : Throughput(); }

int64_t PlanSubject::FewestCalls() const {
  const auto rounds = static_cast<int64_t>(std::ceil(RoundsOf(plan_)));
  return std::max(3 * ReplicasOf(plan_), kRounds * rounds) + 2 * ReplicasOf(plan_);
}

// Results are awaited in order, which keeps the session full; when they ended the trace tells.
void PlanSubject::Stream(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) {
  const auto in_flight = static_cast<int64_t>(under_way_.size());
  const int64_t fewest = FewestCalls();
  const int64_t traced = static_cast<int64_t>(kTraceCapacity) / (kEventsPerCall * (ReplicasOf(plan_) + 1));
  const auto fitting = call_ns_ > 0 ? static_cast<int64_t>(static_cast<double>(budget_ns) / call_ns_) : 0;
  const int64_t most = std::max(fewest, std::min({max_queries, traced, kMostGrowth * std::max(fewest, last_calls_)}));
  const int64_t calls = std::clamp<int64_t>(fitting, fewest, most);
  const auto start = [this] {
    const Ticket ticket = session_->Reserve();
    session_->Start(ticket);
    return ticket;
  };
  uint64_t first_sample = 0;
  int64_t started = 0;
  for (; started < std::min(in_flight, calls); ++started) {
    under_way_[static_cast<size_t>(started)] = start();
    if (started == 0) first_sample = under_way_.front().sample;
  }
  for (int64_t ended = 0; ended < started; ++ended) {
    Ticket& ticket = under_way_[static_cast<size_t>(ended % in_flight)];
    session_->Await(ticket);
    session_->Release(ticket);
    if (started == calls) continue;
    ticket = start();
    ++started;
  }
  call_ns_ = NsBetweenEnds(first_sample, calls);
  last_calls_ = calls;
  samples.latencies_ns.assign(1, static_cast<TimeNs>(call_ns_));
  samples.inferences = calls * plan_.batch;
  samples.wall_ns = static_cast<TimeNs>(call_ns_ * static_cast<double>(calls));
}

// Of the calls numbered from `first_sample` on. Those in which the session fills and drains are left out.
double PlanSubject::NsBetweenEnds(uint64_t first_sample, int64_t calls) const {
  const auto last_stage = static_cast<int16_t>(plan_.stages.size() - 1);
  std::vector<TimeNs> ends_ns(static_cast<size_t>(calls), 0);
  for (const TraceEvent& event : session_->trace().Read()) {
    if (event.kind != TraceKind::kRun || event.stage != last_stage || event.sample < first_sample) continue;
    const uint64_t call = event.sample - first_sample;
    if (call < ends_ns.size()) ends_ns[call] = std::max(ends_ns[call], event.end_ns);
  }
  std::sort(ends_ns.begin(), ends_ns.end());
  const auto edge = static_cast<std::ptrdiff_t>(ReplicasOf(plan_));
  return MeanStep({ends_ns.begin() + edge, ends_ns.end() - edge});
}

void PlanSubject::BeginCounting() {
  counted_from_ = session_->report();
  emulated_from_.clear();
  for (const auto& executable : executables_) {
    if (const Emulated* emulated = AsEmulated(*executable)) emulated_from_.push_back(emulated->emulation());
  }
}

SessionReport PlanSubject::Counted() const {
  SessionReport report = session_->report();
  for (size_t stage = 0; stage < report.stages.size(); ++stage) {
    for (size_t i = 0; i < report.stages[stage].size(); ++i) {
      report.stages[stage][i].calls -= counted_from_.stages.at(stage).at(i).calls;
      report.stages[stage][i].busy_ns -= counted_from_.stages[stage][i].busy_ns;
    }
  }
  return report;
}

std::vector<EmulationReport> PlanSubject::Emulation() const {
  std::vector<EmulationReport> reports;
  for (const auto& executable : executables_) {
    const Emulated* emulated = AsEmulated(*executable);
    if (emulated == nullptr) continue;
    EmulationReport& report = reports.emplace_back(emulated->emulation());
    report.calls -= emulated_from_.at(reports.size() - 1).calls;
    report.overruns -= emulated_from_[reports.size() - 1].overruns;
  }
  return reports;
}

std::string PlanSubject::Overrun() const {
  for (const EmulationReport& report : Emulation()) {
    const std::string why = DescribeOverruns(report);
    if (!why.empty()) return why;
  }
  return "";
}

int InFlightOf(const Plan& plan) {
  const auto replicas = static_cast<double>(ReplicasOf(plan));
  const double wanted = std::max(2 * replicas, std::ceil(RoundsOf(plan)) + replicas);
  return static_cast<int>(std::min(wanted, std::max(2 * replicas, kMostInFlight)));
}

}  // namespace consort
