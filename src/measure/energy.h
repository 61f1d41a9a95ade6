// What energy hardware used, by its own counters.
#ifndef CONSORT_MEASURE_ENERGY_H_
#define CONSORT_MEASURE_ENERGY_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consort/provenance.h"
#include "measure/meter.h"

namespace consort {

// A counter of the energy that some hardware used: all of it, idle power and other programs' work included. One thread
// at a time.
class EnergyMeter {
 public:
  virtual ~EnergyMeter() = default;
  // "RAPL (package-0, dram)".
  virtual const std::string& name() const = 0;
  // Joules since the meter was made; never falls. Throws kUnsupported naming what cannot be read any more.
  virtual double ReadJoules() = 0;
};

// A meter, or why there is none.
struct FoundMeter {
  std::unique_ptr<EnergyMeter> meter;
  std::string why_not;  // empty when there is a meter
};

// The processor's RAPL counters (Linux, Documentation/power/powercap/powercap.rst): the zones intel-rapl:N named
// package-N, and their children named dram, which packages do not hold; AMD's stand there as well. Counters begin anew
// at max_energy_range_uj: to be read at least once in the time that takes (minutes under full load). Not psys, which
// holds the others, and not intel-rapl-mmio, which tells the same packages again.
FoundMeter FindRaplMeter(const std::filesystem::path& root);
// In $CONSORT_POWERCAP (where a container sees the host's files elsewhere), else in /sys/class/powercap.
FoundMeter FindRaplMeter();

// All of them together, by their names joined with "+"; where one is missing, its reason.
FoundMeter SumOfMeters(std::vector<FoundMeter> meters);

// Energy of the work of several stretches, and of how many inferences.
struct EnergyFigure {
  std::optional<double> joules_per_inference;  // absent: not known
  // Where it comes from: "RAPL (package-0, dram)", "modelled: …"; else "not known: ", and why.
  std::string source = "not known: nobody asked";
  Provenance provenance = Provenance::kModelled;  // kMeasured where a counter told it
};

// Adds up what a meter counts around blocks. Counters move in steps (RAPL: a millisecond), so a stretch below some
// dozens of steps tells nothing. One thread at a time.
class EnergyTally {
 public:
  explicit EnergyTally(FoundMeter found) : found_(std::move(found)) {}

  void Begin();
  // Ends the stretch that Begin began, in which so many inferences were computed.
  void End(int64_t inferences);
  // The runner's blocks as stretches: those that noise spoils count as well. The tally must outlive the result.
  BlockRunner Around(BlockRunner runner);

  EnergyFigure Summarise() const;

 private:
  double Read();

  FoundMeter found_;
  double begin_joules_ = 0;
  double joules_ = 0;
  int64_t inferences_ = 0;
};

}  // namespace consort

#endif  // CONSORT_MEASURE_ENERGY_H_
