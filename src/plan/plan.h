// Plan: which device runs which part of a model, and which share of the samples. The decision, as plain data.
#ifndef CONSORT_PLAN_PLAN_H_
#define CONSORT_PLAN_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consort/provenance.h"
#include "consort/target.h"

namespace consort {

// What a plan is to be good at.
enum class Objective : uint8_t { kLatency, kThroughput, kEnergy };
std::string_view ToString(Objective objective);

// How the work is divided.
enum class Strategy : uint8_t {
  kSingle,    // one target runs everything
  kSplit,     // every target runs the whole model on a share of the samples
  kPipeline,  // every target runs a stage of the model
  kHybrid,    // a pipeline whose stages have several replicas
};
std::string_view ToString(Strategy strategy);

// Inverses of ToString. Throw kInvalidArgument listing the words that there are.
Objective ParseObjective(std::string_view text);
Strategy ParseStrategy(std::string_view text);
Provenance ParseProvenance(std::string_view text);

// A copy of a stage on one target.
struct Replica {
  Target target;
  int threads = 0;      // engine threads; 0: one per core of the target
  double share = 1;     // of the samples that the stage gets; the shares of a stage add up to 1
  int64_t samples = 0;  // of every batch, where the stage's replicas divide each call among them (all at once); 0:
                        // whole calls go to one replica or another, by share. Of a stage either all replicas have
                        // samples, adding up to the batch, or none
  double call_s = 0;  // predicted: one call at the plan's batch (or of `samples`), transfers of its own device included
  // Of call_s: its inputs into the forms that the device takes (type, layout, quantization), and its outputs out of
  // them. A session leaves out what is in that form already, as between two integer stages of one scale.
  double convert_in_s = 0;
  double convert_out_s = 0;
  double joules = 0;  // predicted, per call
  Provenance provenance = Provenance::kModelled;  // of these

  double convert_s() const { return convert_in_s + convert_out_s; }
  // Predicted: what a trace shows as the run of a call.
  double run_s() const { return call_s > convert_s() ? call_s - convert_s() : 0; }
};

// A contiguous range of the graph's ops on one or more replicas.
struct Stage {
  int begin = 0;                     // positions in Graph::ops(): the cut in front of the first op,
  int end = 0;                       // and the one behind the last
  std::vector<std::string> inputs;   // tensors that it reads: of earlier stages and of the model
  std::vector<std::string> outputs;  // tensors that it makes for later stages and for the model's outputs
  int64_t input_bytes = 0;           // of one call at the plan's batch
  int64_t output_bytes = 0;
  bool divides_a_fusion = false;  // the cut in front of it lies inside a known fusion
  int queue_depth = 2;            // calls that may wait in front of it
  std::vector<Replica> replicas;  // at least one
};

struct Prediction {
  double latency_s = 0;              // of one sample through all stages, nothing else under way
  double samples_per_s = 0;          // steady state
  double joules_per_sample = 0;      // 0: not known
  double gain_over_best_single = 1;  // of the objective: how many times better than the best single target
  std::string bottleneck;            // the resource that sets the pace: "gtx1650", "usb3", "stage 2 on cpu@openvino"
};

// What was measured of a plan that ran (src/tune). Zeros: not known.
struct PlanMeasurement {
  double call_s = 0;  // of the objective: a call's latency, or the time between calls in steady state
  double gain = 0;    // over the best single target, run beside it, with its 95 % interval
  double gain_low = 0;
  double gain_high = 0;
};

// Stages in the order of the data. Plain data; the JSON file may be edited by hand.
struct Plan {
  std::string model;                 // where it came from, for messages
  std::string model_fingerprint;     // Graph's (plan/fingerprint.h); a plan for another model is refused
  std::string platform;              // the platform's name; "": devices of this machine
  std::string platform_fingerprint;  // of the figures that the predictions rest on; "": of none
  Objective objective = Objective::kLatency;
  Strategy strategy = Strategy::kSingle;
  int64_t batch = 1;  // samples of one call
  std::vector<Stage> stages;
  // Lowest and highest value of float tensors, that replicas in int8 and uint8 are quantized with; empty where none is.
  std::map<std::string, std::pair<float, float>> ranges;
  Prediction predicted;
  std::optional<PlanMeasurement> measured;  // absent: it was not run
  std::string reason;  // one sentence: why it was chosen, or why it ranks where it does
};

}  // namespace consort

#endif  // CONSORT_PLAN_PLAN_H_
