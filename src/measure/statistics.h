// Medians, and how far they can be trusted.
#ifndef CONSORT_MEASURE_STATISTICS_H_
#define CONSORT_MEASURE_STATISTICS_H_

#include <cstdint>
#include <vector>

namespace consort {

// A 95 % interval around an estimate.
struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;

  // (high - low) / 2 over the estimate; infinity for an estimate of 0.
  double relative_half_width() const;
  bool Overlaps(const Interval& other) const { return low <= other.high && other.low <= high; }
};

// The middle value, or the mean of the two middle ones. Throws kInvalidArgument for no values.
double Median(std::vector<double> values);

// The 97.5 % point of Student's t distribution with that many degrees of freedom (≥ 1): a 95 % interval reaches this
// many standard errors to either side.
double StudentT975(int degrees);

// The median of values that were taken one after the other in time, with a 95 % interval from a block bootstrap (Künsch
// 1989: moving blocks of about n^(1/3) values, so that neighbours which resemble each other do not make the interval
// too narrow). Seeded: the same values give the same interval. One value: an interval without width.
Interval BootstrapMedian(const std::vector<double>& values);

// The mean of estimates that were made independently of each other (each with its model loaded anew), with Student's 95
// % interval.
Interval MeanOfIndependent(const std::vector<double>& estimates);

// Values taken one after the other, in groups that were made independently of each other (one per load of the model).
using ByLoad = std::vector<std::vector<double>>;

// All values, load after load; the median of each load that has values.
std::vector<double> Flatten(const ByLoad& by_load);
std::vector<double> MediansOfLoads(const ByLoad& by_load);

// The smallest interval that holds `estimate`, BootstrapMedian of all values (what rounds of these loads tell) and,
// with two loads or more, MeanOfIndependent of the loads' medians (what the next load may be). Throws kInvalidArgument
// for no values.
Interval MedianOverLoads(double estimate, const ByLoad& by_load);

// The same estimate with what one run cannot see in it: medians of runs that are apart in time differ by ±`relative`
// (95 %) for reasons that hold throughout a run (neighbours of a shared machine, temperature, memory layout of the
// process). Independent of what `within` holds, so the half-widths add in squares, as uncertainties of type A and B do
// (JCGM 100:2008, Guide to the Expression of Uncertainty in Measurement, 4.3 and 5.1).
Interval WithBetweenRuns(const Interval& within, double relative);

// Ratios of paired rounds (measured / reference, one per round): their median with the interval of BootstrapMedian, in
// logarithms.
Interval PairedRatio(const std::vector<double>& measured, const std::vector<double>& reference);

// What ascending values grow by from one to the next, by least squares: for ends of calls of which several may end at
// once, so that where a window begins or ends among them does not count. Throws kInvalidArgument for fewer than two.
double MeanStep(const std::vector<double>& values);

enum class Verdict95 : uint8_t { kTie, kFaster, kSlower };

// What a ratio of times says: a tie when the interval holds 1 or the estimate is within 5 % of it (docs/measuring.md).
Verdict95 Judge(const Interval& ratio);

}  // namespace consort

#endif  // CONSORT_MEASURE_STATISTICS_H_
