#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/bounded_queue.h"
#include "consort/backend.h"
#include "consort/error.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Signature OneFloat() {
  const Port port = {.name = "x", .spec = {DataType::kFloat32, {1}}, .dim_names = {""}};
  Port output = port;
  output.name = "y";
  return {.inputs = {port}, .outputs = {output}, .states = {}};
}

// y = 2x, or what `before` makes of it.
class DoubleProgram : public Program {
 public:
  explicit DoubleProgram(std::function<void()> before = [] {}) : before_(std::move(before)) {}
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    before_();
    if (binding.output(0).empty()) binding.ProvideOutput(0, Buffer::Allocate({DataType::kFloat32, {1}}));
    binding.output(0).as<float>()[0] = 2 * binding.input(0).as<float>()[0];
  }
  void Interrupt(Binding&) override { interrupted.set_value(); }

  std::promise<void> interrupted;

 private:
  Signature signature_ = OneFloat();
  Placement placement_;
  std::function<void()> before_;
};

std::shared_ptr<Binding> Bound(float value) {
  auto binding = std::make_shared<Binding>(OneFloat());
  Buffer input = Buffer::Allocate({DataType::kFloat32, {1}});
  input.as<float>()[0] = value;
  binding->SetInput(0, std::move(input));
  return binding;
}

std::unique_ptr<Executable> Make(std::shared_ptr<Program> program, Execution execution, int max_in_flight = 1) {
  return MakeExecutable(std::move(program), {.execution = execution, .max_in_flight = max_in_flight});
}

class ExecutableTest : public testing::TestWithParam<Execution> {};
INSTANTIATE_TEST_SUITE_P(Both, ExecutableTest, testing::Values(Execution::kCaller, Execution::kWorker));

TEST_P(ExecutableTest, ComputesAgainAndAgain) {
  auto executable = Make(std::make_shared<DoubleProgram>(), GetParam());
  auto binding = Bound(3);
  for (int i = 1; i < 100; ++i) {
    binding->input(0).as<float>()[0] = static_cast<float>(i);
    consort::Run(*executable, binding);
    EXPECT_EQ(binding->output(0).as<float>()[0], 2.0f * static_cast<float>(i));
  }
}

TEST_P(ExecutableTest, ErrorsReachWhoeverWaits) {
  auto executable = Make(std::make_shared<DoubleProgram>([] { throw Error(ErrorCode::kDeviceLost, "gone"); }), GetParam());
  auto binding = Bound(1);
  EXPECT_THAT([&] { consort::Run(*executable, binding); }, ThrowsMessage<Error>(HasSubstr("gone")));
  EXPECT_THROW(consort::Run(*executable, binding), Error) << "the binding can be used again";
}

TEST_P(ExecutableTest, ForeignExceptionsBecomeErrors) {
  auto executable = Make(std::make_shared<DoubleProgram>([] { throw std::runtime_error("engine said no"); }), GetParam());
  EXPECT_THAT([&] { consort::Run(*executable, Bound(1)); }, ThrowsMessage<Error>(HasSubstr("engine said no")));
  executable = Make(std::make_shared<DoubleProgram>([] { throw 7; }), GetParam());
  EXPECT_THROW(consort::Run(*executable, Bound(1)), Error);
}

TEST_P(ExecutableTest, AnIncompleteBindingIsRefused) {
  auto executable = Make(std::make_shared<DoubleProgram>(), GetParam());
  EXPECT_THAT([&] { executable->Start(std::make_shared<Binding>(OneFloat())); },
              ThrowsMessage<Error>(HasSubstr("input 'x' is not bound")));
}

TEST_P(ExecutableTest, CoresThatDoNotExistAreAnErrorOfTheCall) {
  auto executable = MakeExecutable(std::make_shared<DoubleProgram>(),
                                   {.execution = GetParam(), .cores = CoreSet({1000})});
  EXPECT_THAT([&] { consort::Run(*executable, Bound(1)); }, ThrowsMessage<Error>(HasSubstr("cores 1000")));
}

TEST_P(ExecutableTest, ComputesOnItsCores) {
  const CoreSet last({CoreSet::Available().cores().back()});
  CoreSet seen;
  auto program = std::make_shared<DoubleProgram>([&] { seen = CoreSet::OfThread(0); });
  const CoreSet before = CoreSet::OfThread(0);
  auto executable = MakeExecutable(program, {.execution = GetParam(), .cores = last});
  consort::Run(*executable, Bound(1));
  EXPECT_EQ(seen, last);
  EXPECT_EQ(CoreSet::OfThread(0), before);
}

TEST(Binding, WrongBuffersNameThePort) {
  Binding binding(OneFloat());
  EXPECT_THAT([&] { binding.SetInput(0, Buffer::Allocate({DataType::kFloat32, {2}})); },
              ThrowsMessage<Error>(HasSubstr("input 'x' takes float32 1, not float32 2")));
  EXPECT_THROW(binding.SetInput(0, Buffer::Allocate({DataType::kInt32, {1}})), Error);
  EXPECT_THROW(binding.SetOutput(0, Buffer()), Error);
}

TEST(WorkerExecutable, ADeadlinePassesAndTheCallGoesOn) {
  std::promise<void> gate;
  std::promise<void> entered;
  auto program = std::make_shared<DoubleProgram>([&, opened = gate.get_future().share()] {
    entered.set_value();
    opened.wait();
  });
  auto executable = Make(program, Execution::kWorker);
  auto binding = Bound(4);
  Completion completion = executable->Start(binding);
  entered.get_future().wait();
  EXPECT_FALSE(completion.WaitUntil(Clock::Real().NowNs() + 1'000'000));
  EXPECT_FALSE(completion.done());
  EXPECT_THROW(binding->SetInput(0, Buffer::Allocate({DataType::kFloat32, {1}})), Error);
  EXPECT_THAT([&] { executable->Start(Bound(1)); }, ThrowsMessage<Error>(HasSubstr("hangs")));
  gate.set_value();
  completion.Wait();
  EXPECT_EQ(binding->output(0).as<float>()[0], 8);
}

TEST(WorkerExecutable, AHungCallIsLeftToItselfWithItsMemory) {
  std::promise<void> gate;
  std::promise<void> entered;
  std::weak_ptr<Binding> watched;
  {
    auto program = std::make_shared<DoubleProgram>([&, opened = gate.get_future().share()] {
      entered.set_value();
      opened.wait();
    });
    auto executable = Make(program, Execution::kWorker);
    auto binding = Bound(4);
    watched = binding;
    Completion completion = executable->Start(binding);
    entered.get_future().wait();
    EXPECT_FALSE(completion.WaitUntil(Clock::Real().NowNs() + 1'000'000));
  }  // does not wait for the call
  EXPECT_FALSE(watched.expired()) << "the call still owns what it writes to";
  gate.set_value();
  while (!watched.expired()) std::this_thread::yield();  // the thread that was left behind ends
}

TEST(WorkerExecutable, CallsBehindAHungOneEndWithAnError) {
  std::promise<void> gate;
  std::promise<void> entered;
  auto program = std::make_shared<DoubleProgram>([&, opened = gate.get_future().share()] {
    entered.set_value();
    opened.wait();
  });
  auto executable = Make(program, Execution::kWorker, /*max_in_flight=*/2);
  std::weak_ptr<Binding> watched;
  Completion queued = [&] {
    auto binding = Bound(1);
    watched = binding;
    Completion running = executable->Start(binding);
    entered.get_future().wait();
    Completion next = executable->Start(Bound(2));
    EXPECT_FALSE(running.WaitUntil(Clock::Real().NowNs() + 1'000'000));
    return next;
  }();
  executable.reset();
  EXPECT_THAT([&] { queued.Wait(); }, ThrowsMessage<Error>(HasSubstr("never begun")));
  gate.set_value();
  while (!watched.expired()) std::this_thread::yield();
}

TEST(WorkerExecutable, ACallThatIsOverdueInTheQueueIsNotBegun) {
  std::promise<void> gate;
  std::promise<void> entered;
  std::once_flag once;
  auto program = std::make_shared<DoubleProgram>([&, opened = gate.get_future().share()] {
    std::call_once(once, [&] { entered.set_value(); });
    opened.wait();
  });
  auto executable = Make(program, Execution::kWorker, /*max_in_flight=*/2);
  Completion running = executable->Start(Bound(1));
  entered.get_future().wait();
  Completion queued = executable->Start(Bound(2));
  EXPECT_FALSE(queued.WaitUntil(Clock::Real().NowNs() + 1'000'000));
  gate.set_value();
  running.Wait();
  EXPECT_THAT([&] { queued.Wait(); }, ThrowsMessage<Error>(HasSubstr("deadline passed before it began")));
}

TEST(WorkerExecutable, TooManyCallsAreRefused) {
  std::promise<void> gate;
  std::promise<void> entered;
  std::once_flag once;
  auto program = std::make_shared<DoubleProgram>([&, opened = gate.get_future().share()] {
    std::call_once(once, [&] { entered.set_value(); });
    opened.wait();
  });
  auto executable = Make(program, Execution::kWorker, /*max_in_flight=*/1);
  Completion running = executable->Start(Bound(1));
  entered.get_future().wait();
  Completion queued = executable->Start(Bound(2));
  EXPECT_THAT([&] { executable->Start(Bound(3)); }, ThrowsMessage<Error>(HasSubstr("in flight")));
  gate.set_value();
  running.Wait();
  queued.Wait();
}

TEST(WorkerExecutable, CancelReachesQueuedAndRunningCalls) {
  std::promise<void> gate;
  std::promise<void> entered;
  std::once_flag once;
  auto program = std::make_shared<DoubleProgram>([&, opened = gate.get_future().share()] {
    std::call_once(once, [&] { entered.set_value(); });
    opened.wait();
  });
  auto executable = Make(program, Execution::kWorker, /*max_in_flight=*/2);
  Completion running = executable->Start(Bound(1));
  entered.get_future().wait();
  Completion queued = executable->Start(Bound(2));
  queued.Cancel();
  running.Cancel();
  program->interrupted.get_future().wait();
  gate.set_value();
  running.Wait();
  EXPECT_THAT([&] { queued.Wait(); }, ThrowsMessage<Error>(HasSubstr("cancelled")));
}

}  // namespace
}  // namespace consort
