// MakeExecutable: threads, deadlines and cancellation around a Program.
#include <fmt/format.h>

#include "base/bounded_queue.h"
#include "base/clock_thread.h"
#include "base/thread.h"
#include "consort/backend.h"
#include "consort/error.h"

namespace consort {
namespace {

// What an engine let through although its backend should have converted it.
std::exception_ptr Converted(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error&) {
    return error;
  } catch (const std::bad_alloc&) {
    return std::make_exception_ptr(Error(ErrorCode::kOutOfMemory, "out of memory during inference"));
  } catch (const std::exception& other) {
    return std::make_exception_ptr(Error(ErrorCode::kInternal, fmt::format("inference failed: {}", other.what())));
  } catch (...) {
    return std::make_exception_ptr(Error(ErrorCode::kInternal, "inference failed with an exception of unknown type"));
  }
}

// Why a call that nobody wants any more is not begun.
Error NotBegun(const Binding& binding) {
  if (binding.overdue()) return Error(ErrorCode::kTimeout, "its deadline passed before it began");
  return Error(ErrorCode::kCancelled, "cancelled before it began");
}

void Execute(Program& program, Binding& binding) {
  if (!binding.Enter(program)) {
    binding.Finish(std::make_exception_ptr(NotBegun(binding)));
    return;
  }
  std::exception_ptr error;
  try {
    program.Invoke(binding);
  } catch (...) {
    error = Converted(std::current_exception());
  }
  binding.Finish(std::move(error));
}

class CallerExecutable : public Executable {
 public:
  CallerExecutable(std::shared_ptr<Program> program, const ExecutableOptions& options)
      : program_(std::move(program)), options_(options) {}

  const Signature& signature() const override { return program_->signature(); }
  const Placement& placement() const override { return program_->placement(); }

  Completion Start(std::shared_ptr<Binding> binding) override {
    binding->Begin();
    try {
      const Turn turn(*this);
      const ThreadScope scope(options_.cores, options_.flush_denormals);
      Execute(*program_, *binding);
    } catch (...) {
      binding->Finish(std::current_exception());
    }
    return Completion(std::move(binding), *options_.clock);
  }

 private:
  // One call at a time. Not a lock held during the call: a program may wait on the clock, which has to know who else
  // waits.
  class Turn {
   public:
    explicit Turn(CallerExecutable& executable) : executable_(executable) {
      std::unique_lock lock(executable_.mutex_);
      while (executable_.busy_) executable_.options_.clock->Wait(lock, executable_.free_, kNever);
      executable_.busy_ = true;
    }
    ~Turn() {
      std::lock_guard lock(executable_.mutex_);
      executable_.busy_ = false;
      executable_.options_.clock->NotifyOne(executable_.free_);
    }

   private:
    CallerExecutable& executable_;
  };

  std::shared_ptr<Program> program_;
  ExecutableOptions options_;
  std::mutex mutex_;
  std::condition_variable free_;
  bool busy_ = false;
};

// Shared by the executable and its thread, which may outlive it when a call hangs.
struct Worker {
  Worker(std::shared_ptr<Program> program_in, const ExecutableOptions& options_in)
      : program(std::move(program_in)), options(options_in), queue(options_in.max_in_flight, *options_in.clock) {}

  void Loop();
  // The call that runs now, if its deadline has passed.
  std::shared_ptr<Binding> Overdue() {
    std::lock_guard lock(mutex);
    return running != nullptr && running->overdue() && running->in_flight() ? running : nullptr;
  }

  std::shared_ptr<Program> program;
  ExecutableOptions options;
  BoundedQueue<std::shared_ptr<Binding>> queue;
  std::mutex mutex;
  std::shared_ptr<Binding> running;
};

void Worker::Loop() {
  std::optional<ThreadScope> scope;
  std::exception_ptr refused;
  try {
    scope.emplace(options.cores, options.flush_denormals);
  } catch (...) {
    refused = std::current_exception();
  }
  while (std::optional<std::shared_ptr<Binding>> next = queue.Pop()) {
    {
      std::lock_guard lock(mutex);
      running = *next;
    }
    if (refused != nullptr) {
      (*next)->Finish(refused);
    } else {
      Execute(*program, **next);
    }
    std::lock_guard lock(mutex);
    running.reset();
  }
}

class WorkerExecutable : public Executable {
 public:
  WorkerExecutable(std::shared_ptr<Program> program, const ExecutableOptions& options)
      : worker_(std::make_shared<Worker>(std::move(program), options)),
        thread_(*options.clock, "worker", ThreadRole::kServant, [worker = worker_] { worker->Loop(); }) {}

  ~WorkerExecutable() override {
    worker_->queue.Close();
    const std::shared_ptr<Binding> overdue = worker_->Overdue();
    if (overdue != nullptr && !worker_->program->Abandon(*overdue)) {
      FinishQueued();
      thread_.Detach();
    } else {
      thread_.Join();
    }
  }

  const Signature& signature() const override { return worker_->program->signature(); }
  const Placement& placement() const override { return worker_->program->placement(); }

  Completion Start(std::shared_ptr<Binding> binding) override {
    if (worker_->Overdue() != nullptr) {
      throw Error(ErrorCode::kDeviceLost, "an earlier call hangs past its deadline; the device is not used any more");
    }
    binding->Begin();
    std::shared_ptr<Binding> queued = binding;
    if (!worker_->queue.TryPush(queued)) {
      const Error error(ErrorCode::kInvalidArgument,
                        fmt::format("more than {} calls are in flight", worker_->options.max_in_flight));
      binding->Finish(std::make_exception_ptr(error));
      throw error;
    }
    return Completion(std::move(binding), *worker_->options.clock);
  }

 private:
  // The calls behind a hung one: each ends, with an error.
  void FinishQueued() {
    const Error error(ErrorCode::kDeviceLost, "an earlier call hangs past its deadline; this one was never begun");
    while (std::optional<std::shared_ptr<Binding>> queued = worker_->queue.Pop()) {
      (*queued)->Finish(std::make_exception_ptr(error));
    }
  }

  std::shared_ptr<Worker> worker_;
  ClockThread thread_;
};

}  // namespace

std::unique_ptr<Executable> MakeExecutable(std::shared_ptr<Program> program, const ExecutableOptions& options) {
  ExecutableOptions complete = options;
  if (complete.clock == nullptr) complete.clock = &Clock::Real();
  if (complete.max_in_flight < 1) throw Error(ErrorCode::kInvalidArgument, "max_in_flight must be at least 1");
  if (complete.execution == Execution::kCaller) return std::make_unique<CallerExecutable>(std::move(program), complete);
  return std::make_unique<WorkerExecutable>(std::move(program), complete);
}

}  // namespace consort
