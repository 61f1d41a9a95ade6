// How long a call of a network takes on one device: by the virtual clock, or measured.
#ifndef CONSORT_EXPERIMENT_TIMING_H_
#define CONSORT_EXPERIMENT_TIMING_H_

#include <string>
#include <vector>

#include "consort/provenance.h"
#include "experiment/testbed.h"

namespace consort::experiment {

// What of the weights a call has to bring.
enum class Weights : uint8_t {
  kResident,     // the model is loaded; a call is an inference only
  kLoadedByCall  // "with memory loading": emulated, each call brings the parameters onto the device; of a target of
                 // this machine, each compiles the model anew and runs it once
};

struct TimingOptions {
  Weights weights = Weights::kResident;
  int trials = 100;   // calls by the virtual clock; measured, so many at least where they fit into the time
  double time_s = 1;  // measured: clean time wanted; with --quick a fifth
};

// Of calls that each take the network's whole batch. Plain data.
struct CallTiming {
  Provenance provenance = Provenance::kEmulated;
  int64_t trials = 0;
  double mean_s = 0;
  double median_s = 0;
  double p90_s = 0, p99_s = 0;  // NaN where too few calls lie beyond
  double least_s = 0, most_s = 0;
  // Emulated: the cost model's error band around the mean. Measured: the 95 % interval of the median.
  double low_s = 0, high_s = 0;
  double joules = 0;          // of one inference; NaN: not known
  std::string energy_source;  // "modelled: active power × busy time"; "not known: …"
  std::string refused;        // why it cannot run there; empty: it can, and the rest holds
  bool may_pass = false;      // refused, and may run another time (testbed.h, MayPass)
  std::string unstable;       // why measured times are not to be trusted
  std::vector<std::string> notes;
};

// Emulated devices compute no numbers; where a call's tensors are too large for that as well (1 GiB), or none of its calls
// could run, the cost model alone is asked, and the provenance says kModelled. What means that the device cannot run the
// network becomes `refused`; throws everything else.
CallTiming TimeCalls(Testbed& testbed, const TestDevice& device, const Network& network,
                     const TimingOptions& options = {});

// The fields of a row: provenance, trials, mean_ms, median_ms, p90_ms, p99_ms, least_ms, most_ms, low_ms, high_ms,
// joules, energy_source, unstable and note where there is one; or refused alone, with may_pass. NaN becomes null.
Json ToJson(const CallTiming& timing);
// The number, or null for NaN.
Json NumberOrNull(double value);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_TIMING_H_
