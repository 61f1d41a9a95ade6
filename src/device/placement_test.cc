#include "consort/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Placement With(PlacementState state, int count = 1) {
  Placement placement;
  for (int i = 0; i < count; ++i) {
    placement.ops.push_back({.op = i, .name = "conv1", .type = "Conv", .state = state, .asked = "cuda:0/fp32", .got = "CPU", .why = "no kernel"});
  }
  return placement;
}

TEST(Placement, StrictAcceptsWhatWasAskedFor) {
  RequireStrict(With(PlacementState::kAsAsked));
  RequireStrict(With(PlacementState::kEliminated));
}

TEST(Placement, StrictRefusesDifferencesAndUnknowns) {
  EXPECT_THAT([] { RequireStrict(With(PlacementState::kElsewhere)); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("Conv 'conv1'"), HasSubstr("cuda:0/fp32"), HasSubstr("no kernel"))));
  EXPECT_THAT([] { RequireStrict(With(PlacementState::kUnknown)); }, ThrowsMessage<Error>(HasSubstr("unknown")));
}

TEST(Placement, LongListsAreCut) {
  EXPECT_THAT([] { RequireStrict(With(PlacementState::kElsewhere, 8)); }, ThrowsMessage<Error>(HasSubstr("and 3 more")));
}

}  // namespace
}  // namespace consort
