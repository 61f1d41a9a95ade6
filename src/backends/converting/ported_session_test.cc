// Executables with ports of their own in a session: it converts, and only where it has to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/converting/ported_executable.h"
#include "run/session.h"

namespace consort {
namespace {

using ::testing::ElementsAre;

// `to` = the bytes of `from` plus one, int8 of channels last.
class PlusOne : public Program {
 public:
  PlusOne(const std::string& from, const std::string& to, float scale) {
    const TensorSpec image{DataType::kInt8, {1, 1, 3, 2}, Layout::kNhwc, {{scale}, {1}}};
    signature_.inputs = {{from, image, {}}};
    signature_.outputs = {{to, image, {}}};
  }
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    if (binding.output(0).empty()) binding.ProvideOutput(0, Buffer::Allocate(signature_.outputs[0].spec));
    for (size_t i = 0; i < 6; ++i)
      binding.output(0).as<int8_t>()[i] = static_cast<int8_t>(binding.input(0).as<int8_t>()[i] + 1);
  }

 private:
  Signature signature_;
  Placement placement_;
};

PreparedStage Stage(const std::string& from, const std::string& to, float scale) {
  const TensorSpec real{DataType::kFloat32, {1, 2, 1, 3}};
  PreparedStage stage;
  stage.replicas.push_back({.name = from + " to " + to});
  stage.replicas.front().executable = MakePorted(MakeExecutable(std::make_shared<PlusOne>(from, to, scale), {}),
                                                 {.inputs = {{from, real, {}}}, .outputs = {{to, real, {}}}}, {}, {});
  return stage;
}

struct Ran {
  std::vector<float> output;
  std::vector<int> conversions;  // by stage
};

Ran RunThrough(PreparedPlan plan) {
  Session session(std::move(plan), {.trace_capacity = 64});
  const Ticket ticket = session.Reserve();
  Buffer& input = session.input(ticket, 0);
  EXPECT_EQ(input.spec().dtype, DataType::kFloat32);
  for (size_t i = 0; i < 6; ++i) input.as<float>()[i] = static_cast<float>(i);
  session.Start(ticket);
  session.Await(ticket);
  const auto output = session.output(ticket, 0).as<float>();
  Ran ran{.output = {output.begin(), output.end()}, .conversions = {0, 0}};
  session.Release(ticket);
  for (const TraceEvent& event : session.trace().Read())
    if (event.kind == TraceKind::kConversion) ++ran.conversions.at(static_cast<size_t>(event.stage));
  return ran;
}

PreparedPlan Two(float first_scale, float second_scale) {
  PreparedPlan plan{.inputs = {"x"}, .outputs = {"y"}};
  plan.stages.push_back(Stage("x", "t", first_scale));
  plan.stages.push_back(Stage("t", "y", second_scale));
  return plan;
}

TEST(PortedSession, StagesOfOneFormHandTensorsOverAsTheyAre) {
  const Ran ran = RunThrough(Two(0.5F, 0.5F));
  EXPECT_THAT(ran.output, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(ran.conversions, ElementsAre(1, 1)) << "in the first stage's inputs and the last one's outputs";
}

TEST(PortedSession, OtherScalesAreConvertedBetweenThem) {
  const Ran ran = RunThrough(Two(0.5F, 0.25F));
  EXPECT_THAT(ran.output, ElementsAre(0.75, 1.75, 2.75, 3.75, 4.75, 5.75));
  EXPECT_THAT(ran.conversions, ElementsAre(1, 2));
}

// What the caller gets is float also where a later stage reads it.
TEST(PortedSession, TheCallersTensorsKeepTheirForm) {
  PreparedPlan plan = Two(0.5F, 0.5F);
  plan.outputs = {"t", "y"};
  const Ran ran = RunThrough(std::move(plan));
  EXPECT_THAT(ran.output, ElementsAre(0.5, 1.5, 2.5, 3.5, 4.5, 5.5));
  EXPECT_THAT(ran.conversions, ElementsAre(2, 2));
}

}  // namespace
}  // namespace consort
