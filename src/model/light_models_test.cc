// The architectures that come with the onnx package, against counts written down from the papers' layer tables.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "consort/error.h"
#include "consort/model.h"

namespace consort {
namespace {

namespace fs = std::filesystem;

fs::path DataFolder() {
  for (const auto& entry : fs::directory_iterator(fs::path(CONSORT_DEPS_DIR) / "venv" / "lib")) {
    const fs::path data = entry.path() / "site-packages" / "onnx" / "backend" / "test" / "data";
    if (fs::exists(data)) return data;
  }
  return {};
}

// What a layer table adds up to.
struct Sum {
  int64_t macs = 0;
  int64_t parameters = 0;

  // `size` is the side of the output.
  void Conv(int64_t in, int64_t out, int64_t kernel, int64_t size, int64_t groups = 1) {
    macs += out * (in / groups) * kernel * kernel * size * size;
    parameters += out * (in / groups) * kernel * kernel;
  }
  void Bias(int64_t channels) { parameters += channels; }
  void Dense(int64_t in, int64_t out) {
    macs += in * out;
    parameters += in * out + out;
  }
};

class LightModel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (DataFolder().empty()) GTEST_SKIP() << "the onnx package with its test data is not in " << CONSORT_DEPS_DIR;
  }

  static void Expect(const std::string& name, const Sum& sum, int64_t other_parameters) {
    const Model model = Model::Load(DataFolder() / "light" / ("light_" + name + ".onnx"));
    EXPECT_EQ(model.graph().totals().macs, sum.macs);
    EXPECT_EQ(model.graph().totals().parameters, sum.parameters + other_parameters);
    EXPECT_GE(model.graph().totals().parameter_bytes, 4 * sum.parameters);
    EXPECT_TRUE(model.graph().totals().known);
    EXPECT_EQ(model.graph().inputs().size(), 1u);
  }
};

TEST_F(LightModel, AlexNet) {
  Sum sum;
  sum.Conv(3, 96, 11, 54);
  sum.Conv(96, 256, 5, 26, 2);
  sum.Conv(256, 384, 3, 12);
  sum.Conv(384, 384, 3, 12, 2);
  sum.Conv(384, 256, 3, 12, 2);
  sum.Bias(96 + 256 + 384 + 384 + 256);
  sum.Dense(256 * 6 * 6, 4096);
  sum.Dense(4096, 4096);
  sum.Dense(4096, 1000);
  Expect("bvlc_alexnet", sum, 2);  // the shape of a Reshape
}

TEST_F(LightModel, Vgg19) {
  Sum sum;
  int64_t in = 3;
  int64_t size = 224;
  for (const auto& [channels, convs] : {std::pair{64, 2}, {128, 2}, {256, 4}, {512, 4}, {512, 4}}) {
    for (int i = 0; i < convs; ++i) {
      sum.Conv(in, channels, 3, size);
      sum.Bias(channels);
      in = channels;
    }
    size /= 2;
  }
  sum.Dense(512 * 7 * 7, 4096);
  sum.Dense(4096, 4096);
  sum.Dense(4096, 1000);
  Expect("vgg19", sum, 2);
}

TEST_F(LightModel, SqueezeNet) {
  Sum sum;
  sum.Conv(3, 64, 3, 111);
  sum.Bias(64);
  int64_t in = 64;
  for (const auto& [squeeze, expand, size] : {std::tuple{16, 64, 55},
                                              {16, 64, 55},
                                              {32, 128, 27},
                                              {32, 128, 27},
                                              {48, 192, 13},
                                              {48, 192, 13},
                                              {64, 256, 13},
                                              {64, 256, 13}}) {
    sum.Conv(in, squeeze, 1, size);
    sum.Conv(squeeze, expand, 1, size);
    sum.Conv(squeeze, expand, 3, size);
    sum.Bias(squeeze + 2 * expand);
    in = 2 * expand;
  }
  sum.Conv(in, 1000, 1, 13);
  sum.Bias(1000);
  Expect("squeezenet", sum, 0);
}

TEST_F(LightModel, ResNet50) {
  constexpr int64_t kNorm = 4;  // scale, shift, mean, variance
  Sum sum;
  sum.Conv(3, 64, 7, 112);
  sum.Bias(kNorm * 64);
  int64_t in = 64;
  int64_t in_size = 56;
  for (const auto& [middle, blocks, size] : {std::tuple{64, 3, 56}, {128, 4, 28}, {256, 6, 14}, {512, 3, 7}}) {
    const int64_t out = 4 * middle;
    for (int i = 0; i < blocks; ++i) {
      sum.Conv(in, middle, 1, in_size);
      sum.Conv(middle, middle, 3, size);
      sum.Conv(middle, out, 1, size);
      sum.Bias(kNorm * (2 * middle + out));
      if (i == 0) {
        sum.Conv(in, out, 1, size);
        sum.Bias(kNorm * out);
      }
      in = out;
      in_size = size;
    }
  }
  sum.Dense(2048, 1000);
  Expect("resnet50", sum, 3);  // the shape of a Reshape, and an initializer that nothing reads
}

TEST_F(LightModel, DenseNet121) {
  constexpr int64_t kNorm = 6;  // mean, variance, and scale and shift twice
  Sum sum;
  sum.Conv(3, 64, 7, 112);
  sum.Bias(kNorm * 64);
  int64_t channels = 64;
  int64_t size = 56;
  for (const int layers : {6, 12, 24, 16}) {
    for (int i = 0; i < layers; ++i) {
      sum.Bias(kNorm * (channels + 128));
      sum.Conv(channels, 128, 1, size);
      sum.Conv(128, 32, 3, size);
      channels += 32;
    }
    sum.Bias(kNorm * channels);
    if (layers == 16) break;
    sum.Conv(channels, channels / 2, 1, size);
    channels /= 2;
    size /= 2;
  }
  sum.Conv(channels, 1000, 1, 1);
  sum.Bias(1000);
  Expect("densenet121", sum, 0);
}

// Every model of the package, of every opset and IR version that it holds, loads.
TEST_F(LightModel, AllModelsOfThePackageLoad) {
  int loaded = 0;
  for (const auto& entry : fs::recursive_directory_iterator(DataFolder())) {
    if (entry.path().extension() != ".onnx") continue;
    EXPECT_NO_THROW(Model::Load(entry.path())) << entry.path();
    ++loaded;
  }
  EXPECT_GT(loaded, 100);
}

TEST_F(LightModel, CutsOfResNetLieBetweenItsBlocks) {
  const Model model = Model::Load(DataFolder() / "light" / "light_resnet50.onnx");
  const std::vector<Cut> cuts = model.graph().Cuts(1);
  // In the stem 3 (conv, norm, relu), behind the pooling, behind the sum and the relu of 16 blocks, and 3 in the head.
  EXPECT_EQ(cuts.size(), 3u + 1u + 2u * 16u + 3u);
  for (const Cut& cut : cuts) EXPECT_EQ(cut.crossing.size(), 1u);
}

}  // namespace
}  // namespace consort
