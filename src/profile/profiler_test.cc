#include "profile/profiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "consort/error.h"
#include "model/test_models.h"
#include "profile/measured_costs.h"
#include "zoo/zoo.h"

namespace consort {
namespace {

// Convolutions, pools and dense layers: several places between fusions where it may be cut.
Model LeNet() {
  const std::string bytes = zoo::Make("lenet", {}).SerializeAsString();
  return Model::Parse(test::AsBytes(bytes), "lenet.onnx");
}

ProfilerOptions Brief() {
  return {.units = 3, .time_ns = 2'000'000, .link_time_ns = 2'000'000};
}

class ProfilerTest : public ::testing::Test {
 protected:
  ProfilerTest() : registry_(MakeBuiltinRegistry()), model_(LeNet()) {
    devices_ = FindLocalDevices(registry_, {registry_.Resolve(Target::Parse("cpu@onnxruntime"))}, {});
  }
  void Measure(const ProfilerOptions& options, Profile& profile) {
    MeasureProfile(registry_, [this](int64_t) { return model_; }, devices_, options, profile);
  }

  Registry registry_;
  Model model_;
  LocalDevices devices_;
};

TEST_F(ProfilerTest, ACpuCountsWithAllItsCoresAndWithParts) {
  ASSERT_GE(devices_.size(), 1);
  EXPECT_EQ(devices_.devices[0].threads, 0);
  EXPECT_EQ(devices_.devices[0].resources.size(), devices_.resources.size());
  std::set<std::string> names;
  for (const PlanDevice& device : devices_.devices) {
    EXPECT_TRUE(names.insert(device.name).second) << device.name;
    if (device.alike < 0) continue;
    EXPECT_EQ(device.threads, devices_.devices[device.alike].threads);
    EXPECT_NE(device.resources, devices_.devices[device.alike].resources);
  }
}

TEST_F(ProfilerTest, MeasuresTheWholeAndEachUnitOfEachDevice) {
  Profile profile = EmptyProfile(model_, {});
  Measure(Brief(), profile);
  const std::vector<OpId> positions = ProfilePositions(model_.graph(), 3);
  EXPECT_EQ(positions.size(), 4);
  MeasuredCosts costs(profile, devices_, positions, [this](int64_t) -> const Graph& { return model_.graph(); });
  for (int device = 0; device < devices_.size(); ++device) {
    for (size_t unit = 0; unit + 1 < positions.size(); ++unit) {
      const RangeCost cost = costs.Cost(device, positions[unit], positions[unit + 1], 1);
      EXPECT_EQ(cost.refused, "");
      EXPECT_EQ(cost.provenance, Provenance::kMeasured);
      EXPECT_GT(cost.call_s, 0);
    }
    EXPECT_GT(costs.Cost(device, 0, positions.back(), 1).call_s, 0);
  }
  ASSERT_EQ(profile.links.size(), 1);
  EXPECT_GT(profile.links[0].latency_s, 0);
}

TEST_F(ProfilerTest, WhatIsKnownIsNotMeasuredAgain) {
  Profile profile = EmptyProfile(model_, {});
  Measure(Brief(), profile);
  for (auto& [key, entry] : profile.entries) entry.call_s.estimate = 42, entry.discarded = 0;
  int measured = 0;
  ProfilerOptions options = Brief();
  options.progress = [&measured](const std::string&, int, int) { ++measured; };
  profile.entries.erase(profile.entries.begin());
  Measure(options, profile);
  int fresh = 0;
  for (const auto& [key, entry] : profile.entries) fresh += entry.call_s.estimate != 42 ? 1 : 0;
  EXPECT_EQ(fresh, 1);
  EXPECT_GT(measured, 0);
}

TEST_F(ProfilerTest, KeepsAfterEachDevice) {
  Profile profile = EmptyProfile(model_, {});
  ProfilerOptions options = Brief();
  std::vector<size_t> kept;
  options.keep = [&kept](const Profile& state) { kept.push_back(state.entries.size()); };
  Measure(options, profile);
  ASSERT_GE(kept.size(), 2);
  EXPECT_EQ(kept.front(), 4);  // three units and the whole
}

TEST_F(ProfilerTest, WhatATargetCannotRunIsKeptWithTheReason) {
  const Model odd = test::Parse([] {
    onnx::ModelProto proto = test::EmptyModel("odd");
    test::GraphWriter graph(proto.mutable_graph());
    graph.Input("x", {"1", "4"}).Output("y", {"1", "4"});
    graph.Node("Relu", {"x"}, {"y"}).set_domain("my.domain");
    auto* opset = proto.add_opset_import();
    opset->set_domain("my.domain");
    opset->set_version(1);
    return proto;
  }());
  Profile profile = EmptyProfile(odd, {});
  ProfilerOptions options = Brief();
  options.whole_only = true;
  MeasureProfile(registry_, [&odd](int64_t) { return odd; }, devices_, options, profile);
  ASSERT_FALSE(profile.entries.empty());
  for (const auto& [key, entry] : profile.entries) EXPECT_NE(entry.refused, "");
}

TEST(ProfilePositionsTest, HoldBeginAndEndAndNoMoreUnitsThanAsked) {
  const Model model = LeNet();
  for (int units = 1; units <= 8; ++units) {
    const std::vector<OpId> positions = ProfilePositions(model.graph(), units);
    EXPECT_EQ(positions.front(), 0);
    EXPECT_EQ(positions.back(), static_cast<OpId>(model.graph().ops().size()));
    EXPECT_LE(static_cast<int>(positions.size()) - 1, std::max(units, 1));
  }
}

}  // namespace
}  // namespace consort
