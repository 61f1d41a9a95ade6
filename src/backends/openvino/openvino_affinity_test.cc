// Which threads and cores compute, by what the kernel says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "backends/openvino/testing.h"
#include "base/thread.h"

namespace consort::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int kSize = 384;

int ThreadId() { return static_cast<int>(syscall(SYS_gettid)); }

// Nanoseconds that each thread of this process has run, by thread id.
std::map<int, int64_t> RunTimes() {
  std::map<int, int64_t> times;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream(task.path() / "schedstat") >> times[std::stoi(task.path().filename())];
  }
  return times;
}

struct Usage {
  double caller = 0;  // share of the process's computing that the calling thread did
  int busy_threads = 0;
};

Usage Measure(Executable& executable, const std::shared_ptr<Binding>& binding) {
  const auto before = RunTimes();
  for (int i = 0; i < 60; ++i) consort::Run(executable, binding);
  auto after = RunTimes();
  int64_t total = 0;
  for (auto& [thread, time] : after) {
    const auto old = before.find(thread);
    if (old != before.end()) time -= old->second;
    total += time;
  }
  Usage usage;
  usage.caller = static_cast<double>(after[ThreadId()]) / static_cast<double>(total);
  for (const auto& [thread, time] : after) usage.busy_threads += time * 100 > total;
  return usage;
}

std::shared_ptr<Binding> Bound(const Executable& executable) {
  auto binding = std::make_shared<Binding>(executable.signature());
  binding->SetInput(0, Ramp({kSize, kSize}));
  return binding;
}

class OpenVinoAffinity : public ::testing::Test {
 protected:
  void SetUp() override {
    if (CoreSet::Available().size() < 2) GTEST_SKIP() << "needs two cores";
    first_ = CoreSet({CoreSet::Available().cores()[0]});
    second_ = CoreSet({CoreSet::Available().cores()[1]});
  }
  static std::string Cpu(const CoreSet& cores) { return "cpu:" + cores.ToString(); }
  static std::string Model() { return MatMulModel(kSize, kSize, kSize); }

  CoreSet first_;
  CoreSet second_;
};

TEST_F(OpenVinoAffinity, OneThreadComputesInTheCallerOnTheTargetsCore) {
  for (const CoreSet& core : {first_, second_}) {
    const auto executable = CompileOn(Cpu(core), Model());
    const auto binding = Bound(*executable);
    const int caller = ThreadId();
    std::atomic<bool> stop = false;
    std::atomic<bool> strayed = false;
    std::atomic<int> seen_confined = 0;
    std::thread watcher([&] {
      while (!stop) {
        const CoreSet now = CoreSet::OfThread(caller);
        if (now == core) ++seen_confined;
        if (now != core && now != CoreSet::Available()) strayed = true;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
    for (int i = 0; i < 40; ++i) consort::Run(*executable, binding);
    stop = true;
    watcher.join();
    EXPECT_GT(seen_confined, 0) << core.ToString();
    EXPECT_FALSE(strayed);
    EXPECT_GT(Measure(*executable, binding).caller, 0.9);
    EXPECT_EQ(CoreSet::OfThread(0), CoreSet::Available());
  }
}

TEST_F(OpenVinoAffinity, CompilingOnAConfinedThreadDoesNotConfineTheModel) {
  std::unique_ptr<Executable> executable;
  {
    const ThreadScope scope(first_, /*flush_denormals=*/false);
    executable = CompileOn("cpu", Model());
    EXPECT_EQ(CoreSet::OfThread(0), first_);
  }
  EXPECT_EQ(Measure(*executable, Bound(*executable)).busy_threads, CoreSet::Available().size());
}

TEST_F(OpenVinoAffinity, SeveralThreadsLeaveTheCallersMaskAsItWas) {
  const auto executable = CompileOn("cpu", Model());
  const auto binding = Bound(*executable);
  EXPECT_EQ(Measure(*executable, binding).busy_threads, CoreSet::Available().size());
  for (const CoreSet& core : {first_, second_, CoreSet::Available()}) {
    const ThreadScope scope(core, /*flush_denormals=*/false);
    consort::Run(*executable, binding);
    EXPECT_EQ(CoreSet::OfThread(0), core);
  }
}

TEST_F(OpenVinoAffinity, ThreadsAreAnOption) {
  CompileOptions options;
  options.threads = 1;
  const auto executable = CompileOn("cpu", Model(), options);
  EXPECT_GT(Measure(*executable, Bound(*executable)).caller, 0.9);
  options.threads = CoreSet::Available().size() + 1;
  EXPECT_THAT(ErrorOf([&] { CompileOn("cpu", Model(), options); }),
              Pair(ErrorCode::kInvalidArgument, HasSubstr("threads on")));
}

TEST_F(OpenVinoAffinity, AWorkerIsPinnedToTheTargetsCore) {
  CompileOptions options;
  options.execution = Execution::kWorker;
  const auto before = RunTimes();
  const auto executable = CompileOn(Cpu(second_), Model(), options);
  const auto binding = Bound(*executable);
  for (int i = 0; i < 30; ++i) consort::Run(*executable, binding);
  int busiest = 0;
  int64_t most = 0;
  for (const auto& [thread, time] : RunTimes()) {
    if (before.contains(thread) || time <= most) continue;
    most = time, busiest = thread;
  }
  ASSERT_NE(busiest, 0);
  EXPECT_EQ(CoreSet::OfThread(busiest), second_);
}

TEST_F(OpenVinoAffinity, SeveralThreadsOnPartOfTheProcessAreRefused) {
  if (CoreSet::Available().size() < 3) GTEST_SKIP() << "needs three cores";
  const CoreSet two({first_.cores()[0], second_.cores()[0]});
  EXPECT_THAT(ErrorOf([&] { CompileOn(Cpu(two), Model()); }), Pair(ErrorCode::kUnsupported, HasSubstr("--isolate")));
}

// In a process that starts on one core, that core is the process: what an isolated device does.
TEST(OpenVinoConfined, AProcessOnOneCoreUsesThatCore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // starts this program anew, on this thread's cores
  const CoreSet last({CoreSet::Available().cores().back()});
  const ThreadScope scope(last, /*flush_denormals=*/false);
  EXPECT_EXIT(
      {
        const auto executable = CompileOn("cpu", MatMulModel(kSize, kSize, kSize));
        consort::Run(*executable, Bound(*executable));
        std::_Exit(CoreSet::Available() == last && CoreSet::OfThread(0) == last ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace consort::test
