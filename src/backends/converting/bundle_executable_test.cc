#include "backends/converting/bundle_executable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_error.h"
#include "consort/error.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// `output` = the sum of the inputs, times `factor`; of two floats.
class Sum : public Program {
 public:
  Sum(const std::vector<std::string>& inputs, const std::string& output, float factor, int64_t size = 2)
      : factor_(factor) {
    for (const std::string& input : inputs) signature_.inputs.push_back({input, {DataType::kFloat32, {size}}, {}});
    signature_.outputs.push_back({output, {DataType::kFloat32, {size}}, {}});
    placement_.ops.push_back({});
    placement_.ops.back().name = output;
    placement_.evidence = "seen";
  }
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    if (binding.output(0).empty()) binding.ProvideOutput(0, Buffer::Allocate(signature_.outputs[0].spec));
    for (size_t i = 0; i < 2; ++i) {
      float sum = 0;
      for (int port = 0; port < binding.input_count(); ++port) sum += binding.input(port).as<float>()[i];
      binding.output(0).as<float>()[i] = factor_ * sum;
    }
  }

 private:
  Signature signature_;
  Placement placement_;
  float factor_;
};

ChainLink Link(const std::string& file, std::shared_ptr<Program> program) {
  return {file, Target::Parse("cpu"), MakeExecutable(std::move(program), {})};
}

std::unique_ptr<Executable> Chain(const std::vector<std::string>& outputs = {"y", "h"}) {
  const std::vector<std::string> of_rest = {"h", "x", "z"};
  std::vector<ChainLink> links = {Link("head", std::make_shared<Sum>(std::vector<std::string>{"x"}, "h", 2.0F)),
                                  Link("rest", std::make_shared<Sum>(of_rest, "y", 1.0F))};
  return MakeChain(std::move(links), outputs, {});
}

Buffer Pair2(float a, float b) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, {2}});
  buffer.as<float>()[0] = a, buffer.as<float>()[1] = b;
  return buffer;
}

TEST(Chain, PartsReadInputsAndWhatEarlierOnesMade) {
  const auto chain = Chain();
  ASSERT_EQ(chain->signature().inputs.size(), 2U);
  EXPECT_EQ(chain->signature().inputs[1].name, "z");
  const auto binding = std::make_shared<Binding>(chain->signature());
  for (const float more : {0.0F, 100.0F}) {  // again with other inputs, in other memory
    binding->SetInput(0, Pair2(1 + more, 2));
    binding->SetInput(1, Pair2(10, 20));
    consort::Run(*chain, binding);
    EXPECT_THAT(binding->output(0).as<float>(), ElementsAre(13 + 3 * more, 26));
    EXPECT_THAT(binding->output(1).as<float>(), ElementsAre(2 + 2 * more, 4));
  }
}

TEST(Chain, TellsItsParts) {
  const auto chain = Chain();
  const std::vector<ExecutablePart> parts = PartsOf(*chain);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[1].file, "rest");
  EXPECT_EQ(chain->placement().ops.size(), 2U);
  EXPECT_EQ(chain->placement().ops[1].op, 1);
  EXPECT_EQ(chain->placement().evidence, "head on cpu: seen; rest on cpu: seen");
}

TEST(Chain, PartsThatDoNotFitAreRefused) {
  EXPECT_THAT(test::ErrorOf([] { Chain({"y", "nothing"}); }), Pair(ErrorCode::kInvalidModel, HasSubstr("'nothing'")));
  std::vector<ChainLink> links = {Link("head", std::make_shared<Sum>(std::vector<std::string>{"x"}, "h", 1.0F)),
                                  Link("rest", std::make_shared<Sum>(std::vector<std::string>{"h"}, "y", 1.0F, 3))};
  EXPECT_THAT(test::ErrorOf([&] { MakeChain(std::move(links), {"y"}, {}); }),
              Pair(ErrorCode::kInvalidModel, HasSubstr("rest: 'h'")));
}

}  // namespace
}  // namespace consort
