#include "cli/run_plan_flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

namespace consort {
namespace {

constexpr size_t kMostFailures = 8;
constexpr int64_t kFewestSteady = 20;  // times the calls under way

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

bool SameBits(const Buffer& a, const Buffer& b) {
  return a.spec() == b.spec() && (a.size_bytes() == 0 || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

bool SameBits(const std::vector<Buffer>& a, const std::vector<Buffer>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Buffer& one, const Buffer& other) { return SameBits(one, other); });
}

// A stage whose replicas are all gone, for good.
bool NobodyIsLeft(const SessionReport& report) {
  return std::any_of(report.stages.begin(), report.stages.end(), [](const std::vector<ReplicaReport>& stage) {
    return std::none_of(stage.begin(), stage.end(), [](const ReplicaReport& replica) {
      return replica.state == ReplicaState::kActive || replica.state == ReplicaState::kReopening;
    });
  });
}

// The calls per second between the `skip`th end from the front and the one from the back. In-order ends come in lumps
// of up to `skip` calls, which must not count for much.
std::optional<double> SteadyRate(const std::vector<TimeNs>& ends_ns, int64_t skip) {
  const int64_t between = static_cast<int64_t>(ends_ns.size()) - 1 - 2 * skip;
  if (between < kFewestSteady * skip) return std::nullopt;
  const TimeNs took_ns = ends_ns[static_cast<size_t>(skip + between)] - ends_ns[static_cast<size_t>(skip)];
  if (took_ns <= 0) return std::nullopt;
  return static_cast<double>(between) * 1e9 / static_cast<double>(took_ns);
}

SessionReport ReportOf(const Session& session) { return session.report(); }
SessionReport ReportOf(const Ensemble& ensemble) { return ensemble.report().session; }

// `Runner` is a Session or an Ensemble.
template <typename Runner>
class Flow {
 public:
  Flow(Runner& runner, const std::vector<PortInput>& inputs, const FlowOptions& options)
      : runner_(runner), inputs_(inputs), options_(options), steps_(CountSteps(inputs)) {}

  FlowResult Run() {
    const int64_t calls = steps_ > 0 ? steps_ : options_.calls;
    const TimeNs begin_ns = options_.clock->NowNs();
    for (int64_t call = 0; call < calls && !stop_; ++call) {
      while (static_cast<int>(under_way_.size()) >= runner_.max_in_flight()) Finish();
      if (!stop_) Submit(call);
    }
    while (!under_way_.empty()) Finish();
    result_.wall_ns = options_.clock->NowNs() - begin_ns;
    result_.given_up = calls - result_.started;
    result_.steady_per_s = SteadyRate(ends_ns_, runner_.max_in_flight());
    if (result_.delivered > 0) result_.last = std::move(steps_ > 0 ? stacked_ : outputs_);
    return std::move(result_);
  }

 private:
  struct UnderWay {
    Ticket ticket;
    int64_t call = 0;
  };

  // The inputs of a call: views of what the caller gave.
  std::vector<Buffer> InputsOf(int64_t call) const {
    std::vector<Buffer> buffers;
    for (size_t port = 0; port < inputs_.size(); ++port) {
      const Buffer& tensor = inputs_[port].tensor;
      buffers.push_back(inputs_[port].sequence
                            ? StepOf(tensor, call, runner_.inputs().at(port).spec.shape.size())
                            : tensor.Share());
    }
    return buffers;
  }

  void Submit(int64_t call) {
    try {
      under_way_.push_back({runner_.Submit(InputsOf(call)), call});
      ++result_.started;
    } catch (const Error& error) {
      // The session takes no more samples: it broke. Anything else is the caller's.
      if (error.code() != ErrorCode::kCancelled) throw;
      Note(call, error);
      stop_ = true;
    }
  }

  void Finish() {
    const UnderWay oldest = under_way_.front();
    under_way_.pop_front();
    outputs_.resize(runner_.outputs().size());
    try {
      runner_.Wait(oldest.ticket, outputs_);
    } catch (const Error& error) {
      ++result_.failed;
      Note(oldest.call, error);
      stop_ = stop_ || NobodyIsLeft(ReportOf(runner_));
      return;
    }
    ++result_.delivered;
    ends_ns_.push_back(options_.clock->NowNs());
    steps_ > 0 ? Stack(oldest.call) : Keep();
  }

  void Note(int64_t call, const Error& error) {
    result_.lost = result_.lost || error.code() == ErrorCode::kDeviceLost;
    if (result_.failures.size() < kMostFailures) result_.failures.push_back({call, error.code(), error.what()});
  }

  void Keep() {
    const auto known = std::find_if(result_.results.begin(), result_.results.end(),
                                    [this](const std::vector<Buffer>& kept) { return SameBits(kept, outputs_); });
    if (known != result_.results.end()) return;
    if (result_.results.size() == kMostResults) {
      ++result_.more_results;
      result_.results.erase(result_.results.begin() + kMostResults / 2);
    }
    std::vector<Buffer>& kept = result_.results.emplace_back();
    for (const Buffer& output : outputs_) kept.push_back(output.Clone());
  }

  void Stack(int64_t step) {
    stacked_.resize(outputs_.size());
    for (size_t port = 0; port < outputs_.size(); ++port) {
      const Buffer& output = outputs_[port];
      if (options_.states.contains(runner_.outputs()[port].name)) {
        stacked_[port] = output.Clone();
        continue;
      }
      TensorSpec spec = output.spec();
      spec.shape.insert(spec.shape.begin(), steps_);
      spec.layout = Layout::kPlain;
      if (stacked_[port].empty()) stacked_[port] = Buffer::Allocate(spec);
      if (stacked_[port].spec().shape != spec.shape) {
        ThrowInvalid(fmt::format("output '{}' changes its shape from step to step and cannot be stacked",
                                 runner_.outputs()[port].name));
      }
      char* data = static_cast<char*>(stacked_[port].data());
      if (output.size_bytes() > 0)
        std::memcpy(data + static_cast<size_t>(step) * output.size_bytes(), output.data(), output.size_bytes());
    }
  }

  Runner& runner_;
  const std::vector<PortInput>& inputs_;
  const FlowOptions& options_;
  int64_t steps_;
  std::deque<UnderWay> under_way_;
  std::vector<Buffer> outputs_;  // of the call that was waited for last
  std::vector<Buffer> stacked_;
  std::vector<TimeNs> ends_ns_;
  bool stop_ = false;
  FlowResult result_;
};

}  // namespace

Buffer StepOf(const Buffer& whole, int64_t step, size_t port_rank) {
  TensorSpec spec = whole.spec();
  const size_t bytes = whole.size_bytes() / static_cast<size_t>(spec.shape.front());
  if (spec.shape.size() == port_rank) {
    spec.shape.front() = 1;
  } else {
    spec.shape.erase(spec.shape.begin());
  }
  const char* data = static_cast<const char*>(whole.data()) + static_cast<size_t>(step) * bytes;
  return Buffer::Borrow(std::move(spec), const_cast<char*>(data));
}

FlowResult SendThrough(Session& session, const std::vector<PortInput>& inputs, const FlowOptions& options) {
  return Flow(session, inputs, options).Run();
}

FlowResult SendThrough(Ensemble& ensemble, const std::vector<PortInput>& inputs, const FlowOptions& options) {
  return Flow(ensemble, inputs, options).Run();
}

}  // namespace consort
