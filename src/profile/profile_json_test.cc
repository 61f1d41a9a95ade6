#include "profile/profile_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consort/error.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Profile Example() {
  Profile profile{.model = "net.onnx",
                  .model_fingerprint = "abc",
                  .processor = "a processor",
                  .logical_cores = 2,
                  .settings = "optimization 3, denormals flushed"};
  profile.entries[{"cpu@a", 0, 1, "first", "last"}] = {
      .engine = "engine 1",
      .call_s = {0.002, 0.0019, 0.0021},
      .calls = 50,
      .convert_in_s = 0.0005,
      .convert_out_s = 0.00025,
      .discarded = 0.25,
      .in_plan = true};
  profile.entries[{"cpu@a", 1, 4, "first", "first"}] = {.engine = "engine 1", .refused = "no such \"operator\""};
  profile.links.push_back({.from = "cpu@a", .to = "cpu@b", .latency_s = 1e-5, .bytes_per_s = 2e9});
  return profile;
}

TEST(ProfileJsonTest, WhatIsWrittenIsReadAgain) {
  const std::string text = FormatProfile(Example());
  const Profile read = ParseProfile(text, "p.json");
  EXPECT_EQ(FormatProfile(read), text);
  const ProfileEntry* entry = read.Find({"cpu@a", 0, 1, "first", "last"}, "engine 1");
  ASSERT_NE(entry, nullptr);
  EXPECT_DOUBLE_EQ(entry->call_s.low, 0.0019);
  EXPECT_TRUE(entry->in_plan);
  EXPECT_DOUBLE_EQ(entry->convert_in_s, 0.0005);
  EXPECT_DOUBLE_EQ(entry->convert_out_s, 0.00025);
  EXPECT_EQ(read.Find({"cpu@a", 1, 4, "first", "first"})->refused, "no such \"operator\"");
  EXPECT_EQ(read.Find({"cpu@a", 0, 1, "first", "last"}, "engine 2"), nullptr);
  EXPECT_DOUBLE_EQ(read.FindLink("cpu@a", "cpu@b")->bytes_per_s, 2e9);
  EXPECT_EQ(read.FindLink("cpu@b", "cpu@a"), nullptr);
}

// The text with one part replaced.
std::string With(const std::string& from, const std::string& to) {
  std::string text = FormatProfile(Example());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ProfileJsonTest, WhatIsNoProfileIsRefusedWithThePlace) {
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT([&] { ParseProfile(text, "p.json"); }, ThrowsMessage<Error>(HasSubstr(why))) << text;
  };
  refused("", "p.json: not JSON");
  refused("[]", "p.json: must be an object");
  refused("{}", "there is no \"format\"");
  refused(With("consort-profile", "consort-plan"), "format: must be \"consort-profile\"");
  refused(With("\"version\": 1", "\"version\": 2"), "version: must lie between 1 and 1");
  refused(With("\"call_ms\"", "\"call_sm\""), "entries[0]: unknown key \"call_sm\": did you mean \"call_ms\"?");
  refused(With("\"call_ms\": 2.0", "\"call_ms\": -2.0"), "entries[0].call_ms: -2 is not between");
  refused(With("\"batch\": 1", "\"batch\": 0"), "entries[0].batch: must lie between");
  refused(With("\"threads\": 1", "\"threads\": \"1\""), "entries[1].threads: must be a whole number");
  refused(With("\"processor\"", "\"model\""), "stands twice");
  refused(With("\"from\": \"cpu@a\",", ""), "links[0]: there is no \"from\"");
}

TEST(ProfileJsonTest, ARangeStandsOnce) {
  Profile profile = Example();
  std::string text = FormatProfile(profile);
  const size_t begin = text.find("    {\n      \"target\""), end = text.find("    },\n", begin) + 7;
  text.insert(begin, text.substr(begin, end - begin));
  EXPECT_THAT([&] { ParseProfile(text, "p.json"); }, ThrowsMessage<Error>(HasSubstr("the same range stands twice")));
}

TEST(ProfileTest, AnotherModelMachineOrSettingIsRefused) {
  const Profile profile = Example();
  const auto refused = [&](Profile wanted, const std::string& why) {
    EXPECT_THAT([&] { CheckFits(profile, wanted, "p.json"); }, ThrowsMessage<Error>(HasSubstr(why)));
  };
  EXPECT_NO_THROW(CheckFits(profile, Example(), "p.json"));
  Profile other = Example();
  other.model_fingerprint = "xyz";
  refused(other, "p.json: is a profile of 'net.onnx', another model");
  other = Example();
  other.processor = "another";
  refused(other, "was measured on a processor (2 cores), this is another");
  other = Example();
  other.settings = "optimization 0";
  refused(other, "other settings");
}

}  // namespace
}  // namespace consort
