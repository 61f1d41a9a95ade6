#include "run/trace.h"

#include <array>
#include <bit>
#include <nlohmann/json.hpp>

namespace consort {
namespace {

constexpr std::array<std::string_view, 9> kKinds = {"run",   "wait", "transfer",   "conversion", "check",
                                                    "retry", "loss", "quarantine", "return"};

uint64_t Pack(const TraceEvent& event) {
  return static_cast<uint64_t>(event.kind) << 32 | static_cast<uint64_t>(static_cast<uint16_t>(event.stage)) << 16 |
         static_cast<uint16_t>(event.replica);
}

void Unpack(uint64_t what, TraceEvent& event) {
  event.kind = static_cast<TraceKind>(what >> 32);
  event.stage = static_cast<int16_t>(static_cast<uint16_t>(what >> 16));
  event.replica = static_cast<int16_t>(static_cast<uint16_t>(what));
}

// Tracks are numbered from 1; the first is the callers'.
int TrackOf(const TraceEvent& event, const std::vector<int>& first_track) {
  if (event.stage < 0 || event.replica < 0) return 1;
  return first_track.at(static_cast<size_t>(event.stage)) + event.replica;
}

nlohmann::json TrackName(int track, const std::string& name) {
  return {{"ph", "M"}, {"pid", 1}, {"tid", track}, {"name", "thread_name"}, {"args", {{"name", name}}}};
}

double Microseconds(TimeNs time_ns) { return static_cast<double>(time_ns) / 1e3; }

void AddEvent(const TraceEvent& event, int track, nlohmann::json& out) {
  nlohmann::json entry = {{"name", ToString(event.kind)},
                          {"pid", 1},
                          {"tid", track},
                          {"ts", Microseconds(event.start_ns)},
                          {"args", {{"sample", event.sample}, {"stage", event.stage}}}};
  if (event.kind == TraceKind::kWait) {
    entry["cat"] = "wait";
    entry["id"] = event.sample;
    entry["ph"] = "b";
    out.push_back(entry);
    entry["ph"] = "e";
    entry["ts"] = Microseconds(event.end_ns);
  } else if (event.end_ns == event.start_ns) {
    entry["ph"] = "i";
    entry["s"] = "t";
  } else {
    entry["ph"] = "X";
    entry["dur"] = Microseconds(event.end_ns - event.start_ns);
  }
  out.push_back(std::move(entry));
}

}  // namespace

std::string_view ToString(TraceKind kind) { return kKinds.at(static_cast<size_t>(kind)); }

Trace::Trace(size_t capacity) : capacity_(capacity == 0 ? 0 : std::bit_ceil(capacity)) {
  if (enabled()) entries_ = std::make_unique<Entry[]>(capacity_);
}

void Trace::Record(const TraceEvent& event) noexcept {
  if (!enabled()) return;
  const uint64_t number = next_.fetch_add(1, std::memory_order_acq_rel);
  Entry& entry = entries_[number & (capacity_ - 1)];
  // A writer that the others have lapped, or that meets one which is still at it, gives its event up.
  uint64_t state = entry.state.load(std::memory_order_relaxed);
  if (state % 2 == 1 || state > 2 * number) return;
  if (!entry.state.compare_exchange_strong(state, 2 * number + 1, std::memory_order_acquire)) return;
  // Each of these is ordered behind the odd state, and the even state behind all of them.
  entry.what.store(Pack(event), std::memory_order_release);
  entry.sample.store(event.sample, std::memory_order_release);
  entry.start_ns.store(event.start_ns, std::memory_order_release);
  entry.end_ns.store(event.end_ns, std::memory_order_release);
  entry.state.store(2 * number + 2, std::memory_order_release);
}

std::vector<TraceEvent> Trace::Read() const {
  std::vector<TraceEvent> events;
  const uint64_t end = recorded();
  for (uint64_t number = end > capacity_ ? end - capacity_ : 0; number < end; ++number) {
    const Entry& entry = entries_[number & (capacity_ - 1)];
    const uint64_t written = 2 * number + 2;
    if (entry.state.load(std::memory_order_acquire) != written) continue;
    TraceEvent event;
    Unpack(entry.what.load(std::memory_order_acquire), event);
    event.sample = entry.sample.load(std::memory_order_acquire);
    event.start_ns = entry.start_ns.load(std::memory_order_acquire);
    event.end_ns = entry.end_ns.load(std::memory_order_acquire);
    if (entry.state.load(std::memory_order_relaxed) == written) events.push_back(event);
  }
  return events;
}

std::string TraceJson(const std::vector<TraceEvent>& events, const std::vector<std::vector<std::string>>& replicas) {
  nlohmann::json out = nlohmann::json::array();
  out.push_back(TrackName(1, "callers"));
  std::vector<int> first_track;
  int track = 2;
  for (size_t stage = 0; stage < replicas.size(); ++stage) {
    first_track.push_back(track);
    for (const std::string& name : replicas[stage]) {
      out.push_back(TrackName(track++, "stage " + std::to_string(stage) + ": " + name));
    }
  }
  for (const TraceEvent& event : events) AddEvent(event, TrackOf(event, first_track), out);
  return nlohmann::json{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(out)}}.dump(1);
}

}  // namespace consort
