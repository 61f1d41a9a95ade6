// Named devices that tests lose, and plans on them.
#ifndef CONSORT_RUN_TEST_DEVICES_H_
#define CONSORT_RUN_TEST_DEVICES_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consort/error.h"
#include "plan/plan.h"
#include "run/test_programs.h"

namespace consort::test {

// A stage for each list of targets.
inline Plan PlanOn(const std::vector<std::vector<std::string>>& stages) {
  Plan plan;
  for (size_t i = 0; i < stages.size(); ++i) {
    Stage stage{.begin = static_cast<int>(i), .end = static_cast<int>(i) + 1};
    for (const std::string& target : stages[i]) {
      stage.replicas.push_back({.target = Target::Parse(target), .share = 1.0 / static_cast<double>(stages[i].size())});
    }
    plan.stages.push_back(std::move(stage));
  }
  return plan;
}

inline std::vector<std::vector<std::string>> TargetsOf(const Plan& plan) {
  std::vector<std::vector<std::string>> stages;
  for (const Stage& stage : plan.stages) {
    stages.emplace_back();
    for (const Replica& replica : stage.replicas) stages.back().push_back(replica.target.ToString());
  }
  return stages;
}

// The plan without these targets; "reserve" takes what nobody else does.
inline Plan Without(const Plan& plan, const std::vector<std::string>& lost) {
  std::vector<std::vector<std::string>> stages = TargetsOf(plan);
  for (std::vector<std::string>& stage : stages) {
    std::erase_if(stage, [&](const std::string& target) { return std::count(lost.begin(), lost.end(), target) > 0; });
    if (stage.empty()) stage.push_back("reserve");
  }
  return PlanOn(stages);
}

// Compiles a stage of a plan to a stage of the chain (run/test_programs.h), and runs `fault` of its target, if there is
// one, before each call with the number of calls that the target has had, this one included. Outlives what it compiles.
class Devices {
 public:
  explicit Devices(Clock& clock) : clock_(clock) {}

  std::function<void(int call)>& fault(const std::string& target) { return Of(target).fault; }
  // Targets that come back when they are opened anew.
  std::function<std::shared_ptr<Executable>(std::shared_ptr<Executable>)>& reopen(const std::string& target) {
    return Of(target).reopen;
  }
  TimeNs call_ns = 0;                       // of every call
  std::function<ArithmeticProgram::Options(int stage)> program = [](int stage) { return ChainStage(stage); };
  int prepared() const { return prepared_; }

  void LoseAt(const std::string& target, int at) {
    fault(target) = [at](int call) {
      if (call >= at) throw Error(ErrorCode::kDeviceLost, "unplugged");
    };
  }

  PreparedPlan Prepare(const Plan& plan) {
    ++prepared_;
    PreparedPlan prepared;
    for (size_t i = 0; i < plan.stages.size(); ++i) {
      PreparedStage stage{.queue_depth = plan.stages[i].queue_depth};
      for (const Replica& replica : plan.stages[i].replicas) {
        stage.replicas.push_back(Compile(static_cast<int>(i), replica.target.ToString()));
      }
      prepared.stages.push_back(std::move(stage));
    }
    return prepared;
  }

  PreparedReplica Compile(int stage, const std::string& target) {
    Device& device = Of(target);
    ArithmeticProgram::Options options = program(stage);
    options.before = [this, &device] {
      if (call_ns > 0) clock_.SleepUntil(clock_.NowNs() + call_ns);
      const int call = ++device.calls;
      if (device.fault) device.fault(call);
    };
    PreparedReplica replica = MakeReplica(options, {.name = target, .clock = &clock_});
    if (device.reopen) {
      replica.reopen = [&device, again = replica.executable] { return device.reopen(again); };
    }
    return replica;
  }

 private:
  struct Device {
    std::atomic<int> calls{0};
    std::function<void(int)> fault;
    std::function<std::shared_ptr<Executable>(std::shared_ptr<Executable>)> reopen;
  };
  Device& Of(const std::string& target) {
    std::lock_guard lock(mutex_);
    std::unique_ptr<Device>& device = devices_[target];
    if (device == nullptr) device = std::make_unique<Device>();
    return *device;
  }

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Device>> devices_;
  std::atomic<int> prepared_{0};
};

}  // namespace consort::test

#endif  // CONSORT_RUN_TEST_DEVICES_H_
