// The seed's takeaways as predicates over rows of experiments.
#ifndef CONSORT_EXPERIMENT_TAKEAWAYS_H_
#define CONSORT_EXPERIMENT_TAKEAWAYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "experiment/rows.h"

namespace consort::experiment {

enum class TakeawayVerdict : uint8_t {
  kConfirmed,
  kNotConfirmed,
  kDepends,   // holds in some cases and not in others
  kNotKnown,  // rows that it needs are missing or were refused
};
std::string_view ToString(TakeawayVerdict verdict);

// Who plays the Edge TPU and the GPU, by the names that rows have.
struct Cast {
  std::string tpu;
  std::string gpu;
};

// What was judged. Plain data.
struct Takeaway {
  std::string id;         // "small-samples"
  std::string statement;  // what the seed says, or asks
  std::string source;     // its place: "takeaway_1" of seed_claims.csv
  std::string rule;       // when it is confirmed, and when not
  TakeawayVerdict verdict = TakeawayVerdict::kNotKnown;
  std::string figures;    // what the verdict rests on; why it is not known
};

// Shares of cases and ratios that separate the verdicts (docs/takeaways.md says why these).
inline constexpr double kMostCases = 0.9;       // at least: confirmed
inline constexpr double kFewCases = 0.1;        // at most: not confirmed
inline constexpr double kFaster = 1.05;         // less apart is a tie (docs/measuring.md)
inline constexpr double kSmallInputs = 10'000;  // elements: the seed's "below 10,000 inputs (100x100 …)"
inline constexpr double kAmortized = 0.8;       // of the time per inference at batch 1
inline constexpr double kBottleneck = 0.5;      // of a call's time on the link
inline constexpr double kNoBottleneck = 0.2;
inline constexpr double kFixed = 0.5;           // time at side 64 over that at side 256, of 16 times the work
inline constexpr double kNotFixed = 0.25;
inline constexpr double kSteeper = 1.5;         // growth over the GPU's growth

// All of them, in the order of docs/takeaways.md. Rows that are unstable do not count. `rows` of matvec, dense-scaling, sharding and data-parallel, each with
// its experiment's name as "of".
std::vector<Takeaway> JudgeTakeaways(const std::vector<Row>& rows, const Cast& cast);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_TAKEAWAYS_H_
