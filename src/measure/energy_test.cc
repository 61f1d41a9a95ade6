#include "measure/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/dynamic_library.h"
#include "base/files.h"
#include "consort/error.h"
#include "measure/nvml.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A folder like /sys/class/powercap.
class FakePowercap {
 public:
  // `range` empty: a zone without that file.
  void AddZone(const std::string& zone, const std::string& name, int64_t microjoules, int64_t range) {
    std::filesystem::create_directory(root() / zone);
    Write(root() / zone / "name", name);
    Write(root() / zone / "max_energy_range_uj", std::to_string(range));
    Set(zone, microjoules);
  }
  void Set(const std::string& zone, int64_t microjoules) {
    Write(root() / zone / "energy_uj", std::to_string(microjoules));
  }
  const std::filesystem::path& root() const { return folder_.path(); }

 private:
  static void Write(const std::filesystem::path& path, const std::string& line) { std::ofstream(path) << line << "\n"; }

  TemporaryFolder folder_;
};

TEST(RaplTest, PackagesAndMemoryAddUpAndTheirPartsDoNotCount) {
  FakePowercap powercap;
  powercap.AddZone("intel-rapl:0", "package-0", 1'000'000, 10'000'000);
  powercap.AddZone("intel-rapl:0:0", "core", 500'000, 10'000'000);
  powercap.AddZone("intel-rapl:0:1", "dram", 200'000, 10'000'000);
  powercap.AddZone("intel-rapl:1", "psys", 9'000'000, 10'000'000);
  powercap.AddZone("intel-rapl-mmio:0", "package-0", 1'000'000, 10'000'000);
  const FoundMeter found = FindRaplMeter(powercap.root());
  ASSERT_NE(found.meter, nullptr) << found.why_not;
  EXPECT_EQ(found.meter->name(), "RAPL (package-0, dram)");
  EXPECT_DOUBLE_EQ(found.meter->ReadJoules(), 0);
  for (const char* zone : {"intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1", "intel-rapl-mmio:0"})
    powercap.Set(zone, 4'000'000);
  powercap.Set("intel-rapl:0:1", 700'000);
  EXPECT_DOUBLE_EQ(found.meter->ReadJoules(), 3 + 0.5);
}

TEST(RaplTest, ACounterThatBeginsAnewGoesOn) {
  FakePowercap powercap;
  powercap.AddZone("intel-rapl:0", "package-0", 9'500'000, 10'000'000);
  const FoundMeter found = FindRaplMeter(powercap.root());
  ASSERT_NE(found.meter, nullptr) << found.why_not;
  powercap.Set("intel-rapl:0", 250'000);
  EXPECT_DOUBLE_EQ(found.meter->ReadJoules(), 0.75);
  powercap.Set("intel-rapl:0", 350'000);
  EXPECT_DOUBLE_EQ(found.meter->ReadJoules(), 0.85);
}

TEST(RaplTest, WhatIsMissingOrForbiddenIsTold) {
  const FakePowercap empty;
  EXPECT_THAT(FindRaplMeter(empty.root()).why_not, HasSubstr("has no RAPL counters"));
  EXPECT_THAT(FindRaplMeter("/no/such/folder").why_not, HasSubstr("/no/such/folder has no RAPL counters"));
  FakePowercap forbidden;  // a folder in the file's place: nobody, root neither, can read it
  forbidden.AddZone("intel-rapl:0", "package-0", 1, 10);
  std::filesystem::remove(forbidden.root() / "intel-rapl:0" / "energy_uj");
  std::filesystem::create_directory(forbidden.root() / "intel-rapl:0" / "energy_uj");
  const FoundMeter found = FindRaplMeter(forbidden.root());
  EXPECT_EQ(found.meter, nullptr);
  EXPECT_THAT(found.why_not, AllOf(HasSubstr("energy_uj cannot be read"), HasSubstr("chmod a+r")));
}

// The library that the meters of this process use, to say its figures.
class FakeNvml {
 public:
  explicit FakeNvml(const std::string& path)
      : path_(path), set_(DynamicLibrary::Open("NVML", {path}).Symbol<decltype(set_)>("TestSetNvml")) {}
  void Set(unsigned long long millijoules, unsigned milliwatts, unsigned gpus = 1) {
    set_(millijoules, milliwatts, gpus);
  }
  FoundMeter Find(int gpu = 0) const { return FindNvmlMeter(gpu, {path_}); }

 private:
  std::string path_;
  void (*set_)(unsigned long long, unsigned, unsigned);
};

TEST(NvmlTest, TheCounterIsReadInJoules) {
  FakeNvml nvml(TEST_NVML);
  nvml.Set(5000, 0);
  const FoundMeter found = nvml.Find();
  ASSERT_NE(found.meter, nullptr) << found.why_not;
  EXPECT_EQ(found.meter->name(), "NVML (counter of GPU 0)");
  nvml.Set(6500, 0);
  EXPECT_DOUBLE_EQ(found.meter->ReadJoules(), 1.5);
}

TEST(NvmlTest, WithoutACounterPowerIsSampled) {
  FakeNvml nvml(TEST_NVML_NO_COUNTER);
  nvml.Set(0, 50'000);
  const FoundMeter found = nvml.Find();
  ASSERT_NE(found.meter, nullptr) << found.why_not;
  EXPECT_EQ(found.meter->name(), "NVML (power samples of GPU 0)");
  const TimeNs start_ns = Clock::Real().NowNs();
  double joules = 0;
  while ((joules = found.meter->ReadJoules()) < 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // Never more than the power times the time.
  EXPECT_LE(joules, 50 * 1e-9 * static_cast<double>(Clock::Real().NowNs() - start_ns) + 50 * 0.1);
  nvml.Set(0, 0);
}

TEST(NvmlTest, WhatIsMissingIsTold) {
  EXPECT_THAT(FindNvmlMeter(0, {"libno-such-nvml.so"}).why_not, HasSubstr("libno-such-nvml.so"));
  FakeNvml nvml(TEST_NVML);
  nvml.Set(1, 1);
  EXPECT_THAT(nvml.Find(3).why_not, HasSubstr("NVML has no GPU 3 (it has 1)"));
  FakeNvml old(TEST_NVML_NO_COUNTER);
  old.Set(0, 0);
  EXPECT_THAT(old.Find().why_not, HasSubstr("neither energy nor power"));
}

TEST(NvmlTest, OneOfSeveralGpusIsKnownOnlyByTheOrderOfTheBus) {
  FakeNvml nvml(TEST_NVML);
  nvml.Set(1, 1, 2);
  unsetenv("CUDA_VISIBLE_DEVICES");
  unsetenv("CUDA_DEVICE_ORDER");
  EXPECT_THAT(nvml.Find(1).why_not, HasSubstr("CUDA_DEVICE_ORDER=PCI_BUS_ID"));
  setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID", 1);
  EXPECT_NE(nvml.Find(1).meter, nullptr);
  unsetenv("CUDA_DEVICE_ORDER");
}

// Counts what it is told.
class HandMeter : public EnergyMeter {
 public:
  HandMeter(const double& joules, const bool& fails) : joules_(joules), fails_(fails) {}
  const std::string& name() const override { return name_; }
  double ReadJoules() override {
    if (fails_) throw Error(ErrorCode::kUnsupported, "the counter is gone");
    return joules_;
  }

 private:
  std::string name_ = "by hand";
  const double& joules_;
  const bool& fails_;
};

struct HandCounter {
  double joules = 100;
  bool fails = false;
  FoundMeter Meter() { return {std::make_unique<HandMeter>(joules, fails), ""}; }
};

TEST(EnergyTallyTest, OnlyWhatIsUsedInBlocksCounts) {
  HandCounter counter;
  EnergyTally tally(counter.Meter());
  const BlockRunner block = tally.Around([&counter](TimeNs, int64_t, BlockSamples& samples) {
    counter.joules += 6;
    samples.inferences = 4;
  });
  BlockSamples samples;
  for (int i = 0; i < 3; ++i) {
    block(1, 1, samples);
    counter.joules += 1000;  // between blocks
  }
  const EnergyFigure figure = tally.Summarise();
  EXPECT_EQ(figure.joules_per_inference, 1.5);
  EXPECT_EQ(figure.source, "by hand");
}

TEST(SumOfMetersTest, AddsUpAndMissesWhatOneMisses) {
  HandCounter first, second;
  std::vector<FoundMeter> meters;
  meters.push_back(first.Meter());
  meters.push_back(second.Meter());
  const FoundMeter sum = SumOfMeters(std::move(meters));
  ASSERT_NE(sum.meter, nullptr);
  EXPECT_EQ(sum.meter->name(), "by hand + by hand");
  second.joules = 7;
  EXPECT_DOUBLE_EQ(sum.meter->ReadJoules(), 107);
  meters.clear();
  meters.push_back(first.Meter());
  meters.push_back({nullptr, "none of the GPU"});
  EXPECT_EQ(SumOfMeters(std::move(meters)).why_not, "none of the GPU");
}

TEST(EnergyTallyTest, WithoutAFigureTheReasonIsTold) {
  EXPECT_EQ(EnergyTally({nullptr, "no counter here"}).Summarise().source, "not known: no counter here");
  HandCounter counter;
  EnergyTally still(counter.Meter());
  EXPECT_EQ(still.Summarise().source, "not known: nothing was computed");
  still.Begin();
  still.End(7);
  EXPECT_EQ(still.Summarise().source, "not known: by hand did not move while 7 inferences were computed");
  EXPECT_FALSE(still.Summarise().joules_per_inference);
  EnergyTally fails(counter.Meter());
  fails.Begin();
  counter.fails = true;
  fails.End(1);
  EXPECT_EQ(fails.Summarise().source, "not known: the counter is gone");
}

}  // namespace
}  // namespace consort
