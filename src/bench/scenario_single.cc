// single: one query at a time. LoadGen's SingleStream.
#include "bench/scenario.h"

namespace consort {
namespace {

class Single : public Scenario {
 public:
  explicit Single(const ScenarioSetup& setup) : run_(OneAtATime(setup.replicas.front().query, setup.batch)) {}

  void RunBlock(TimeNs budget_ns, int64_t max_queries, BlockSamples& samples) override {
    run_(budget_ns, max_queries, samples);
  }

 private:
  BlockRunner run_;
};

}  // namespace

std::unique_ptr<Scenario> MakeSingle(const ScenarioSetup& setup) { return std::make_unique<Single>(setup); }

}  // namespace consort
