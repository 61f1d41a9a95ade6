#include "run/streams.h"

#include <cstring>

namespace consort {
namespace {

void CopyBytes(const Buffer& from, Buffer& to) {
  if (from.size_bytes() > 0) std::memcpy(to.data(), from.data(), from.size_bytes());
}

}  // namespace

Streams::Streams(const Wiring& wiring, int streams) : wiring_(wiring), committed_(streams) {
  for (auto& of_stream : committed_) {
    of_stream.resize(wiring.stages.size());
    for (size_t stage = 0; stage < wiring.stages.size(); ++stage) {
      for (const auto& [input, output] : wiring.stages[stage].states) {
        of_stream[stage].push_back(Buffer::Allocate(wiring.tensors[input].spec));
        any_ = true;
      }
    }
  }
}

void Streams::Load(Slot& slot, int stage) const {
  const auto& states = wiring_.stages[stage].states;
  for (size_t i = 0; i < states.size(); ++i)
    CopyBytes(committed_[slot.stream][stage][i], slot.tensors[states[i].first]);
}

void Streams::Commit(const Slot& slot, int stage) {
  const auto& states = wiring_.stages[stage].states;
  for (size_t i = 0; i < states.size(); ++i)
    CopyBytes(slot.tensors[states[i].second], committed_[slot.stream][stage][i]);
}

void Streams::Reset(int stream) {
  for (auto& of_stage : committed_.at(stream)) {
    for (Buffer& state : of_stage) {
      if (state.size_bytes() > 0) std::memset(state.data(), 0, state.size_bytes());
    }
  }
}

}  // namespace consort
