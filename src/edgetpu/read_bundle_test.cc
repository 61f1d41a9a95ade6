#include "edgetpu/read_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/test_error.h"
#include "edgetpu/bundle.h"
#include "edgetpu/test_bundles.h"
#include "tflite/parse.h"

namespace consort {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class ReadBundleTest : public ::testing::Test {
 protected:
  ReadBundleTest() {
    const Model model = test::TwoCrossing();
    const EdgeTpuConversion conversion = test::Convert(model);
    const tflite::AuditReport audit = tflite::Audit(tflite::ParseContents(conversion.file.bytes, "head"));
    WriteBundle({model, conversion, audit, nullptr, "not installed"}, folder_.path());
    written_ = ReadFile(folder_.path() / kBundleName);
  }
  // The bundle's JSON after `change`.
  template <typename Change>
  std::pair<ErrorCode, std::string> ErrorAfter(const Change& change) {
    json document = json::parse(written_);
    change(document);
    WriteFile(folder_.path() / kBundleName, document.dump());
    return test::ErrorOf([this] { ReadBundle(folder_.path()); });
  }

  const TemporaryFolder folder_;
  std::string written_;  // bundle.json
};

TEST_F(ReadBundleTest, TellsThePartsAsTheyWereWritten) {
  ASSERT_TRUE(IsBundle(folder_.path()));
  const Bundle bundle = ReadBundle(folder_.path());
  EXPECT_EQ(bundle.head, kHeadName);
  EXPECT_FALSE(bundle.compiled);
  EXPECT_EQ(bundle.not_compiled, "not installed");
  EXPECT_EQ(bundle.rest, kRestName);
  EXPECT_THAT(bundle.model_outputs, ElementsAre("y"));
  ASSERT_EQ(bundle.outputs.size(), 2U);
  EXPECT_EQ(bundle.outputs[0].name, "r");
  EXPECT_EQ(bundle.outputs[0].spec.shape, (Shape{1, 8, 8, 4}));
  EXPECT_EQ(bundle.outputs[0].spec.layout, Layout::kNhwc);
  EXPECT_EQ(bundle.outputs[1].spec.quantization.scale, std::vector<float>{1.0F / 256});
  EXPECT_EQ(*ReadPart(bundle, bundle.head), ReadFile(folder_.path() / kHeadName));
}

TEST_F(ReadBundleTest, APartThatWasChangedIsNotRun) {
  const Bundle bundle = ReadBundle(folder_.path());
  WriteFile(folder_.path() / kHeadName, "TFL3 and something else");
  EXPECT_THAT(test::ErrorOf([&] { ReadPart(bundle, bundle.head); }),
              Pair(ErrorCode::kInvalidModel, HasSubstr("not the file that the bundle was written with")));
}

TEST_F(ReadBundleTest, APartWhoseEntryIsOfAnotherTypeIsRefused) {
  const Bundle bundle = ReadBundle(folder_.path());
  const auto error_with = [&](const char* key, const json& value) {
    json document = json::parse(written_);
    document["edgetpu"][key] = value;
    WriteFile(folder_.path() / kBundleName, document.dump());
    return test::ErrorOf([&] { ReadPart(bundle, bundle.head); });
  };
  EXPECT_THAT(error_with("sha256", 5), Pair(ErrorCode::kInvalidModel, HasSubstr("type must be string")));
  EXPECT_THAT(error_with("file", json::array()), Pair(ErrorCode::kInvalidModel, HasSubstr("type must be string")));
}

TEST_F(ReadBundleTest, WhatIsWrongInItIsNamed) {
  EXPECT_FALSE(IsBundle(folder_.path() / "other"));
  const auto invalid = [](const char* text) { return Pair(ErrorCode::kInvalidModel, HasSubstr(text)); };
  EXPECT_THAT(ErrorAfter([](json& all) { all["edgetpu"]["outputs"][0]["order"] = {0, 1, 2, 2}; }), invalid("port 'r'"));
  EXPECT_THAT(ErrorAfter([](json& all) { all["edgetpu"]["outputs"][0]["type"] = "int7"; }), invalid("int7"));
  EXPECT_THAT(ErrorAfter([](json& all) { all["rest"]["file"] = "../rest.onnx"; }), invalid("no name of a file"));
  EXPECT_THAT(ErrorAfter([](json& all) { all["edgetpu"]["file"] = 7; }), invalid("string"));
  EXPECT_THAT(ErrorAfter([](json& all) { all.erase("rest"); }), invalid("rest"));
  EXPECT_THAT(ErrorAfter([](json& all) { all["version"] = 2; }), invalid("version"));
  EXPECT_THAT(ErrorAfter([](json& all) { all = json::array(); }), invalid("no JSON object"));
}

TEST(BundleBlob, CarriesWhereTheRestRuns) {
  const TemporaryFolder folder;
  WriteFile(folder.path() / kBundleName, "{}");
  const auto blob = ParseBundleBlob(FormatBundleBlob(folder.path(), "cpu@openvino"));
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->folder, folder.path());
  EXPECT_EQ(blob->rest_target, "cpu@openvino");
  EXPECT_FALSE(ParseBundleBlob("{\"format\": 5}"));
  EXPECT_FALSE(ParseBundleBlob("no JSON"));
}

}  // namespace
}  // namespace consort
