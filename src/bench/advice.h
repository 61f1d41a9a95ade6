// What a row's figures say about how to go faster. Each piece of advice rests on a figure of the same run; without one
// there is none.
#ifndef CONSORT_BENCH_ADVICE_H_
#define CONSORT_BENCH_ADVICE_H_

#include <vector>

#include "bench/bench.h"

namespace consort {

// What extra measurements are made from.
struct AdviceSource {
  const Registry& registry;
  const Target& target;
  const LoadedModel& model;
  const BenchOptions& options;
  const InputSource& inputs;
  NoiseGate& gate;
};

// From the row alone: slow first runs, long tails, transfers that outweigh the computing.
std::vector<Advice> AdviseFromRow(const BenchRow& row);

// All of it, with two short measurements more where the row is of the scenario 'single': an Identity op on the same
// target (the cost of a call beside its kernels), and one worker per core against one worker on all cores.
std::vector<Advice> Advise(const AdviceSource& source, const BenchRow& row);

}  // namespace consort

#endif  // CONSORT_BENCH_ADVICE_H_
