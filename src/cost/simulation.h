// Simulation: what a platform's devices would do with a model, by their cost models, for several settings of the
// platform.
#ifndef CONSORT_COST_SIMULATION_H_
#define CONSORT_COST_SIMULATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "consort/graph.h"
#include "cost/cost_model.h"
#include "cost/stages.h"
#include "platform/platform.h"

namespace consort {

// --- Sweeps
// -----------------------------------------------------------------------------------------------------------

// A quantity of a platform and the values to try: "gtx1650.link.bandwidth=12,24GB/s". A number without a unit has that
// of the last.
struct PlatformSweep {
  std::string path;
  std::vector<std::string> values;
};
// Throws kInvalidArgument for a text that is not PATH=VALUE[,VALUE…].
PlatformSweep ParsePlatformSweep(const std::string& text);

// A value for each path.
using PlatformSetting = std::vector<std::pair<std::string, std::string>>;
// All combinations, the last sweep's values changing fastest; one empty setting for no sweeps. Throws kInvalidArgument
// for a path that is given twice and for more than 10,000 combinations.
std::vector<PlatformSetting> Combinations(const std::vector<PlatformSweep>& sweeps);

// --- One device
// -------------------------------------------------------------------------------------------------------

struct SimulationQuery {
  int64_t batch = 1;
  CostQuery cost;
};

// A batch of inferences on one device that does nothing else.
struct Simulated {
  std::string device;
  Precision precision = Precision::kFp32;
  int64_t batch = 1;
  int64_t calls = 1;    // an Edge TPU takes one inference at a time: as many calls as the batch has
  WorkList works;       // of one call
  Estimate estimate;    // of one call
  std::string refused;  // why the device cannot run the model; empty: it can, and the rest holds
  std::string warning;  // of the device: said wherever its figures are shown

  double latency_s() const { return static_cast<double>(calls) * estimate.latency_s; }  // of the whole batch
  double throughput_per_s() const { return static_cast<double>(batch) / latency_s(); }
  // Of one inference; 0 where the device's power is not known.
  double joules() const { return static_cast<double>(calls) * estimate.joules / static_cast<double>(batch); }
  // A count of one call as the share of one inference.
  int64_t PerInference(int64_t count) const { return count * calls / batch; }
};

// The graph of the model at a batch. What it returns must outlive the results.
using GraphAtBatch = std::function<const Graph&(int64_t batch)>;

// Throws what the cost models and `graph` throw, but for what means that this device cannot run the model: that becomes
// `refused`.
Simulated Simulate(const Platform& platform, const PlatformDevice& device, const GraphAtBatch& graph,
                   const SimulationQuery& query);

// --- Several devices
// --------------------------------------------------------------------------------------------------

// True when nothing that is modelled tells two devices apart: kind, precisions, operators, memory, power, cost model
// with its parameters and rows, path to the host.
bool AreAlike(const Platform& platform, const PlatformDevice& a, const PlatformDevice& b);

// The first `count` of the largest group of devices of a platform that are alike (AreAlike) and share no resource.
// Throws kInfeasible naming how many there are, and a platform that has more.
std::vector<const PlatformDevice*> AlikeDevices(const Platform& platform, int count);

// For each link that several of the devices hang on: their indices.
std::vector<std::vector<int>> SharingALink(const Platform& platform, const std::vector<const PlatformDevice*>& devices);

}  // namespace consort

#endif  // CONSORT_COST_SIMULATION_H_
