#include "model/external_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "consort/error.h"
#include "consort/model.h"
#include "model/model_rep.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::HasSubstr;

// A MatMul model (w: 3x4 floats, 48 bytes) whose weights lie in a file beside it.
class ExternalData : public ::testing::Test {
 protected:
  ExternalData() {
    model_.ParseFromString(test::MatMulModel(2, 3, 4));
    onnx::TensorProto& weights = *model_.mutable_graph()->mutable_initializer(0);
    data_ = weights.raw_data();
    weights.clear_raw_data();
    weights.set_data_location(onnx::TensorProto::EXTERNAL);
    std::filesystem::create_directories(root_.path() / "model" / "sub");
    WriteFile(folder() / "weights.bin", std::string(16, 'x') + data_);
  }

  std::filesystem::path folder() const { return root_.path() / "model"; }

  void Point(const std::string& location, const std::string& offset = "16", const std::string& length = "48") {
    onnx::TensorProto& weights = *model_.mutable_graph()->mutable_initializer(0);
    weights.clear_external_data();
    for (const auto& [key, value] :
         {std::pair{"location", location}, std::pair{"offset", offset}, std::pair{"length", length}}) {
      auto* entry = weights.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
  }

  Model Load() {
    WriteFile(folder() / "model.onnx", test::Bytes(model_));
    return Model::Load(folder() / "model.onnx");
  }

  void ExpectRefused(const std::string& message) {
    try {
      Load();
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
      EXPECT_THAT(error.what(), HasSubstr("'w'"));
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }

  TemporaryFolder root_;
  onnx::ModelProto model_;
  std::string data_;
};

TEST_F(ExternalData, IsFoundAndNotRead) {
  Point("weights.bin");
  const Model model = Load();
  EXPECT_TRUE(model.has_external_data());
  EXPECT_EQ(model.data_folder(), folder());
  EXPECT_FALSE(model.rewritten());
  EXPECT_EQ(model.graph().totals().parameter_bytes, 48);
  EXPECT_LT(model.Serialize().size(), 400u);
}

TEST_F(ExternalData, IsReadOnRequest) {
  Point("weights.bin");
  onnx::ModelProto whole;
  ASSERT_TRUE(whole.ParseFromString(Load().Serialize({.inline_external_data = true})));
  EXPECT_EQ(whole.graph().initializer(0).raw_data(), data_);
  EXPECT_FALSE(whole.graph().initializer(0).has_data_location());
}

TEST_F(ExternalData, MayLieInASubfolder) {
  std::filesystem::rename(folder() / "weights.bin", folder() / "sub" / "weights.bin");
  Point("sub/weights.bin");
  EXPECT_TRUE(Load().has_external_data());
}

TEST_F(ExternalData, ParseTakesTheFolder) {
  Point("weights.bin");
  const std::string bytes = test::Bytes(model_);
  EXPECT_TRUE(Model::Parse(test::AsBytes(bytes), "m", {}, folder()).has_external_data());
  EXPECT_THROW(Model::Parse(test::AsBytes(bytes), "m"), Error);
}

TEST_F(ExternalData, ChangesTheFingerprint) {
  Point("weights.bin");
  const std::string before = Load().fingerprint();
  EXPECT_EQ(Load().fingerprint(), before);
  WriteFile(folder() / "weights.bin", std::string(17, 'x') + data_);
  EXPECT_NE(Load().fingerprint(), before);
}

// A sparse file of 3 GiB: nothing of it is read at load, and one message cannot hold it.
TEST_F(ExternalData, MayBeLargerThanOneMessage) {
  onnx::TensorProto& weights = *model_.mutable_graph()->mutable_initializer(0);
  const int64_t bytes = int64_t{3} << 30;
  weights.set_dims(1, bytes / 12);
  for (auto* value : {model_.mutable_graph()->mutable_output(0)}) {
    value->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(bytes / 12);
  }
  std::filesystem::resize_file(folder() / "weights.bin", bytes);
  Point("weights.bin", "0", std::to_string(bytes));
  const Model model = Load();
  EXPECT_EQ(model.graph().totals().parameter_bytes, bytes);
  try {
    model.Serialize({.inline_external_data = true});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

TEST_F(ExternalData, OutsideTheFolderIsRefused) {
  WriteFile(root_.path() / "secret.bin", std::string(64, 's'));
  Point((root_.path() / "secret.bin").string(), "0");
  ExpectRefused("absolute path");
  Point("../secret.bin", "0");
  ExpectRefused("'..'");
  Point("sub/../../secret.bin", "0");
  ExpectRefused("'..'");
}

TEST_F(ExternalData, LinksAreRefused) {
  WriteFile(root_.path() / "secret.bin", std::string(64, 's'));
  std::filesystem::create_symlink(root_.path() / "secret.bin", folder() / "link.bin");
  Point("link.bin", "0");
  ExpectRefused("symbolic link");
  std::filesystem::create_directory_symlink(root_.path(), folder() / "up");
  Point("up/secret.bin", "0");
  ExpectRefused("symbolic link");
  std::filesystem::create_hard_link(root_.path() / "secret.bin", folder() / "hard.bin");
  Point("hard.bin", "0");
  ExpectRefused("hard links");
}

TEST_F(ExternalData, WhatIsNoFileIsRefused) {
  Point("absent.bin");
  ExpectRefused("No such file");
  Point("sub");
  ExpectRefused("not a regular file");
  Point("");
  ExpectRefused("without a location");
  Point("/dev/zero");
  ExpectRefused("absolute path");
}

TEST_F(ExternalData, RegionsMustFit) {
  Point("weights.bin", "17");
  ExpectRefused("too short for 48 bytes at offset 17");
  Point("weights.bin", "9223372036854775807");
  ExpectRefused("too short");
  Point("weights.bin", "-1");
  ExpectRefused("not a count of bytes");
  Point("weights.bin", "many");
  ExpectRefused("'many'");
  Point("weights.bin", "16", "44");
  ExpectRefused("has 44 bytes where dims and type need 48");
}

}  // namespace
}  // namespace consort
