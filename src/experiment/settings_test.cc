#include "experiment/settings.h"

#include <gtest/gtest.h>

#include "experiment/test_support.h"

namespace consort::experiment {
namespace {

const std::vector<Parameter> kParameters = {{"sides", "64,128", "64", "sides"}, {"words", "a,b", "", "words"}};

TEST(SettingsTest, UsualQuickAndGivenValues) {
  EXPECT_EQ(Settings(kParameters, {}, false).Numbers("sides"), (std::vector<int64_t>{64, 128}));
  EXPECT_EQ(Settings(kParameters, {}, true).Numbers("sides"), (std::vector<int64_t>{64}));
  EXPECT_EQ(Settings(kParameters, {{"sides", "1-8*2"}}, true).Numbers("sides"), (std::vector<int64_t>{1, 2, 4, 8}));
  EXPECT_EQ(Settings(kParameters, {}, true).Words("words"), (std::vector<std::string>{"a", "b"}));
}

TEST(SettingsTest, ToJsonKeepsTheOrder) {
  EXPECT_EQ(Settings(kParameters, {{"words", ""}}, true).ToJson().dump(), R"({"sides":"64","words":"","quick":true})");
}

TEST(SettingsTest, UnknownNamesAndBadValuesAreRefused) {
  EXPECT_ERROR(Settings(kParameters, {{"side", "1"}}, false), ErrorCode::kInvalidArgument, "did you mean 'sides'");
  const Settings settings(kParameters, {{"sides", "0"}, {"words", "1,x"}}, false);
  EXPECT_ERROR(settings.Numbers("sides"), ErrorCode::kInvalidArgument, "--param sides");
  EXPECT_ERROR(settings.Decimals("words"), ErrorCode::kInvalidArgument, "'x' is no number");
  EXPECT_ERROR(Settings(kParameters, {}, false).Number("sides"), ErrorCode::kInvalidArgument, "one number is wanted");
  EXPECT_ERROR(ParseAssignment("sides"), ErrorCode::kInvalidArgument, "NAME=VALUE");
}

}  // namespace
}  // namespace consort::experiment
