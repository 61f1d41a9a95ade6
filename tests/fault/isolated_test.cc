// What an engine's crash or hang does to an isolated device, and what it leaves alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/strings.h"
#include "consort/consort.h"
#include "model/test_models.h"
#include "processes.h"

namespace consort {
namespace {

using test::Children;
using test::EntriesOf;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr TimeNs kSecondNs = 1'000'000'000;

Artifact SumAndProduct() { return Artifact(Model::Parse(test::AsBytes(test::TwoInputModel()), "two.onnx")); }

std::shared_ptr<Binding> Bound(const Executable& executable) {
  auto binding = std::make_shared<Binding>(executable.signature());
  for (int port = 0; port < binding->input_count(); ++port) {
    Buffer buffer = Buffer::Allocate(executable.signature().inputs[port].spec);
    std::fill_n(buffer.as<float>().data(), buffer.as<float>().size(), 3.0f);
    binding->SetInput(port, std::move(buffer));
  }
  return binding;
}

// testing::Test::Run hides the free function in tests.
void Compute(Executable& executable, const std::shared_ptr<Binding>& binding) { Run(executable, binding); }

// The error that `call` ends with.
template <typename Call>
Error ErrorOf(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::kInternal, "");
}

// Every test: an in-process device goes on computing, and no descriptor, process or thread is left.
class Isolated : public testing::Test {
 protected:
  // ThreadSanitizer starts a thread of its own with the first one of the program: before anything is counted.
  static void SetUpTestSuite() { std::thread([] {}).join(); }

  void SetUp() override {
    neighbour_ = registry_.Open(Target::Parse("cpu@onnxruntime"))->Compile(SumAndProduct(), {.threads = 1});
    descriptors_ = EntriesOf("/proc/self/fd");
    threads_ = EntriesOf("/proc/self/task");
  }

  void TearDown() override {
    const auto binding = Bound(*neighbour_);
    Compute(*neighbour_, binding);
    EXPECT_EQ(binding->output(0).as<float>()[0], 6.0f);
    EXPECT_EQ(binding->output(1).as<float>()[0], 9.0f);
    EXPECT_EQ(EntriesOf("/proc/self/fd"), descriptors_);
    EXPECT_THAT(Children(), testing::IsEmpty());
    // A joined thread leaves /proc a moment after its join.
    const TimeNs deadline_ns = Clock::Real().NowNs() + 5 * kSecondNs;
    while (EntriesOf("/proc/self/task") > threads_ && Clock::Real().NowNs() < deadline_ns) std::this_thread::yield();
    EXPECT_LE(EntriesOf("/proc/self/task"), threads_);
  }

  std::shared_ptr<Device> Open(const std::string& target, TimeNs compile_timeout_ns = kNever) {
    return registry_.Open(Target::Parse(target), {.isolated = true, .compile_timeout_ns = compile_timeout_ns});
  }

  Registry registry_ = MakeBuiltinRegistry();
  std::unique_ptr<Executable> neighbour_;
  int descriptors_ = 0;
  int threads_ = 0;
};

TEST_F(Isolated, RunsInAnotherProcess) {
  const auto device = Open("null");
  EXPECT_EQ(device->info().target.ToString(), "null@null");
  EXPECT_EQ(Children().size(), 1u);
  const auto executable = device->Compile(SumAndProduct(), {});
  const auto binding = Bound(*executable);
  Compute(*executable, binding);
  EXPECT_EQ(binding->output(1).spec().shape, (Shape{1, 4}));
}

TEST_F(Isolated, CrashWhileCompiling) {
  const auto device = Open("faulty:crash-compile");
  const Error error = ErrorOf([&] { device->Compile(SumAndProduct(), {}); });
  EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("faulty:crash-compile"), HasSubstr("SIGSEGV"), HasSubstr("Open the device again")));
  EXPECT_EQ(ErrorOf([&] { device->Compile(SumAndProduct(), {}); }).code(), ErrorCode::kDeviceLost) << "it stays lost";
}

TEST_F(Isolated, CrashWhileRunning) {
  for (const Execution execution : {Execution::kCaller, Execution::kWorker}) {
    const auto device = Open("faulty:crash-run");
    const auto executable = device->Compile(SumAndProduct(), {.execution = execution});
    const auto binding = Bound(*executable);
    const Error error = ErrorOf([&] { Compute(*executable, binding); });
    EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
    EXPECT_THAT(error.what(), HasSubstr("SIGSEGV"));
    EXPECT_EQ(ErrorOf([&] { Compute(*executable, binding); }).code(), ErrorCode::kDeviceLost) << "it stays lost";
  }
}

TEST_F(Isolated, HangWhileRunning) {
  const auto device = Open("faulty:hang-run");
  auto executable = device->Compile(SumAndProduct(), {.execution = Execution::kWorker});
  Completion completion = executable->Start(Bound(*executable));
  EXPECT_FALSE(completion.WaitUntil(Clock::Real().NowNs() + kSecondNs / 20));
  executable.reset();
  const Error error = ErrorOf([&] { completion.Wait(); });
  EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("SIGKILL"), HasSubstr("hung past its deadline")));
}

TEST_F(Isolated, HangWhileCompiling) {
  const auto device = Open("faulty:hang-compile", kSecondNs / 2);
  const Error error = ErrorOf([&] { device->Compile(SumAndProduct(), {}); });
  EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
  EXPECT_THAT(error.what(), HasSubstr("did not answer within 500 ms"));
}

TEST_F(Isolated, KilledFromOutside) {
  const auto lost = Open("faulty:hang-run");
  const auto spared = Open("null");
  const auto hanging = lost->Compile(SumAndProduct(), {.execution = Execution::kWorker});
  const auto computing = spared->Compile(SumAndProduct(), {});
  Completion completion = hanging->Start(Bound(*hanging));
  const std::vector<pid_t> children = Children();
  ASSERT_EQ(children.size(), 2u);
  kill(*std::min_element(children.begin(), children.end()), SIGKILL);
  const Error error = ErrorOf([&] { completion.Wait(); });
  EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
  EXPECT_THAT(error.what(), HasSubstr("SIGKILL"));
  EXPECT_NO_THROW(Compute(*computing, Bound(*computing))) << "another isolated device is not concerned";
}

TEST_F(Isolated, ErrorsKeepTheirCodeAndTheDevice) {
  const auto device = Open("faulty:lost");
  const auto executable = device->Compile(SumAndProduct(), {});
  for (int call = 0; call < 2; ++call) {
    const Error error = ErrorOf([&] { Compute(*executable, Bound(*executable)); });
    EXPECT_EQ(error.code(), ErrorCode::kDeviceLost);
    EXPECT_STREQ(error.what(), "faulty:lost is lost, as asked");
  }
  const auto thrower = Open("faulty:throw")->Compile(SumAndProduct(), {});
  EXPECT_THAT(ErrorOf([&] { Compute(*thrower, Bound(*thrower)); }).what(), HasSubstr("faulty:throw throws"));
  EXPECT_EQ(ErrorOf([&] { Open("faulty:nonsense"); }).code(), ErrorCode::kUnsupported);
}

TEST_F(Isolated, ALostNeighbourOnTheSameDeviceEndsTheWaitOfAll) {
  const auto device = Open("faulty:crash-run");
  const auto first = device->Compile(SumAndProduct(), {.execution = Execution::kWorker});
  const auto second = device->Compile(SumAndProduct(), {.execution = Execution::kWorker});
  EXPECT_EQ(ErrorOf([&] { Compute(*first, Bound(*first)); }).code(), ErrorCode::kDeviceLost);
  EXPECT_EQ(ErrorOf([&] { Compute(*second, Bound(*second)); }).code(), ErrorCode::kDeviceLost);
}

TEST_F(Isolated, SteadyStateMakesNoMemory) {
  const auto device = Open("null");
  const auto executable = device->Compile(SumAndProduct(), {});
  const auto binding = Bound(*executable);
  Compute(*executable, binding);
  const int descriptors = EntriesOf("/proc/self/fd");
  const void* output = binding->output(0).data();
  for (int call = 0; call < 100; ++call) Compute(*executable, binding);
  EXPECT_EQ(binding->output(0).data(), output);
  EXPECT_EQ(EntriesOf("/proc/self/fd"), descriptors);
}

TEST_F(Isolated, SharedBuffersAreUsedInPlace) {
  const auto device = Open("null");
  const auto executable = device->Compile(SumAndProduct(), {});
  const auto binding = Bound(*executable);
  const MemorySpace shared = {.kind = MemorySpace::Kind::kShared};
  Buffer output = device->Allocate(executable->signature().outputs[0].spec, shared);
  output.as<float>()[2] = 9;
  binding->SetOutput(0, output.Share());
  Compute(*executable, binding);
  EXPECT_EQ(output.as<float>()[2], 0.0f) << "written by the other process";
  binding->SetInput(0, binding->output(1).Share());  // an output of this binding, lying in its own memory
  EXPECT_NO_THROW(Compute(*executable, binding));
}

TEST_F(Isolated, WhatAWrongWorkerSaysIsQuoted) {
  setenv("CONSORT_WORKER", "/bin/ls", 1);
  const Error wrong = ErrorOf([&] { Open("null"); });
  setenv("CONSORT_WORKER", "/nowhere/consort-worker", 1);
  const Error absent = ErrorOf([&] { Open("null"); });
  unsetenv("CONSORT_WORKER");
  EXPECT_EQ(wrong.code(), ErrorCode::kDeviceLost);
  EXPECT_THAT(wrong.what(), AllOf(HasSubstr("exit code 2"), HasSubstr("it said last: "), HasSubstr("null@null")));
  EXPECT_EQ(absent.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(absent.what(), AllOf(HasSubstr("/nowhere/consort-worker"), HasSubstr("set CONSORT_WORKER")));
}

TEST_F(Isolated, OpensAndClosesAgainAndAgain) {
  for (int round = 0; round < 10; ++round) Open("null")->Compile(SumAndProduct(), {});
}

TEST_F(Isolated, ACoreSetHoldsForEveryThreadOfTheProcess) {
  const CoreSet last({CoreSet::Available().cores().back()});
  std::vector<std::string> backends = {"onnxruntime"};
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  backends.push_back("openvino");  // loads a library with RTLD_DEEPBIND, which sanitizers end the process for
#endif
  for (const std::string& backend : backends) {
    const auto device = Open("cpu:" + last.ToString() + "@" + backend);
    const auto executable = device->Compile(SumAndProduct(), {});
    Compute(*executable, Bound(*executable));
    const std::string tasks = "/proc/" + std::to_string(Children().back()) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      EXPECT_EQ(CoreSet::OfThread(std::stoi(task.path().filename())), last) << backend;
    }
  }
}

TEST_F(Isolated, AWorkerDoesNotOutliveItsParent) {
  int result[2];
  ASSERT_EQ(pipe(result), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const auto device = Open("faulty:hang-run");
    const auto executable = device->Compile(SumAndProduct(), {.execution = Execution::kWorker});
    executable->Start(Bound(*executable));
    const pid_t child = Children().back();
    if (write(result[1], &child, sizeof(child)) != sizeof(child)) _exit(1);
    raise(SIGKILL);
  }
  pid_t child = 0;
  EXPECT_EQ(read(result[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  waitpid(parent, nullptr, 0);
  close(result[0]);
  close(result[1]);
  const std::string process = "/proc/" + std::to_string(child) + "/stat";
  const auto gone = [&] {
    std::string word;
    std::ifstream file(process);
    return !(file >> word >> word >> word) || word == "Z" || word == "X";  // who reaps it is not our affair
  };
  const TimeNs deadline_ns = Clock::Real().NowNs() + 10 * kSecondNs;
  while (!gone() && Clock::Real().NowNs() < deadline_ns)
    Clock::Real().SleepUntil(Clock::Real().NowNs() + kSecondNs / 1000);
  EXPECT_TRUE(gone());
}

}  // namespace
}  // namespace consort
