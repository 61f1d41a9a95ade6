#include "plan/joined_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"
#include "plan/written_costs.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Devices that each take `seconds` of their resource.
std::unique_ptr<CostSource> Source(std::vector<PlanDevice> devices, std::vector<std::string> resources,
                                   double seconds) {
  auto cost = [devices, seconds](int device, OpId, OpId, int64_t) {
    return RangeCost{.call_s = seconds, .busy = {{devices[device].resources.front(), seconds}}};
  };
  return std::make_unique<WrittenCosts>(devices, std::move(resources), cost);
}

JoinedCosts Two() {
  std::vector<std::unique_ptr<CostSource>> sources;
  sources.push_back(Source({{.name = "a", .resources = {0}}, {.name = "b", .resources = {1}, .alike = 0}},
                           {"bus", "own"}, 1));
  sources.push_back(Source({{.name = "c", .resources = {0}}, {.name = "d", .resources = {1}, .alike = 0}},
                           {"else", "bus"}, 2));
  return JoinedCosts(std::move(sources));
}

TEST(JoinedCostsTest, DevicesFollowOneAnotherAndResourcesOfOneNameAreOne) {
  JoinedCosts costs = Two();
  ASSERT_EQ(costs.devices().size(), 4);
  EXPECT_THAT(costs.resources(), ElementsAre("bus", "own", "else"));
  EXPECT_THAT(costs.devices()[3].resources, ElementsAre(0));  // the bus
  EXPECT_EQ(costs.devices()[1].alike, 0);
  EXPECT_EQ(costs.devices()[3].alike, 2);
}

TEST(JoinedCostsTest, EachDeviceIsCostedByItsOwnSource) {
  JoinedCosts costs = Two();
  EXPECT_EQ(costs.Cost(1, 0, 1, 1).call_s, 1);
  const RangeCost cost = costs.Cost(3, 0, 1, 1);
  EXPECT_EQ(cost.call_s, 2);
  EXPECT_EQ(cost.busy.front().resource, 0);
}

TEST(JoinedCostsTest, ADeviceStandsInOneSourceOnly) {
  const auto join = [] {
    std::vector<std::unique_ptr<CostSource>> sources;
    sources.push_back(Source({{.name = "a", .resources = {0}}}, {"x"}, 1));
    sources.push_back(Source({{.name = "a", .resources = {0}}}, {"x"}, 1));
    return JoinedCosts(std::move(sources));
  };
  EXPECT_THAT(join, ThrowsMessage<Error>(HasSubstr("device 'a' is given twice")));
}

}  // namespace
}  // namespace consort
