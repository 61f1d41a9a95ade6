#include "zoo/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <utility>

#include "consort/error.h"
#include "consort/model.h"

namespace consort::zoo {
namespace {

using ::testing::HasSubstr;

Model Parse(const onnx::ModelProto& proto) {
  const std::string bytes = proto.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), "zoo");
}

std::string Refusal(const std::string& name, const MakeOptions& options) {
  try {
    CostsOf(name, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

// As published. Table 1 of "Optimizing Inference on Heterogeneous Platforms" multiplies square matrices; its program's
// notebook prints 264,138 parameters for seed-cnn; 838.7888 M and 61,838,248, 0.2074 M and 207,802 are given for
// seed-alexnet and seed-dense; 3,096,887,104 follows from seed-cnn-large's layers (block sums 932,482,944 and
// 1,210,586,688 and 953,783,424 and 34,048). VGG: torchvision's model documentation (parameters; 15.47 and 19.63
// GMACs), SqueezeNet: torchvision (1,248,424 parameters; 0.82 GMACs), LeNet-5 with full connections: 61,706 parameters.
struct Published {
  const char* name;
  int64_t macs;
  int64_t parameters;
};
constexpr Published kPublished[] = {
    {"matvec", 65536, 65536},
    {"seed-alexnet", 838788800, 61838248},
    {"seed-cnn-large", 3096887104, 609354},
    {"lenet", 416520, 61706},
    {"vgg-16", 15470264320, 138357544},
    {"vgg-19", 19632062464, 143667240},
    {"squeezenet-1.0", 818924576, 1248424},
};

class PublishedCounts : public testing::TestWithParam<Published> {};
INSTANTIATE_TEST_SUITE_P(Zoo, PublishedCounts, testing::ValuesIn(kPublished),
                         [](const auto& info) { return "Row" + std::to_string(info.index); });

TEST_P(PublishedCounts, AreMetExactly) {
  const Costs costs = CostsOf(GetParam().name, {});
  EXPECT_EQ(costs.macs, GetParam().macs) << GetParam().name;
  EXPECT_EQ(costs.parameters, GetParam().parameters) << GetParam().name;
}

TEST(Zoo, SeedCnnHasThePublishedParameters) { EXPECT_EQ(CostsOf("seed-cnn", {}).parameters, 264138); }

TEST(Zoo, SeedDenseHasThePublishedParametersAtScaleFive) {
  EXPECT_EQ(CostsOf("seed-dense", {}).parameters, 207802);
  EXPECT_NEAR(static_cast<double>(CostsOf("seed-dense", {}).macs), 0.2074e6, 50);
}

TEST(Zoo, CostsAreThoseOfTheModelThatIsMade) {
  for (const char* name : {"lenet", "seed-dense", "squeezenet-1.0", "gpt-tiny"}) {
    const Costs costs = CostsOf(name, {});
    const GraphTotals totals = Parse(Make(name, {})).graph().totals();
    EXPECT_EQ(costs.macs, totals.macs) << name;
    EXPECT_TRUE(totals.macs_known) << name;
  }
}

TEST(Zoo, StructureHasTheGraphAndTheCostsButNoValues) {
  for (const char* name : {"resnet-50", "mobilenet-v1", "bert-tiny"}) {
    const Costs costs = CostsOf(name, {});
    const Model model = Structure(name, {});
    EXPECT_EQ(model.graph().totals().macs, costs.macs) << name;
    EXPECT_EQ(model.graph().totals().parameters, costs.parameters) << name;
    EXPECT_LT(model.Serialize().size(), 400'000u) << name;
    const Model made = Parse(Make(name, {}));
    size_t computing = 0;
    for (const Op& op : model.graph().ops()) computing += op.constant ? 0 : 1;
    size_t computing_made = 0;
    for (const Op& op : made.graph().ops()) computing_made += op.constant ? 0 : 1;
    EXPECT_EQ(computing, computing_made) << name;
    EXPECT_EQ(model.graph().inputs().size(), made.graph().inputs().size()) << name;
  }
  EXPECT_EQ(Structure("resnet-50", {.batch = 4}).graph().totals().macs, 4 * CostsOf("resnet-50", {}).macs);
}

TEST(Zoo, SeedDenseWidthsAreRoundedDown) {
  const Model model = Parse(Make("seed-dense", {.scale = 1.5}));
  const Graph& graph = model.graph();
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).spec.shape, (Shape{1, 1, 2, 2}));  // 2^1.5 = 2.8
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).spec.shape, (Shape{1, 3}));
}

TEST(Zoo, TheSameSeedGivesTheSameBytesAndAnotherGivesOthers) {
  const std::string first = Make("lenet", {.seed = 3}).SerializeAsString();
  EXPECT_EQ(first, Make("lenet", {.seed = 3}).SerializeAsString());
  EXPECT_NE(first, Make("lenet", {.seed = 4}).SerializeAsString());
}

// What other machines have to make, too.
TEST(Zoo, FingerprintsAreKnown) {
  const std::pair<const char*, const char*> known[] = {
      {"lenet", "ea2e8e8ccfbf02987f3e225326c2e8d9"},        {"squeezenet-1.0", "d165c655677ea88faeb06bb02fe48025"},
      {"mobilenet-v2", "10957cd41828f2038c0881c3da6f9bab"}, {"resnet-50", "766f3e530711c96541b6853c3a0efe54"},
      {"bert-tiny", "f3b47ec56eab405b37aed74e369c2e8c"},    {"gpt-tiny", "ab38a5d0311e0d6107c6b8dc174cbc9a"},
      {"seed-dense", "be0b207d2a75ff97dd31e090b24bc818"}};
  for (const auto& [name, fingerprint] : known) EXPECT_EQ(Parse(Make(name, {})).fingerprint(), fingerprint) << name;
}

class EveryArchitecture : public testing::TestWithParam<std::string> {};

std::vector<std::string> SmallNames() {
  std::vector<std::string> names;
  for (const Architecture& architecture : Architectures()) {
    if (CostsOf(architecture.name, {}).parameters < 12'000'000) names.push_back(architecture.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryArchitecture, testing::ValuesIn(SmallNames()), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST_P(EveryArchitecture, WithOpenBatchEveryShapeIsInferred) {
  const Model model = Parse(Make(GetParam(), {.batch = kDynamic}));
  for (const Tensor& tensor : model.graph().tensors()) {
    EXPECT_TRUE(tensor.has_rank) << tensor.name;
    for (size_t axis = 1; axis < tensor.spec.shape.size(); ++axis) {
      EXPECT_NE(tensor.spec.shape[axis] == kDynamic && tensor.dim_names[axis].empty(), true) << tensor.name;
    }
  }
}

TEST_P(EveryArchitecture, AnOpenBatchCanBeBound) {
  const std::string bytes = Make(GetParam(), {.batch = kDynamic}).SerializeAsString();
  const Model model = Model::Parse(std::as_bytes(std::span(bytes)), "zoo", {.dims = {{"batch", 3}}});
  EXPECT_TRUE(model.graph().totals().macs_known);
  EXPECT_EQ(model.graph().totals().macs, 3 * CostsOf(GetParam(), {}).macs);
}

TEST(ZooRefuses, UnknownNamesAndNamesTheNearest) {
  EXPECT_THAT(Refusal("vgg-11", {}), HasSubstr("near are vgg-16, vgg-19"));
  EXPECT_THAT(Refusal("nonsense", {}), HasSubstr("matvec"));
}

TEST(ZooRefuses, OtherSpellingsAndNamesTheOneThatIsMeant) {
  EXPECT_THAT(Refusal("inceptionv3", {}), HasSubstr("did you mean inception-v3?"));
  EXPECT_THAT(Refusal("mobilenetv2", {}), HasSubstr("did you mean mobilenet-v2?"));
  EXPECT_THAT(Refusal("ResNet-50", {}), HasSubstr("did you mean resnet-50?"));
  EXPECT_THAT(Refusal("VGG_16", {}), HasSubstr("did you mean vgg-16?"));
}

TEST(ZooRefuses, OptionsThatTheArchitectureDoesNotTake) {
  EXPECT_THAT(Refusal("vgg-16", {.width = 0.5}), HasSubstr("vgg-16 takes no --width; it takes --size"));
  EXPECT_THAT(Refusal("seed-alexnet", {.size = 224}), HasSubstr("takes none"));
}

TEST(ZooRefuses, ValuesThatMakeNoNetwork) {
  EXPECT_THAT(Refusal("seed-dense", {.scale = 7.5}), HasSubstr("7.5"));
  EXPECT_THAT(Refusal("seed-dense", {.scale = 1.25}), HasSubstr("1.25"));
  EXPECT_THAT(Refusal("lenet", {.size = 8}), HasSubstr("lenet takes images whose side is 16 to 65536, not 8"));
  EXPECT_THAT(Refusal("mobilenet-v1", {.width = 3}), HasSubstr("from 0.1 to 2"));
  EXPECT_THAT(Refusal("matvec", {.side = 0}), HasSubstr("--side 0"));
  EXPECT_THAT(Refusal("lenet", {.batch = 0}), HasSubstr("batch"));
}

TEST(ZooRefuses, WeightsThatNoFileCanHold) {
  try {
    Make("matvec", {.side = 40000});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("2 GiB"));
    EXPECT_THAT(error.what(), HasSubstr("make the network smaller"));
  }
}

}  // namespace
}  // namespace consort::zoo
