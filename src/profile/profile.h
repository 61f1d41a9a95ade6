// Profile: what was measured of a model's ranges on targets. Plain data; a file.
#ifndef CONSORT_PROFILE_PROFILE_H_
#define CONSORT_PROFILE_PROFILE_H_

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "consort/graph.h"
#include "measure/statistics.h"

namespace consort {

// What was measured: a range of ops on a target, by the names of its first and last op that compute, which hold at
// every batch.
struct ProfileKey {
  std::string target;  // as Target::ToString says it
  int threads = 0;     // engine threads of a call; 0: one per core of the target
  int64_t batch = 1;   // samples of a call
  std::string first_op;
  std::string last_op;
  auto operator<=>(const ProfileKey&) const = default;
};

struct ProfileEntry {
  std::string engine;    // "ONNX Runtime 1.32.0": of another version it does not count
  Interval call_s;       // median of a call with its 95 % interval, in seconds
  int64_t calls = 0;     // that count
  double convert_in_s = 0;   // of call_s: inputs into the forms that the target takes (medians, measured apart),
  double convert_out_s = 0;  // outputs out of them; 0: it takes the model's own
  double discarded = 0;  // share of the time that noise spoiled
  bool in_plan = false;  // measured while the plan's other devices worked
  std::string refused;   // why the target cannot run the range; empty: it can, and the rest holds
};

// Handing tensors from one target's call to the next one's.
struct LinkEntry {
  std::string from;
  std::string to;
  double latency_s = 0;    // of a hand-over of a few bytes
  double bytes_per_s = 0;  // for what is added to it by more; 0: size does not matter (the tensor is not copied)
};

// A value.
struct Profile {
  std::string model;              // where it came from, for messages
  std::string model_fingerprint;  // plan/fingerprint.h
  std::string processor;          // "AMD EPYC 9V74 80-Core Processor"
  int logical_cores = 0;
  std::string settings;  // what engines were told beyond target and threads: "optimization full, denormals flushed"
  std::map<ProfileKey, ProfileEntry> entries;
  std::vector<LinkEntry> links;

  // nullptr: not measured, or by another version of the engine (empty: any).
  const ProfileEntry* Find(const ProfileKey& key, const std::string& engine = "") const;
  const LinkEntry* FindLink(const std::string& from, const std::string& to) const;
};

// The key of a range of ops. `begin` < `end`, with an op that computes among them.
ProfileKey KeyOf(const Graph& graph, OpId begin, OpId end, std::string target, int threads, int64_t batch);

// Throws kInvalidArgument, naming the file and the way out, where a profile is of another model, machine or settings
// than `wanted` (its entries and links do not matter).
void CheckFits(const Profile& profile, const Profile& wanted, const std::string& file);

}  // namespace consort

#endif  // CONSORT_PROFILE_PROFILE_H_
