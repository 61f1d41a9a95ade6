// The profiler: measures a model's units on the targets of this machine.
#ifndef CONSORT_PROFILE_PROFILER_H_
#define CONSORT_PROFILE_PROFILER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/subject.h"
#include "consort/model.h"
#include "consort/registry.h"
#include "plan/units.h"
#include "profile/local_devices.h"
#include "profile/profile.h"
#include "run/prepare.h"

namespace consort {

struct ProfilerOptions {
  std::vector<int64_t> batches = {1};
  int units = 8;                 // at most: the finest grain at which plans may cut
  bool whole_only = false;       // no units: for plans that do not divide the model
  TimeNs time_ns = 100'000'000;  // clean time wanted of each measurement
  TimeNs link_time_ns = 50'000'000;  // for each size of a link probe
  uint64_t seed = 0;             // of the model's inputs, where there are no others:
  InputSource inputs;            // for the first of the batches; empty: from the seed
  CompileOptions compile;        // threads come from the devices
  OpenOptions open;
  // Called between measurements with what happens next, and how much of all is done.
  std::function<void(const std::string& what, int done, int all)> progress;
  // Called after each target's measurements: to save what there is.
  std::function<void(const Profile&)> keep;
};

// Where plans may cut: at most `units` units of about equal work (multiply-accumulates and bytes), between fusions,
// where the fewest bytes cross. Begin and end of the graph included; the same for a model at every batch.
std::vector<OpId> ProfilePositions(const Graph& graph, int units);

// An empty profile of the model on this machine: what CheckFits compares.
Profile EmptyProfile(const Model& model, const CompileOptions& compile, const OpenOptions& open = {});

// Measures what the profile lacks: the whole model and each unit, on each device (of alike ones the first), at each
// batch: compiled as a plan would compile it, fed with the tensors of a run of the whole model, warm, in blocks behind
// a noise gate. What a target cannot run is kept as refused, with its reason. Then each pair of targets is probed
// (ProbeLink). Throws what `model_at`, `keep` and the reference run (cpu@onnxruntime) throw.
void MeasureProfile(const Registry& registry, const ModelAtBatch& model_at, const LocalDevices& devices,
                    const ProfilerOptions& options, Profile& profile);

// What handing a tensor over costs from a stage on one target to a stage on another: two calls that do next to nothing
// (Relu), in a session, with 64 bytes and with 4 MiB. What a sample takes besides the calls, by its three hand-overs.
LinkEntry ProbeLink(const Registry& registry, const Target& from, const Target& to, TimeNs time_ns,
                    const OpenOptions& open);

}  // namespace consort

#endif  // CONSORT_PROFILE_PROFILER_H_
