#include "consort/artifact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "consort/error.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Artifact Blob(const std::string& bytes) {
  return Artifact(ArtifactKind::kBlob, "blob", std::make_shared<const std::string>(bytes));
}

TEST(Artifact, KindComesFromTheContent) {
  TemporaryFolder folder;
  WriteFile(folder.path() / "model.onnx", std::string("\x1c\0\0\0TFL3rest", 12));
  const Artifact artifact = Artifact::Load(folder.path() / "model.onnx");
  EXPECT_EQ(artifact.kind(), ArtifactKind::kTfLite);
  EXPECT_EQ(artifact.bytes().size(), 12u);
  EXPECT_THAT([&] { artifact.model(); }, ThrowsMessage<Error>(HasSubstr("tflite")));
  EXPECT_THROW(Artifact::Load(folder.path() / "model.onnx", {.dims = {{"n", 1}}}), Error);
}

TEST(Artifact, FingerprintsTellContentApart) { EXPECT_NE(Blob("a").fingerprint(), Blob("b").fingerprint()); }

TEST(ModelBundle, BackendsGetTheirOwn) {
  ModelBundle bundle(Blob("default"));
  bundle.Add("litert", Blob("special"));
  EXPECT_EQ(bundle.ArtifactFor(Target::Parse("cpu@litert")).bytes(), "special");
  EXPECT_EQ(bundle.ArtifactFor(Target::Parse("cpu@onnxruntime")).bytes(), "default");
}

}  // namespace
}  // namespace consort
