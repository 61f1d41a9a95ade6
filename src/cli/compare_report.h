// What `consort compare` found out, and how it prints it.
#ifndef CONSORT_CLI_COMPARE_REPORT_H_
#define CONSORT_CLI_COMPARE_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "bench/compare.h"
#include "bench/environment.h"
#include "cli/options.h"
#include "consort/device.h"
#include "consort/emulation.h"

namespace consort {

// One target's part. Plain data.
struct CompareRow {
  Target target;      // of a plan empty
  std::string label;  // the target; " (2)" is added to the second of its kind; what the plan is
  DeviceInfo info;
  std::string model;        // the artifact's name
  std::string fingerprint;  // and fingerprint
  std::string precision;
  int threads = 0;
  Placement placement;
  SideResult measured;
  std::optional<Accuracy> accuracy;
  std::optional<EmulationReport> emulation;  // of an emulated target
  std::vector<EmulationReport> emulations;   // of a plan: of each of its emulated replicas
  std::string word;                          // of a plan: "measured and emulated"; "": that of `info`
  std::string accuracy_problem;     // why there is none although there is a reference
  std::vector<std::string> misses;  // bounds on the accuracy that are not kept

  // Why there is no emulated time.
  std::string overrun() const;
  std::string provenance() const { return word.empty() ? std::string(ToString(info.provenance)) : word; }
  // Of an emulated target one, of a plan of real targets none.
  std::vector<EmulationReport> all_emulations() const;
  bool measured_at_all() const { return measured.latencies.count() > 0; }
};

struct CompareReport {
  Environment environment;
  std::vector<CompareRow> rows;
  PairedResult paired;  // its sides have moved to the rows
  int loads = 0;
  uint64_t seed = 0;
  bool isolated = false;
  bool denormals_flushed = true;
  std::string reference;   // the target, or "" without accuracy
  std::string inputs;      // "8 seeded inputs"
  std::string times;       // what of, where it is not one query at a time; ""
  TimeNs probe_ns = 0;     // the noise gate's: the machine's speed
  std::string blind_spot;  // what the noise gate cannot see here
};

// The first target has an overrun, so there is nothing to compare with.
bool HasNoBaseline(const CompareReport& report);
// "baseline", "tie", "faster", "slower", "not measured" or "overrun".
const char* VerdictWord(const CompareReport& report, size_t index);
// "baseline", "tie, 1.01x [0.990, 1.03]", "1.32x faster [1.29, 1.35]", "2.11x slower [2.02, 2.20]".
std::string DescribeVerdict(const SideResult& side, bool baseline);

std::string CompareJson(const CompareReport& report);
// Prints all of it to stdout in the form asked for.
void PrintCompareReport(const CompareReport& report, OutputFormat format);

}  // namespace consort

#endif  // CONSORT_CLI_COMPARE_REPORT_H_
