#include "backends/onnxruntime/session_setup.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <sched.h>

#include <map>

#include "backends/onnxruntime/test_support.h"

namespace consort {
namespace {

using test::ArtifactOf;
using test::OpenOrt;

// Every thread of this process by its kernel number, with the cores that the kernel lets it use.
std::map<int, CoreSet> ThreadsNow() {
  std::map<int, CoreSet> threads;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* entry = readdir(tasks)) {
    const int id = std::atoi(entry->d_name);
    cpu_set_t mask;
    if (id == 0 || sched_getaffinity(id, sizeof(mask), &mask) != 0) continue;
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &mask)) cores.push_back(core);
    }
    threads.emplace(id, CoreSet(cores));
  }
  closedir(tasks);
  return threads;
}

// The threads that `executable` added to `before`.
std::vector<CoreSet> Added(const std::map<int, CoreSet>& before) {
  std::vector<CoreSet> added;
  for (const auto& [id, cores] : ThreadsNow()) {
    if (!before.contains(id)) added.push_back(cores);
  }
  return added;
}

// As Added, but waits until it is `expected`, for some seconds: the engine's threads pin themselves when they first run.
std::vector<CoreSet> AddedAfterStart(const std::map<int, CoreSet>& before, const std::vector<CoreSet>& expected) {
  constexpr int kTries = 5000;
  for (int i = 0; i < kTries && Added(before) != expected; ++i) {
    Clock::Real().SleepUntil(Clock::Real().NowNs() + 1'000'000);
  }
  return Added(before);
}

std::string FirstCores(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i > 0 ? "+" : "") + std::to_string(CoreSet::Available().cores().at(i));
  return text;
}

TEST(ThreadAffinities, OneEntryPerThreadButTheCallers) {
  EXPECT_EQ(ThreadAffinities(CoreSet({0, 1}), 2), "2");
  EXPECT_EQ(ThreadAffinities(CoreSet({2, 4, 6}), 3), "5;7");
  EXPECT_EQ(ThreadAffinities(CoreSet({0, 1}), 3), "1,2;1,2");
  EXPECT_EQ(ThreadAffinities(CoreSet({3}), 1), "");
}

TEST(ProviderChoice, OneThreadPerCoreUnlessAsked) {
  EXPECT_EQ((ProviderChoice{.cores = CoreSet({0, 1, 5})}).Threads(0), 3);
  EXPECT_EQ((ProviderChoice{.cores = CoreSet({0, 1, 5})}).Threads(1), 1);
  EXPECT_EQ((ProviderChoice{}).Threads(0), CoreSet::Available().size());
  EXPECT_THROW((ProviderChoice{}).Threads(CoreSet::Available().size() + 1), Error);
  EXPECT_EQ((ProviderChoice{.kind = ProviderChoice::Kind::kCuda}).Threads(0), 1);
}

TEST(Threads, OneThreadStartsNone) {
  OpenOrt()->Compile(ArtifactOf(test::ConvReluModel()), {.threads = 1});  // whatever the engine starts once per process
  const auto before = ThreadsNow();
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::ConvReluModel()), {.threads = 1});
  EXPECT_EQ(Added(before).size(), 0u);
}

TEST(Threads, WorkersStayOnTheCoresOfTheTarget) {
  if (CoreSet::Available().size() < 2) GTEST_SKIP() << "one core only";
  OpenOrt()->Compile(ArtifactOf(test::ConvReluModel()), {.threads = 1});
  const auto before = ThreadsNow();
  const auto two = OpenOrt("cpu:" + FirstCores(2) + "@onnxruntime")->Compile(ArtifactOf(test::ConvReluModel()), {});
  const std::vector<CoreSet> second{CoreSet({CoreSet::Available().cores()[1]})};
  EXPECT_EQ(AddedAfterStart(before, second), second);
  const auto mid = ThreadsNow();
  const auto crowded =
      OpenOrt("cpu:" + FirstCores(1) + "@onnxruntime")->Compile(ArtifactOf(test::ConvReluModel()), {.threads = 2});
  const std::vector<CoreSet> first(1, CoreSet({CoreSet::Available().cores()[0]}));
  EXPECT_EQ(AddedAfterStart(mid, first), first);
}

TEST(Threads, CallerKeepsItsCoresAndItsFloatingPointMode) {
  const CoreSet cores = CoreSet::Available();
  volatile float tiny = 1e-40F;
  const auto executable = OpenOrt("cpu:" + FirstCores(1) + "@onnxruntime")->Compile(ArtifactOf(test::IdentityModel()), {});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, test::PatternBuffer({1, 4}));
  consort::Run(*executable, binding);
  EXPECT_EQ(CoreSet::Available(), cores);
  EXPECT_NE(tiny * 1.0F, 0.0F);
}

TEST(Threads, WorkerExecutableComputesOnItsCore) {
  const auto before = ThreadsNow();
  const auto executable = OpenOrt("cpu:" + FirstCores(1) + "@onnxruntime")
                              ->Compile(ArtifactOf(test::IdentityModel()), {.execution = Execution::kWorker});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, test::PatternBuffer({1, 4}));
  consort::Run(*executable, binding);
  EXPECT_THAT(Added(before), ::testing::ElementsAre(CoreSet({CoreSet::Available().cores()[0]})));
}

// 1e-40 * 1 is 1e-40 with denormals and 0 without; the engine's threads must agree with the option, whichever session came first.
float ProductOfDenormals(bool flush, int threads) {
  const auto executable = OpenOrt()->Compile(ArtifactOf(test::TwoInputModel()), {.threads = threads, .flush_denormals = flush});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, test::FloatBuffer({1, 4}, {1e-40F, 1e-40F, 1e-40F, 1e-40F}));
  binding->SetInput(1, test::FloatBuffer({1, 4}, {1, 1, 1, 1}));
  consort::Run(*executable, binding);
  return binding->output(executable->signature().FindOutput("product")).as<float>()[3];
}

TEST(Denormals, AreFlushedOrKeptAsAsked) {
  for (int threads : {1, 2}) {
    EXPECT_EQ(ProductOfDenormals(true, threads), 0.0F);
    EXPECT_NE(ProductOfDenormals(false, threads), 0.0F);
    EXPECT_EQ(ProductOfDenormals(true, threads), 0.0F);
  }
}

}  // namespace
}  // namespace consort
