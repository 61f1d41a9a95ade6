#include "edgetpu/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "consort/error.h"
#include "edgetpu/test_bundles.h"
#include "shard/sha256.h"
#include "tflite/parse.h"
#include "tflite/test_tflite.h"

namespace consort {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json ReadJson(const fs::path& folder) { return json::parse(ReadFile(folder / kBundleName)); }

class BundleTest : public ::testing::Test {
 protected:
  std::vector<FileEntry> Write(const Model& model, const Compilation* compilation = nullptr,
                               const std::string& not_compiled = "not installed") {
    const EdgeTpuConversion conversion = test::Convert(model);
    const tflite::AuditReport audit = tflite::Audit(tflite::ParseContents(conversion.file.bytes, "head"));
    return WriteBundle({model, conversion, audit, compilation, not_compiled}, folder_);
  }

  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path() / "new" / "bundle";
};

TEST_F(BundleTest, TellsHowThePartsFitTogether) {
  const Model model = test::TwoCrossing();
  const std::vector<FileEntry> files = Write(model);
  ASSERT_EQ(files.size(), 3U);
  for (const FileEntry& file : files) EXPECT_EQ(Sha256OfFile(folder_ / file.name), file.sha256) << file.name;
  const json bundle = ReadJson(folder_);
  EXPECT_EQ(bundle["format"], "consort-edgetpu");
  EXPECT_EQ(bundle["source"]["fingerprint"], model.fingerprint());
  EXPECT_EQ(bundle["edgetpu"]["sha256"], files[0].sha256);
  EXPECT_EQ(bundle["edgetpu"]["inputs"][0]["shape"], json({1, 8, 8, 3}));
  EXPECT_EQ(bundle["edgetpu"]["audit"]["compiled"], false);
  EXPECT_TRUE(bundle["compiled"].is_null());
  EXPECT_EQ(bundle["not_compiled"], "not installed");
  EXPECT_EQ(bundle["rest"]["inputs"], json({"r", "s"}));
  EXPECT_EQ(bundle["cut"]["tensors"][0]["name"], "r");
  EXPECT_EQ(bundle["cut"]["tensors"][0]["onnx_shape"], json({1, 4, 8, 8}));
  EXPECT_EQ(bundle["cut"]["tensors"][0]["layout"], "nhwc");
  EXPECT_EQ(bundle["cut"]["blockers"][0]["op"], "erf");
  EXPECT_EQ(bundle["outputs"], json::parse(R"([{"name": "y", "from": "rest"}])"));
  const Model rest = Model::Load(folder_ / kRestName);
  EXPECT_EQ(rest.graph().inputs().size(), 2U);
}

TEST_F(BundleTest, HoldsTheCompiledFileAndNothingOfAnEarlierBundle) {
  Write(test::TwoCrossing());
  Compilation compilation;
  compilation.compiled = true;
  compilation.bytes = test::CustomTfLite("edgetpu-custom-op");
  compilation.log.version = "16.0";
  compilation.log.edgetpu_operators = 2;
  const std::vector<FileEntry> files = Write(test::Parse(test::ConvReluModel()), &compilation, "");
  EXPECT_FALSE(fs::exists(folder_ / kRestName));
  const json bundle = ReadJson(folder_);
  EXPECT_TRUE(bundle["rest"].is_null());
  EXPECT_TRUE(bundle["cut"].is_null());
  EXPECT_EQ(bundle["compiled"]["file"], kCompiledName);
  EXPECT_EQ(bundle["compiled"]["compiler"], "16.0");
  EXPECT_EQ(bundle["compiled"]["operators_on_edgetpu"], 2);
  EXPECT_TRUE(bundle["compiled"]["operators_on_cpu"].is_null());
  EXPECT_EQ(bundle["outputs"][0]["from"], "edgetpu");
  EXPECT_EQ(ReadFile(folder_ / kCompiledName), compilation.bytes);
}

TEST_F(BundleTest, IsNotWrittenOverFilesUnasked) {
  CheckBundleFolder(folder_, "model.onnx", false);
  Write(test::Parse(test::ConvReluModel()));
  EXPECT_THROW(CheckBundleFolder(folder_, "model.onnx", false), Error);
  CheckBundleFolder(folder_, "model.onnx", true);
  EXPECT_THROW(CheckBundleFolder(folder_, folder_ / kHeadName, true), Error);
}

}  // namespace
}  // namespace consort
