// A network of the zoo on the emulated devices of a platform: plans, and what sessions need to run them.
#ifndef CONSORT_TESTS_SUPPORT_ENSEMBLE_H_
#define CONSORT_TESTS_SUPPORT_ENSEMBLE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consort/clock.h"
#include "consort/registry.h"
#include "plan/modelled_costs.h"
#include "plan/planner.h"
#include "platform/platform.h"
#include "run/prepare.h"
#include "zoo/zoo.h"

namespace consort::test {

struct EnsembleOptions {
  std::string network;                // of the zoo
  std::string platform;               // shipped
  std::vector<std::string> settings;  // changes to it, as Platform::Set takes them
  zoo::MakeOptions make;              // of the network; its batch is that of the plans
};

// Costs and emulated devices come from the same platform; the devices compute no numbers, and the network has no
// weights. One thread at a time.
class Ensemble {
 public:
  explicit Ensemble(const EnsembleOptions& options);
  Ensemble(const Ensemble&) = delete;

  const Platform& platform() const { return platform_; }
  ModelledCosts& costs() { return costs_; }
  int64_t batch() const { return make_.batch; }
  const Graph& graph() { return ModelAt(batch()).graph(); }
  const Model& ModelAt(int64_t batch);
  // Every place where the planner may cut.
  std::vector<OpId> CutPlaces() const;

  // For throughput.
  PlanList Plans(std::optional<Strategy> strategy = std::nullopt);
  // A plan by hand, with its prediction; nothing where some device cannot run its part.
  std::optional<Plan> PlanOf(const Draft& draft);

  // The plan's devices opened by the clock, its stages compiled.
  PreparedPlan Compiled(Plan plan, Clock& clock);

 private:
  zoo::MakeOptions make_;
  std::string network_;
  Platform platform_;
  Registry registry_;
  std::map<int64_t, Model> models_;
  ModelledCosts costs_;
  PlanQuery query_;
};

}  // namespace consort::test

#endif  // CONSORT_TESTS_SUPPORT_ENSEMBLE_H_
