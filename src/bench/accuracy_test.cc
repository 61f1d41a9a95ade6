#include "bench/accuracy.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "backends/null/null_backend.h"
#include "io/random_input.h"
#include "io/test_support.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

NamedTensor Floats(const std::string& name, Shape shape, const std::vector<double>& values) {
  return {name, MakeTensor(DataType::kFloat32, std::move(shape), values)};
}

Outputs One(NamedTensor tensor) {
  Outputs outputs;
  outputs.push_back(std::move(tensor));
  return outputs;
}

Outputs Two(NamedTensor a, NamedTensor b) {
  Outputs outputs = One(std::move(a));
  outputs.push_back(std::move(b));
  return outputs;
}

TEST(AccuracyTest, EqualOutputs) {
  AccuracyTally tally;
  for (int input = 0; input < 3; ++input) {
    tally.Add(One(Floats("y", {2, 2}, {1, 2, 3, -4})), One(Floats("y", {2, 2}, {1, 2, 3, -4})));
  }
  const Accuracy accuracy = tally.Summarise();
  EXPECT_NEAR(accuracy.cosine, 1, 1e-15);
  EXPECT_EQ(accuracy.error, 0);
  EXPECT_EQ(accuracy.sqnr_db, kInf);
  EXPECT_EQ(accuracy.top1, 1);
  EXPECT_EQ(accuracy.inputs, 3);
  EXPECT_THAT(Misses(accuracy, {.min_cosine = 0.9999, .max_error = 0}), IsEmpty());
}

// Figures of the worst output, each over all inputs: an output of large values does not hide one of small values.
TEST(AccuracyTest, TheWorstOutputCounts) {
  AccuracyTally tally;
  tally.Add(Two(Floats("large", {2}, {1000, 0}), Floats("small", {2}, {3, 4})),
            Two(Floats("large", {2}, {1000, 0}), Floats("small", {2}, {3, 5})));
  tally.Add(Two(Floats("large", {2}, {999, 0}), Floats("small", {2}, {10, 0})),
            Two(Floats("large", {2}, {1000, 0}), Floats("small", {2}, {10, 0})));
  const Accuracy accuracy = tally.Summarise();
  EXPECT_EQ(accuracy.worst_output, "small");
  EXPECT_DOUBLE_EQ(accuracy.error, 0.1);                                         // 1 over 10, the largest of all inputs
  EXPECT_THAT(accuracy.sqnr_db, DoubleNear(10 * std::log10(134.0 / 1), 1e-12));  // 9 + 25 + 100 over 1
  EXPECT_THAT(accuracy.cosine, DoubleNear(29 / (5 * std::sqrt(34.0)), 1e-12));
  EXPECT_EQ(accuracy.top1, std::nullopt);  // no output has rows
}

TEST(AccuracyTest, OutputsArePairedByNameUnlessThereIsOne) {
  AccuracyTally tally;
  tally.Add(One(Floats("y:0", {1}, {1})), One(Floats("y", {1}, {1})));
  tally.Add(Two(Floats("a", {1}, {1}), Floats("b", {1}, {2})), Two(Floats("b", {1}, {2}), Floats("a", {1}, {1})));
  EXPECT_EQ(tally.Summarise().error, 0);
  ExpectError(
      [&] {
        tally.Add(Two(Floats("a", {1}, {1}), Floats("c", {1}, {2})), Two(Floats("a", {1}, {1}), Floats("b", {1}, {2})));
      },
      ErrorCode::kInvalidArgument, "no output 'c'");
  ExpectError(
      [&] {
        tally.Add(One(Floats("y", {1}, {1})), One(Floats("y", {2}, {1, 2})));
      },
      ErrorCode::kInvalidArgument, "output 'y'");
}

TEST(AccuracyTest, BoundsNameWhatMissesThem) {
  const Accuracy accuracy{.cosine = 0.98, .error = 0.02, .sqnr_db = 20, .nonfinite_mismatches = 3};
  EXPECT_THAT(Misses(accuracy, {}), IsEmpty());
  EXPECT_THAT(
      Misses(accuracy, {.min_cosine = 0.99, .max_error = 0.01}),
      ElementsAre(HasSubstr("0.98 is less than 0.99"), HasSubstr("0.02 is more than 0.01"), HasSubstr("3 elements")));
  const Accuracy nothing{.cosine = kNan, .error = kInf};
  EXPECT_EQ(Misses(nothing, {.min_cosine = 0, .max_error = 1e30}).size(), 2U);
}

RowAgreement Top1(Shape shape, const std::vector<double>& values, const std::vector<double>& reference) {
  return CountTop1(MakeTensor(DataType::kFloat32, shape, values), MakeTensor(DataType::kFloat32, shape, reference));
}

TEST(Top1Test, CountsRowsOfTheLastAxis) {
  const RowAgreement agreement = Top1({3, 2}, {1, 2, 5, 4, 0, 9}, {0, 1, 1, 0, 7, 6});
  EXPECT_EQ(agreement.rows, 3);
  EXPECT_EQ(agreement.agreed, 2);
  EXPECT_EQ(Top1({2, 2, 2}, {1, 2, 1, 2, 1, 2, 1, 2}, {1, 2, 1, 2, 1, 2, 2, 1}).agreed, 3);
}

TEST(Top1Test, EqualLargestElementsOfTheReferenceAreAllRight) {
  EXPECT_EQ(Top1({1, 3}, {0, 1, 0}, {2, 2, 1}).agreed, 1);
  EXPECT_EQ(Top1({1, 3}, {0, 0, 1}, {2, 2, 1}).agreed, 0);
}

TEST(Top1Test, NanRanksLastAndRowsOfTheReferenceWithItDoNotCount) {
  EXPECT_EQ(Top1({1, 3}, {kNan, 1, 2}, {0, 1, 2}).agreed, 1);
  EXPECT_EQ(Top1({1, 2}, {kNan, kNan}, {1, 0}).agreed, 0);
  EXPECT_EQ(Top1({2, 2}, {1, 2, 1, 2}, {kNan, 2, 1, 2}).rows, 1);
  EXPECT_EQ(Top1({1, 2}, {0, 1}, {0, kInf}).agreed, 1);
}

TEST(Top1Test, WhatHasNoRows) {
  EXPECT_EQ(Top1({4}, {1, 2, 3, 4}, {1, 2, 3, 4}).rows, 0);
  EXPECT_EQ(Top1({4, 1}, {1, 2, 3, 4}, {1, 2, 3, 4}).rows, 0);
  EXPECT_EQ(Top1({0, 4}, {}, {}).rows, 0);
  const Buffer integers = MakeTensor(DataType::kInt64, {1, 2}, {0, 1});
  EXPECT_EQ(CountTop1(integers, integers).rows, 0);
}

// The null device gives zeros, whatever it is given.
TEST(EvaluatorTest, GivesTheOutputsByName) {
  Registry registry;
  registry.Add(MakeNullBackend());
  const Artifact artifact(Model::Parse(test::AsBytes(test::TwoInputModel()), "two.onnx"));
  Evaluator evaluator(registry, registry.Resolve(Target::Parse("null")), artifact, {});
  for (uint64_t seed = 0; seed < 3; ++seed) {
    std::vector<Buffer> inputs;
    for (const Port& port : evaluator.signature().inputs) inputs.push_back(RandomInput(port.spec, seed, port.name));
    const Outputs outputs = evaluator.Evaluate(std::move(inputs));
    ASSERT_EQ(outputs.size(), 2U);
    EXPECT_EQ(outputs[0].name, "sum");
    EXPECT_EQ(outputs[1].name, "product");
    EXPECT_THAT(ToDoubles(outputs[1].tensor), ElementsAre(0, 0, 0, 0));
  }
}

TEST(EvaluatorTest, StrictNamesTheTargetThatIsRefused) {
  Registry registry;
  registry.Add(MakeNullBackend());
  const Artifact artifact(Model::Parse(test::AsBytes(test::TwoInputModel()), "two.onnx"));
  const Target target = registry.Resolve(Target::Parse("null"));
  ExpectError([&] { Evaluator(registry, target, artifact, {.compile = {.prove_placement = false}, .strict = true}); },
              ErrorCode::kInfeasible, "null@null");
}

}  // namespace
}  // namespace consort
