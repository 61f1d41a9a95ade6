// From files to compiled stages: the model, the plan, its targets and spares.
#ifndef CONSORT_CLI_RUN_PLAN_SETUP_H_
#define CONSORT_CLI_RUN_PLAN_SETUP_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bench/plan_check.h"
#include "cli/planned_model.h"
#include "cli/run_options.h"
#include "consort/model.h"
#include "consort/registry.h"
#include "plan/plan.h"
#include "run/prepare.h"

namespace consort {

// What a plan needs to run: read, checked, opened and compiled. `options` outlive it.
class PlanSetup {
 public:
  // Throws what reading model and plan throws (a plan for another model or platform is refused), UsageError for spares
  // that are none, and what opening and compiling throw, naming the stage; kInfeasible naming it where --strict is
  // given and an op runs elsewhere than asked, or may.
  explicit PlanSetup(const RunOptions& options);

  const Plan& plan() const { return planned_.plan(); }
  const Graph& graph() const { return model().graph(); }
  const std::string& model_name() const { return model().name(); }
  const std::string& model_fingerprint() const { return model().fingerprint(); }
  // The ports of the whole model, at the plan's batch.
  const Signature& signature() const { return signature_; }
  EmulationOptions emulation() const { return planned_.EmulationOf(); }
  const Registry& registry() const { return planned_.registry(); }
  const PrepareOptions& prepare_options() const { return prepare_; }
  // By stage, resolved.
  const std::vector<std::vector<Target>>& spares() const { return prepare_.spares; }
  ModelAtBatch model_at() const { return planned_.model_at(); }
  const PreparedPlan& prepared() const { return prepared_; }
  // What became of the command, given how its run ended (PlannedModel::Conclude).
  ExitCode Conclude(ExitCode code) const { return planned_.Conclude(code); }
  // For a session; once.
  PreparedPlan TakePrepared() { return std::move(prepared_); }
  // Another plan for the model, without spares. Throws as the constructor does.
  PreparedPlan Compile(const Plan& plan) const;

 private:
  const Model& model() const { return planned_.model(); }
  void CheckTargets();
  std::vector<std::vector<Target>> ChooseSpares() const;
  std::vector<Target> SparesOf(size_t stage) const;
  void CheckVerify() const;

  const RunOptions& options_;
  mutable PlannedModel planned_;
  Signature signature_;
  PrepareOptions prepare_;
  PreparedPlan prepared_;
};

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_SETUP_H_
