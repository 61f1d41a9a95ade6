#include "shard/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "consort/error.h"
#include "model/model_rep.h"
#include "model/test_models.h"
#include "shard/sha256.h"
#include "shard/shard_files.h"

namespace consort {
namespace {

namespace fs = std::filesystem;
using test::Parse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

// A model written as shards into a folder of its own.
class Written {
 public:
  explicit Written(const Model& model, const std::vector<int>& positions, const WriteOptions& options = {}) {
    manifest = WriteShards(model, DivideAt(model.graph(), positions), FusionIndex(model.graph()), folder.path() / "out",
                           options);
  }
  fs::path File(const std::string& name) const { return folder.path() / "out" / name; }
  std::string Text() const { return ReadFile(File("shards.json")); }

  TemporaryFolder folder;
  Manifest manifest;
};

TEST(Sha256, IsThatOfTheStandard) {
  // FIPS 180-4's examples, and lengths around the border of a block (values of coreutils' sha256sum).
  EXPECT_EQ(Sha256Of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Of(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.Add(std::string(1000, 'a'));
  EXPECT_EQ(pieces.Hex(), Sha256Of(std::string(1000000, 'a')));
}

TEST(Manifest, TellsEverythingAboutTheShards) {
  const Model model = Parse(test::SkipModel());
  const Written written(model, {1, 3});
  const Manifest& manifest = written.manifest;
  EXPECT_EQ(manifest.source, "test.onnx");
  EXPECT_EQ(manifest.fingerprint, model.fingerprint());
  ASSERT_THAT(manifest.shards, SizeIs(3));
  EXPECT_EQ(manifest.shards[0].file.name, "shard-1.onnx");
  EXPECT_EQ(manifest.shards[0].file.bytes, static_cast<int64_t>(fs::file_size(written.File("shard-1.onnx"))));
  EXPECT_EQ(manifest.shards[0].file.sha256, Sha256OfFile(written.File("shard-1.onnx")));
  EXPECT_EQ(manifest.shards[1].ops, 2);
  EXPECT_EQ(manifest.shards[1].parameter_bytes, 32);
  EXPECT_THAT(manifest.shards[1].data, IsEmpty());
  ASSERT_THAT(manifest.shards[2].inputs, SizeIs(2));
  EXPECT_EQ(manifest.shards[2].inputs[0].tensor.name, "a_out");
  EXPECT_EQ(manifest.shards[2].inputs[0].tensor.dtype, "float32");
  EXPECT_EQ(manifest.shards[2].inputs[0].tensor.shape, (std::vector<int64_t>{1, 8}));
  EXPECT_EQ(manifest.shards[2].inputs[0].tensor.bytes, 32);
  EXPECT_EQ(manifest.shards[2].inputs[0].from, 0);
  EXPECT_EQ(manifest.shards[2].inputs[1].from, 1);
  EXPECT_EQ(manifest.shards[0].inputs[0].from, kNone);
  EXPECT_EQ(manifest.outputs[0].from, 2);
  EXPECT_THAT(manifest.cuts[1].names.crossing, ElementsAre("a_out", "c_out"));
  EXPECT_EQ(manifest.cuts[1].names.after, "c_out");
  EXPECT_EQ(manifest.cuts[1].after_op, "c");
  EXPECT_EQ(manifest.cuts[1].bytes, 64);
}

TEST(Manifest, MarksCutsInsideFusions) {
  const Written written(Parse(test::ConvReluModel()), {1});
  EXPECT_THAT(written.manifest.cuts[0].fusions, ElementsAre("Conv+Relu"));
  EXPECT_THAT(ReadManifest(written.File("shards.json")).cuts[0].fusions, ElementsAre("Conv+Relu"));
}

TEST(Manifest, IsReadAsItWasWritten) {
  for (const std::string& bytes : {test::SkipModel(), test::DynamicBatchModel(), test::IfModel(), test::LoopModel()}) {
    const Written written(Parse(bytes), {1});
    EXPECT_EQ(FormatManifest(ReadManifest(written.File("shards.json"))), written.Text());
  }
}

TEST(Manifest, WritesTheSameTwice) {
  const Model model = Parse(test::SkipModel());
  EXPECT_EQ(Written(model, {1, 3}).Text(), Written(model, {1, 3}).Text());
}

// The text with one place changed; the place must be there.
std::string Changed(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Manifest, RefusesWhatIsBroken) {
  const std::string good = Written(Parse(test::SkipModel()), {1, 3}).Text();
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT([&] { ParseManifest(text, "m.json"); }, ThrowsMessage<Error>(HasSubstr(why))) << why;
  };
  refused("", "m.json: not JSON");
  refused("{", "not JSON");
  refused("[]", "is not a manifest of shards");
  refused("{}", "is not a manifest of shards");
  refused(std::string(100000, '['), "not JSON");
  refused(Changed(good, "\"version\": 1", "\"version\": 2"), "version: is 2; this build reads up to 1");
  refused(Changed(good, "\"version\": 1", "\"version\": \"1\""), "version: is not a whole number");
  refused(Changed(good, "\"fingerprint\"", "\"fingerprynt\""), "source: has no key 'fingerprint'");
  refused(Changed(good, "\"shards\": [", "\"shards\": {}, \"old\": ["), "shards: is object, not a list");
  refused(Changed(good, "\"macs\": 0", "\"macs\": -1"), "macs: is not a whole number from 0 on");
  refused(Changed(good, "\"macs\": 0", "\"macs\": 18446744073709551615"), "macs: is not a whole number");
  refused(Changed(good, "\"macs\": 0", "\"macs\": 1e300"), "macs: is not a whole number");
  refused(Changed(good, "\"macs_known\": true", "\"macs_known\": 1"), "not true or false");
  refused(Changed(good, "\"position\": 3", "\"position\": 1"), "cuts[1]: lies at or before the cut before it");
  refused(Changed(good, "\"from\": 1", "\"from\": 3"), "comes from shard 1, not from shard 3");
  refused(Changed(good, "\"from\": 1", "\"from\": null"), "comes from shard 1, not from the model's inputs");
  refused(Changed(good, "\"sha256\": \"", "\"sha256\": \"zz"), "is not 64 hex digits");
}

TEST(Manifest, NamesFilesInItsFolderOnly) {
  const std::string good = Written(Parse(test::SkipModel()), {1}).Text();
  for (const char* name :
       {"", ".", "..", "/etc/passwd", "../shard-1.onnx", "a/b.onnx", "a\\\\b.onnx", "a\\u0000b", "a\\nb"}) {
    const std::string text = Changed(good, "shard-1.onnx", name);
    EXPECT_THAT([&] { ParseManifest(text, "m.json"); },
                ThrowsMessage<Error>(HasSubstr("is not the name of a file in the manifest's folder")))
        << name;
  }
  EXPECT_THAT([&] { ParseManifest(Changed(good, "shard-1.onnx", "shard-2.onnx"), "m.json"); },
              ThrowsMessage<Error>(HasSubstr("listed twice")));
}

TEST(ShardFiles, AreNotWrittenOver) {
  const Model model = Parse(test::SkipModel());
  Written written(model, {1});
  const auto again = [&](bool overwrite) {
    WriteShards(model, DivideAt(model.graph(), {2}), FusionIndex(model.graph()), written.folder.path() / "out",
                {.overwrite = overwrite});
  };
  const std::string before = written.Text();
  EXPECT_THAT([&] { again(false); }, ThrowsMessage<Error>(HasSubstr("exists already; --force")));
  EXPECT_EQ(written.Text(), before);
  again(true);
  EXPECT_NE(written.Text(), before);
}

TEST(ShardFiles, NeverThoseOfTheModelItself) {
  const TemporaryFolder folder;
  WriteFile(folder.path() / "shard-1.onnx", test::SkipModel());
  const Model model = Model::Load(folder.path() / "shard-1.onnx");
  EXPECT_THAT(
      [&] {
        WriteShards(model, DivideAt(model.graph(), {1}), FusionIndex(model.graph()), folder.path(),
                    {.overwrite = true});
      },
      ThrowsMessage<Error>(HasSubstr("is a file of the model itself")));
}

TEST(ShardFiles, LoadChecksEveryFile) {
  const Written written(Parse(test::SkipModel()), {1});
  EXPECT_THAT(LoadShards(written.File("shards.json")), SizeIs(2));
  const auto load = [&] { LoadShards(written.File("shards.json")); };
  const fs::path second = written.File("shard-2.onnx");
  const std::string bytes = ReadFile(second);
  WriteFile(second, bytes + "x");
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("bytes where the manifest says")));
  std::string other = bytes;
  other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
  WriteFile(second, other);
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("was changed")));
  fs::remove(second);
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("absent")));
  WriteFile(written.folder.path() / "outside.onnx", bytes);
  fs::create_symlink(written.folder.path() / "outside.onnx", second);
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

// Two products with weights of 16 KiB each, the second's data in "weights.bin".
fs::path WriteExternalModel(const fs::path& folder) {
  onnx::ModelProto proto = test::EmptyModel("external");
  test::GraphWriter graph(proto.mutable_graph());
  graph.Input("x", {"1", "64"})
      .Output("y", {"1", "64"})
      .Weight("inside", {64, 64})
      .Weight("outside", {64, 64})
      .Weight("tiny", {1, 64});
  graph.Node("MatMul", {"x", "inside"}, {"a"});
  graph.Node("MatMul", {"a", "outside"}, {"b"});
  graph.Node("Relu", {"b"}, {"c"});
  graph.Node("Add", {"c", "tiny"}, {"y"});
  auto& weight = *proto.mutable_graph()->mutable_initializer(1);
  WriteFile(folder / "weights.bin", weight.raw_data());
  weight.clear_raw_data();
  weight.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* location = weight.add_external_data();
  location->set_key("location");
  location->set_value("weights.bin");
  WriteFile(folder / "model.onnx", test::Bytes(proto));
  return folder / "model.onnx";
}

std::string WeightOf(const Model& model, const std::string& name) {
  onnx::ModelProto proto;
  proto.ParseFromString(model.Serialize({.inline_external_data = true}));
  for (const auto& tensor : proto.graph().initializer()) {
    if (tensor.name() == name) return tensor.raw_data();
  }
  return "";
}

TEST(ShardFiles, WeightsInFilesComeIntoTheShards) {
  const TemporaryFolder folder;
  const Model model = Model::Load(WriteExternalModel(folder.path()));
  const Written written(model, {1});
  EXPECT_THAT(written.manifest.shards[1].data, IsEmpty());
  const std::vector<Model> shards = LoadShards(written.File("shards.json"));
  EXPECT_FALSE(shards[1].has_external_data());
  EXPECT_EQ(WeightOf(shards[1], "outside"), WeightOf(model, "outside"));
}

TEST(ShardFiles, LargeShardsKeepTheirWeightsBesideThem) {
  const TemporaryFolder folder;
  const Model model = Model::Load(WriteExternalModel(folder.path()));
  const Written written(model, {1}, {.max_message_bytes = 10000});
  for (const ShardEntry& shard : written.manifest.shards) {
    ASSERT_THAT(shard.data, SizeIs(1));
    EXPECT_EQ(shard.data[0].name, shard.file.name + ".data");
    EXPECT_EQ(shard.data[0].bytes, 64 * 64 * 4);
    EXPECT_LT(shard.file.bytes, 2000);
  }
  const std::vector<Model> shards = LoadShards(written.File("shards.json"));
  EXPECT_TRUE(shards[0].has_external_data());
  EXPECT_EQ(WeightOf(shards[0], "inside"), WeightOf(model, "inside"));
  EXPECT_EQ(WeightOf(shards[1], "outside"), WeightOf(model, "outside"));
  EXPECT_EQ(WeightOf(shards[1], "tiny"), WeightOf(model, "tiny"));
  WriteFile(written.File("shard-2.onnx.data"), std::string(64 * 64 * 4, 'x'));
  EXPECT_THAT([&] { LoadShards(written.File("shards.json")); }, ThrowsMessage<Error>(HasSubstr("was changed")));
}

}  // namespace
}  // namespace consort
