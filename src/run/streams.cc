#include "run/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "consort/error.h"

namespace consort {
namespace {

void CopyBytes(const Buffer& from, Buffer& to) {
  if (from.size_bytes() > 0) std::memcpy(to.data(), from.data(), from.size_bytes());
}

}  // namespace

Streams::Streams(const Wiring& wiring, int streams) : wiring_(wiring), streams_(streams), broken_at_(streams) {
  for (auto& broken_at : broken_at_) broken_at.store(kNowhere);
  for (OfStream& of_stream : streams_) {
    of_stream.resize(wiring.stages.size());
    for (size_t stage = 0; stage < wiring.stages.size(); ++stage) {
      for (const auto& [input, output] : wiring.stages[stage].states) {
        const TensorSpec& spec = wiring.tensors[input].spec;
        of_stream[stage].push_back({.committed = Buffer::Allocate(spec), .delivered = Buffer::Allocate(spec)});
        any_ = true;
      }
    }
  }
}

void Streams::Load(Slot& slot, int stage) const {
  const auto& states = wiring_.stages[stage].states;
  for (size_t i = 0; i < states.size(); ++i)
    CopyBytes(streams_[slot.stream][stage][i].committed, slot.tensors[states[i].first]);
}

void Streams::Commit(const Slot& slot, int stage) {
  const auto& states = wiring_.stages[stage].states;
  for (size_t i = 0; i < states.size(); ++i)
    CopyBytes(slot.tensors[states[i].second], streams_[slot.stream][stage][i].committed);
}

void Streams::BreakAt(const Slot& slot) {
  if (!any_) return;
  std::atomic<uint64_t>& broken_at = broken_at_[slot.stream];
  uint64_t before = broken_at.load();
  while (slot.sample < before && !broken_at.compare_exchange_weak(before, slot.sample)) {
  }
}

void Streams::Deliver(const Slot& slot) {
  for (size_t stage = 0; stage < wiring_.stages.size(); ++stage) {
    const auto& states = wiring_.stages[stage].states;
    for (size_t i = 0; i < states.size(); ++i)
      CopyBytes(slot.tensors[states[i].second], streams_[slot.stream][stage][i].delivered);
  }
}

void Streams::Reset(int stream) {
  broken_at_.at(stream).store(kNowhere);
  for (auto& of_stage : streams_.at(stream)) {
    for (State& state : of_stage) {
      if (state.committed.size_bytes() == 0) continue;
      std::memset(state.committed.data(), 0, state.committed.size_bytes());
      std::memset(state.delivered.data(), 0, state.delivered.size_bytes());
    }
  }
}

StreamStates Streams::Delivered(int stream) const {
  StreamStates states;
  for (size_t stage = 0; stage < wiring_.stages.size(); ++stage) {
    for (size_t i = 0; i < wiring_.stages[stage].states.size(); ++i) {
      const std::string& name = wiring_.tensors[wiring_.stages[stage].states[i].first].name;
      states.emplace_back(name, streams_.at(stream)[stage][i].delivered.Clone());
    }
  }
  return states;
}

void Streams::Restore(int stream, const StreamStates& states) {
  broken_at_.at(stream).store(kNowhere);
  for (size_t stage = 0; stage < wiring_.stages.size(); ++stage) {
    for (size_t i = 0; i < wiring_.stages[stage].states.size(); ++i) {
      const std::string& name = wiring_.tensors[wiring_.stages[stage].states[i].first].name;
      const auto found = std::find_if(states.begin(), states.end(), [&](const auto& s) { return s.first == name; });
      State& state = streams_.at(stream)[stage][i];
      if (found == states.end() || found->second.spec().shape != state.committed.spec().shape ||
          found->second.spec().dtype != state.committed.spec().dtype) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("stream {}: no value of {} was given for state '{}'", stream,
                                FormatSpec(state.committed.spec()), name));
      }
      CopyBytes(found->second, state.committed);
      CopyBytes(found->second, state.delivered);
    }
  }
}

}  // namespace consort
