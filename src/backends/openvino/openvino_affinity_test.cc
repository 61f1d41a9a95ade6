// Which threads and cores compute, by what the kernel says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
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

// The processes that this one has started, by id.
std::set<int> Children() {
  std::set<int> children;
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    std::ifstream status(process.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line == fmt::format("PPid:\t{}", getpid())) children.insert(std::stoi(process.path().filename()));
    }
  }
  return children;
}

std::set<int> NewChildren(const std::set<int>& before) {
  std::set<int> children = Children();
  std::erase_if(children, [&](int child) { return before.contains(child); });
  return children;
}

// The core sets that the threads of a process had at any moment while it computed.
std::set<std::string> CoresSeenDuring(Executable& executable, const std::shared_ptr<Binding>& binding, int process) {
  std::set<std::string> seen;
  std::atomic<bool> stop = false;
  std::thread watcher([&] {
    do {
      for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
        const CoreSet cores = CoreSet::OfThread(std::stoi(task.path().filename()));
        if (!cores.empty()) seen.insert(cores.ToString());  // else the thread has ended
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    } while (!stop);
  });
  for (int i = 0; i < 40; ++i) consort::Run(executable, binding);
  stop = true;
  watcher.join();
  return seen;
}

class OpenVinoAffinity : public ::testing::Test {
 protected:
  // OpenVINO's thread pool counts the main thread's cores at its first use: that must not be while a test confines it.
  static void SetUpTestSuite() {
    const auto executable = CompileOn("cpu", Model());
    consort::Run(*executable, Bound(*executable));
  }
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

TEST_F(OpenVinoAffinity, APartOfTheCoresIsAProcessConfinedToThem) {
  for (const Execution execution : {Execution::kCaller, Execution::kWorker}) {
    for (const CoreSet& core : {first_, second_}) {
      const auto before = Children();
      const auto device = OpenDevice(Cpu(core));
      EXPECT_THAT(device->info().engine, HasSubstr("in a process of its own, confined to cores " + core.ToString()));
      CompileOptions options;
      options.execution = execution;
      const auto executable = device->Compile(OnnxArtifact(Model()), options);
      const auto binding = Bound(*executable);
      const auto started = NewChildren(before);
      ASSERT_EQ(started.size(), 1u);
      EXPECT_EQ(CoresSeenDuring(*executable, binding, *started.begin()), std::set<std::string>{core.ToString()});
      EXPECT_EQ(CoreSet::OfThread(0), CoreSet::Available());
    }
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

TEST_F(OpenVinoAffinity, SeveralThreadsOnAPartOfTheCores) {
  if (CoreSet::Available().size() < 3) GTEST_SKIP() << "needs three cores";
  const CoreSet two({first_.cores()[0], second_.cores()[0]});
  const auto before = Children();
  const auto executable = CompileOn(Cpu(two), Model());
  const auto started = NewChildren(before);
  ASSERT_EQ(started.size(), 1u);
  for (const std::string& cores : CoresSeenDuring(*executable, Bound(*executable), *started.begin())) {
    EXPECT_TRUE(two.Contains(CoreSet::Parse(cores))) << cores;
  }
}

TEST_F(OpenVinoAffinity, OneThreadLeavesTheCallersMaskAsItWas) {
  CompileOptions options;
  options.threads = 1;
  const auto executable = CompileOn("cpu", Model(), options);
  const auto binding = Bound(*executable);
  for (const CoreSet& core : {first_, second_, CoreSet::Available()}) {
    const ThreadScope scope(core, /*flush_denormals=*/false);
    consort::Run(*executable, binding);
    EXPECT_EQ(CoreSet::OfThread(0), core);
  }
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
