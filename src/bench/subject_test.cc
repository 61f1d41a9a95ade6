#include "bench/subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/null/null_backend.h"
#include "consort/error.h"
#include "io/random_input.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Registry NullRegistry() {
  Registry registry;
  registry.Add(MakeNullBackend());
  return registry;
}

Artifact Parse(const std::string& bytes) { return Artifact(Model::Parse(test::AsBytes(bytes), "model.onnx")); }

Subject Make(const std::string& bytes, const InputSource& inputs, const SubjectOptions& options = {}) {
  const Registry registry = NullRegistry();
  return {registry, registry.Resolve(Target::Parse("null")), Parse(bytes), options, inputs};
}

std::vector<Buffer> Ones(const Signature& signature, int64_t batch) {
  std::vector<Buffer> inputs;
  for (const Port& port : signature.inputs) {
    TensorSpec spec = port.spec;
    for (int64_t& size : spec.shape) size = size == kDynamic ? batch : size;
    inputs.push_back(Buffer::Allocate(spec));
    for (float& value : inputs.back().as<float>()) value = 1;
  }
  return inputs;
}

TEST(Subject, OpenOutputsAreBoundAfterTheFirstRun) {
  Subject subject = Make(test::DynamicBatchModel(), [](const Signature& s) { return Ones(s, 5); });
  EXPECT_EQ(subject.output(0).spec().shape, (Shape{5, 4}));
  const void* before = subject.output(0).data();
  subject.Query();
  EXPECT_EQ(subject.output(0).data(), before);
  EXPECT_EQ(subject.input_bytes(), 5 * 8 * 4);
  EXPECT_EQ(subject.output_bytes(), 5 * 4 * 4);
}

TEST(Subject, EndToEndCopiesTheCallersInputsEachTime) {
  Subject subject = Make(test::IdentityModel(), [](const Signature& s) { return Ones(s, 1); });
  EXPECT_THAT(subject.input(0).as<float>(), Each(1.0F));
  subject.EndToEnd();
  EXPECT_THAT(subject.output(0).as<float>(), Each(0.0F));  // the null device writes zeros
  EXPECT_EQ(subject.transfers_hidden(), "");
}

TEST(Subject, SetupIsTimed) {
  const Subject subject = Make(test::IdentityModel(), [](const Signature& s) { return Ones(s, 1); });
  EXPECT_GT(subject.setup().open_ns, 0);
  EXPECT_GT(subject.setup().compile_ns, 0);
  EXPECT_GT(subject.setup().first_run_ns, 0);
  EXPECT_EQ(subject.threads(), 1);
}

TEST(Subject, StrictRefusesWhatIsNotKnown) {
  const SubjectOptions options{.compile = {.prove_placement = false}, .strict = true};
  EXPECT_THAT(
      [&] {
        Make(
            test::IdentityModel(), [](const Signature& s) { return Ones(s, 1); }, options);
      },
      ThrowsMessage<Error>(HasSubstr("null@null: ")));
}

TEST(Subject, InputsMustFit) {
  const auto wrong = [](const Signature&) {
    std::vector<Buffer> inputs;
    inputs.push_back(Buffer::Allocate({DataType::kFloat32, {2, 2}}));
    return inputs;
  };
  EXPECT_THAT([&] { Make(test::IdentityModel(), wrong); }, ThrowsMessage<Error>(HasSubstr("input 'x' takes")));
}

}  // namespace
}  // namespace consort
