// The samples of `consort run --plan`: sent through a session that is kept full, taken in order.
#ifndef CONSORT_CLI_RUN_PLAN_FLOW_H_
#define CONSORT_CLI_RUN_PLAN_FLOW_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/run_inputs.h"
#include "consort/clock.h"
#include "consort/error.h"
#include "run/ensemble.h"
#include "run/session.h"

namespace consort {

struct FlowOptions {
  int64_t calls = 1;               // with the same inputs; a sequence has one per step instead
  std::set<std::string> states;    // outputs that are states: of a sequence the last value counts
  Clock* clock = &Clock::Real();  // the session's
};

struct FlowFailure {
  int64_t call = 0;
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

// What came out. Every call that was started is delivered or failed.
struct FlowResult {
  int64_t started = 0;
  int64_t delivered = 0;
  int64_t failed = 0;
  int64_t given_up = 0;               // calls that were not started, because nobody was left to run them
  std::vector<FlowFailure> failures;  // the first few
  bool lost = false;                  // a call failed because of a lost device
  TimeNs wall_ns = 0;                 // from the first start to the last end
  // Calls per second while the session was full, from the ends of calls; absent where they were too few to tell.
  std::optional<double> steady_per_s;
  // Outputs per port, of the last call that was delivered; of a sequence the steps stacked along a new axis 0, zeros
  // where a step failed. Empty: none was.
  std::vector<Buffer> last;
  // Without a sequence: outputs that differ in a bit from the others here, in the order of their calls: the first ones
  // and the newest, kMostResults at most.
  std::vector<std::vector<Buffer>> results;
  int64_t more_results = 0;  // that were here, and made room
};

inline constexpr size_t kMostResults = 16;

// Submits the calls one after the other, as many at a time as the session takes, and waits for them in the same order.
// A call that fails is counted, and the others go on, unless a stage has no replica left. Throws kInvalidArgument where
// inputs do not fit, or sequences differ in length or their outputs in shape.
FlowResult SendThrough(Session& session, const std::vector<PortInput>& inputs, const FlowOptions& options);
FlowResult SendThrough(Ensemble& ensemble, const std::vector<PortInput>& inputs, const FlowOptions& options);

// One step of a tensor whose axis 0 is time, as the port takes it: without that axis, or with size 1 where the port has
// it too. A view.
Buffer StepOf(const Buffer& whole, int64_t step, size_t port_rank);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_PLAN_FLOW_H_
