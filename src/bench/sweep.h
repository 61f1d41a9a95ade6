// Lists of values that a sweep goes through.
#ifndef CONSORT_BENCH_SWEEP_H_
#define CONSORT_BENCH_SWEEP_H_

#include <cstdint>
#include <string>
#include <vector>

namespace consort {

// "1,2,4,8", "1-8" (every value), "1-64*2" (each twice the one before), and commas between them: positive values in the
// order given, each once. Throws kInvalidArgument naming the part that cannot be read, and for more than 1000 values.
std::vector<int> ParseSweep(const std::string& text);

}  // namespace consort

#endif  // CONSORT_BENCH_SWEEP_H_
