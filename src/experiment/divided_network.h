// A network on several devices of a testbed: its plans, what they cost, how long they take and how right they are.
#ifndef CONSORT_EXPERIMENT_DIVIDED_NETWORK_H_
#define CONSORT_EXPERIMENT_DIVIDED_NETWORK_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "experiment/testbed.h"
#include "plan/planner.h"

namespace consort::experiment {

// A share of a part: which device, by its place among the network's, and how many samples of each call; 0: all.
struct Share {
  size_t device = 0;
  int64_t samples = 0;
};

// Ops from `first_op` on, up to the next part's. Where several devices share it, their samples add up to the batch.
struct Part {
  std::string first_op;  // its name; of the first part: ""
  std::vector<Share> shares;
};

// The parts of a network in order: a plan by hand, that holds at every batch and for any weights.
using Parts = std::vector<Part>;

// What the cost models say of a replica's calls.
struct ReplicaParts {
  double link_s = 0;  // of a call, transfers
  double host_s = 0;  // and what an Edge TPU leaves to the platform's CPU
};

struct Planned {
  Plan plan;
  std::optional<Evaluation> evaluation;  // by the cost models; absent where a device is real
  std::vector<ReplicaParts> parts;       // of each replica, in the plan's order; empty where a device is real
};

// Numbers of a division.
struct DividedNumbers {
  Accuracy accuracy;
  Provenance provenance = Provenance::kEmulated;  // of the devices that it uses
  std::string from;  // what computed them, each once: "cpu@onnxruntime, cpu@onnxruntime/int8"
};
// Fields of a row: provenance, numbers_from, cosine, max_error, sqnr_db, top1. What is not there becomes null.
Json ToJson(const DividedNumbers& numbers);

// Models come from the testbed, which outlives this. Devices that are all emulated are of one platform (roles.h refuses
// others). One thread at a time.
//
//   DividedNetwork network(testbed, {"seed-cnn", {.batch = 4}}, {gpu, tpu});
//   const Planned planned = network.PlanOf({{"", {{.device = 1}}}, {"block2/Conv_1", {{.device = 0}}}});
//   const PlanTiming timing = TimePlan(network, planned);  // plan_timing.h
class DividedNetwork {
 public:
  DividedNetwork(Testbed& testbed, Network network, std::vector<TestDevice> devices);

  Testbed& testbed() const { return testbed_; }
  const Network& network() const { return network_; }
  const std::vector<TestDevice>& devices() const { return devices_; }
  bool all_emulated() const;
  // At the network's batch or another. Of emulated devices alone without the weights' values.
  const Model& ModelAt(int64_t batch);
  const Graph& graph() { return ModelAt(network_.make.batch).graph(); }

  // The first op that computes and whose name begins so. Throws kInvalidArgument where there is none.
  std::string FirstOp(const std::string& prefix);
  // The parts as a plan. Its figures are modelled where every device is emulated, and zero elsewhere. Throws kInfeasible
  // saying which device cannot run its part.
  Planned PlanOf(const Parts& parts);
  // What the planner makes of the network on these devices, for calls of its batch: by the cost models, or of real
  // targets measured, run and compared (src/tune/local_planner.h). `most_stages`: 0: not bounded; 1: the network is not
  // cut, devices may share the samples of a call. Throws as MakePlans and MakeLocalPlan do.
  Planned Choose(Objective objective, int most_stages = 0);
  // Those of the network's devices that a plan of it uses, each once.
  std::vector<TestDevice> DevicesOf(const Plan& plan) const;
  // "coral-usb3 > gtx1650"; where devices divide the samples of each call "gtx1650 12 + coral-usb3 8".
  std::string Describe(const Plan& plan) const;

  // The numbers against the whole network's in fp32 on cpu@onnxruntime, over `sets` seeded inputs of `batch` samples.
  // Emulated devices compute theirs on ONNX Runtime: in integers where that is their precision, else in fp32. Throws
  // what quantizing, preparing and running throw.
  DividedNumbers Check(const Parts& parts, int64_t batch, int sets);

 private:
  std::vector<TestDevice> DevicesOf(const Parts& parts) const;
  Draft DraftOf(const Graph& graph, const Parts& parts, int64_t batch) const;
  CostSource& Costs();
  Planned Explained(Plan plan, Evaluation evaluation);
  Planned ChooseByModels(PlanQuery query);
  Planned ChooseByRunning(PlanQuery query);
  std::string NameOf(const Replica& replica) const;

  Testbed& testbed_;
  Network network_;
  std::vector<TestDevice> devices_;
  std::map<int64_t, Model> models_;
  std::unique_ptr<CostSource> costs_;
};

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_DIVIDED_NETWORK_H_
