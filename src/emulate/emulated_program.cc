#include "emulate/emulated_program.h"

#include <algorithm>
#include <cmath>

#include "consort/error.h"

namespace consort {
namespace {

// The end of a wait is left to Clock::SleepUntil, which is precise and cannot be interrupted.
constexpr TimeNs kUninterruptedNs = 1'000'000;

}  // namespace

// The host's binding, on the buffers of the caller's. Kept in the slot of the caller's binding.
struct EmulatedProgram::HostCall {
  explicit HostCall(std::shared_ptr<Executable> executable)
      : host(std::move(executable)), binding(std::make_shared<Binding>(host->signature())) {}

  void Share(Binding& callers) {
    if (version == callers.version()) return;
    for (int port = 0; port < callers.input_count(); ++port) {
      if (!callers.input(port).empty()) binding->SetInput(port, callers.input(port).Share());
    }
    for (int port = 0; port < callers.output_count(); ++port) {
      if (callers.output_is_callers(port)) binding->SetOutput(port, callers.output(port).Share());
    }
    version = callers.version();
  }

  // Outputs that the host allocated become the caller's.
  void GiveBack(Binding& callers) {
    for (int port = 0; port < callers.output_count(); ++port) {
      const Buffer& made = binding->output(port);
      const Buffer& given = callers.output(port);
      const bool has_it = !given.empty() && given.data() == made.data() && given.spec() == made.spec();
      if (!callers.output_is_callers(port) && !has_it) callers.ProvideOutput(port, made.Share());
    }
  }

  std::shared_ptr<Executable> host;  // also keeps its address, the slot's owner, from being another's
  std::shared_ptr<Binding> binding;
  uint64_t version = 0;
};

// A new one where the caller took an output away: the host would write into it again.
EmulatedProgram::HostCall& EmulatedProgram::HostCallFor(Binding& binding) const {
  auto* call = static_cast<HostCall*>(binding.slot(options_.host.get()));
  bool taken = false;
  for (int port = 0; port < binding.output_count(); ++port) taken = taken || binding.output(port).empty();
  if (call == nullptr || taken) {
    auto made = std::make_shared<HostCall>(options_.host);
    call = made.get();
    binding.SetSlot(options_.host.get(), std::move(made));
  }
  call->Share(binding);
  return *call;
}

void EmulatedProgram::Invoke(Binding& binding) {
  HostCall& call = HostCallFor(binding);
  const CallTime& time = options_.time.Of(binding);
  const TimeNs start_ns = options_.clock.NowNs();
  const TimeNs end_ns = EndOf(time, start_ns);
  Run(*options_.host, call.binding);
  call.GiveBack(binding);
  const TimeNs now_ns = options_.clock.NowNs();
  Count(time, now_ns - start_ns, now_ns > end_ns);
  AwaitEnd(end_ns, binding);
}

// With everything to itself a call takes what the cost model says. What others do there meanwhile is waited for.
TimeNs EmulatedProgram::EndOf(const CallTime& time, TimeNs start_ns) {
  const double factor = options_.jitter.Next() * 1e9;
  const auto nanoseconds = [factor](double seconds) { return static_cast<TimeNs>(std::llround(seconds * factor)); };
  const TimeNs duration_ns = nanoseconds(time.seconds);
  const TimeNs alone_ns = options_.resource->Reserve(start_ns, duration_ns);
  TimeNs end_ns = alone_ns;
  for (size_t i = 0; i < options_.shared.size(); ++i) {
    const TimeNs part_ns = nanoseconds(time.shared_seconds[i]);
    if (part_ns == 0) continue;
    const TimeNs free_ns = options_.shared[i].time->Reserve(alone_ns - duration_ns, part_ns);
    end_ns = std::max(end_ns, free_ns + duration_ns - part_ns);
  }
  return end_ns;
}

void EmulatedProgram::Count(const CallTime& time, TimeNs host_ns, bool overrun) {
  std::lock_guard lock(mutex_);
  EmulationReport& report = options_.report;
  if (counted_ != &time) {
    counted_ = &time;
    report.modelled_s = time.seconds;
    report.modelled_joules = time.joules;
    report.low = time.low;
    report.high = time.high;
    report.notes = time.notes;
  }
  ++report.calls;
  if (!overrun) return;
  ++report.overruns;
  report.longest_host_ns = std::max(report.longest_host_ns, host_ns);
}

void EmulatedProgram::AwaitEnd(TimeNs end_ns, const Binding& binding) {
  std::unique_lock lock(mutex_);
  waiting_ = true;
  const TimeNs most_ns = end_ns - kUninterruptedNs;
  const auto is_wanted = [&] { return !binding.cancelled() && !abandoned_; };
  while (is_wanted() && options_.clock.NowNs() < most_ns) options_.clock.Wait(lock, interruption_, most_ns);
  waiting_ = false;
  if (!is_wanted()) throw Error(ErrorCode::kCancelled, "cancelled during the emulated part of the call");
  lock.unlock();
  options_.clock.SleepUntil(end_ns);
}

void EmulatedProgram::Interrupt(Binding& /*binding*/) {
  std::lock_guard lock(mutex_);
  options_.clock.NotifyAll(interruption_);
}

bool EmulatedProgram::Abandon(Binding& /*binding*/) {
  std::lock_guard lock(mutex_);
  abandoned_ = true;
  options_.clock.NotifyAll(interruption_);
  return waiting_;
}

EmulationReport EmulatedProgram::report() const {
  std::lock_guard lock(mutex_);
  return options_.report;
}

}  // namespace consort
