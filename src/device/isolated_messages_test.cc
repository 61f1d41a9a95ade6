#include "device/isolated_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace consort {
namespace {

template <typename T>
T There(const T& value) {
  return nlohmann::json::from_cbor(nlohmann::json::to_cbor(nlohmann::json(value))).get<T>();
}

TEST(IsolatedMessages, SignatureArrivesWhole) {
  const Port input = {.name = "x\xff",
                      .spec = {DataType::kInt8, {kDynamic, 3}, Layout::kNhwc, {{0.5f, 0.25f}, {1, -2}, 1}},
                      .dim_names = {"batch", ""}};
  const Port output = {.name = "y", .spec = {DataType::kFloat32, {}}, .dim_names = {}};
  const Signature got = There(Signature{.inputs = {input}, .outputs = {output}, .states = {{0, 0}}});
  ASSERT_EQ(got.inputs.size(), 1u);
  EXPECT_EQ(got.inputs[0].name, input.name);
  EXPECT_EQ(got.inputs[0].spec, input.spec);
  EXPECT_EQ(got.inputs[0].dim_names, input.dim_names);
  EXPECT_EQ(got.outputs[0].spec, output.spec);
  EXPECT_THAT(got.states, testing::ElementsAre(std::pair(0, 0)));
}

TEST(IsolatedMessages, PlacementArrivesWhole) {
  const OpPlacement op = {.op = 4,
                          .name = "c",
                          .type = "Conv",
                          .state = PlacementState::kElsewhere,
                          .asked = "a",
                          .got = "g",
                          .kernel = "k",
                          .why = "w"};
  const Placement got = There(Placement{.evidence = "e", .ops = {op}, .inserted = {"copy"}});
  EXPECT_EQ(got.evidence, "e");
  EXPECT_THAT(got.inserted, testing::ElementsAre("copy"));
  ASSERT_EQ(got.ops.size(), 1u);
  const OpPlacement& there = got.ops[0];
  EXPECT_EQ(std::tie(there.op, there.name, there.type, there.state, there.asked, there.got, there.kernel, there.why),
            std::tie(op.op, op.name, op.type, op.state, op.asked, op.got, op.kernel, op.why));
}

TEST(IsolatedMessages, DeviceInfoArrivesWhole) {
  const DeviceInfo info = {.target = Target::Parse("cpu:0-1@openvino/fp16"),
                           .name = "n",
                           .engine = "e",
                           .driver = "d",
                           .resource = "cpu",
                           .cores = CoreSet({0, 1}),
                           .memory_bytes = 5,
                           .precisions = {Precision::kBf16},
                           .accepts = {ArtifactKind::kTfLite},
                           .spaces = {{MemorySpace::Kind::kDevice, 2}},
                           .max_in_flight = 3};
  const DeviceInfo got = There(info);
  EXPECT_EQ(got.target, info.target);
  EXPECT_EQ(
      std::tie(got.name, got.engine, got.driver, got.resource, got.cores, got.memory_bytes, got.max_in_flight),
      std::tie(info.name, info.engine, info.driver, info.resource, info.cores, info.memory_bytes, info.max_in_flight));
  EXPECT_EQ(got.precisions, info.precisions);
  EXPECT_EQ(got.accepts, info.accepts);
  EXPECT_EQ(got.spaces, info.spaces);
}

TEST(IsolatedMessages, CompileOptionsArriveExceptWhatTheParentDoes) {
  const CompileOptions got = There(CompileOptions{.execution = Execution::kWorker,
                                                  .optimization = Optimization::kBasic,
                                                  .threads = 2,
                                                  .flush_denormals = false,
                                                  .prove_placement = false,
                                                  .max_in_flight = 9,
                                                  .engine_options = {{"key", "value"}}});
  EXPECT_EQ(got.execution, Execution::kCaller);
  EXPECT_EQ(got.max_in_flight, 1);
  EXPECT_EQ(got.optimization, Optimization::kBasic);
  EXPECT_EQ(got.threads, 2);
  EXPECT_FALSE(got.flush_denormals);
  EXPECT_FALSE(got.prove_placement);
  EXPECT_THAT(got.engine_options, testing::ElementsAre(std::pair<std::string, std::string>("key", "value")));
}

TEST(IsolatedMessages, ErrorsKeepTheirCode) {
  try {
    RethrowError(ErrorMessage(Error(ErrorCode::kInvalidModel, "node 'x'")));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_STREQ(error.what(), "node 'x'");
  }
  EXPECT_NO_THROW(RethrowError({{"results", 1}}));
}

}  // namespace
}  // namespace consort
