// Which form tensors have between stages whose replicas compute in different ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "backends/converting/ported_executable.h"
#include "consort/error.h"
#include "run/session.h"
#include "run/test_programs.h"
#include "run/test_samples.h"
#include "run/wiring.h"

namespace consort {
namespace {

using test::ArithmeticProgram;
using test::ChainStage;
using test::FloatPort;
using test::MakeReplica;
using test::RunOne;

// A stage of the chain in int8 of one scale: what it gives lies on the grid of that scale.
class IntegerStage : public Program {
 public:
  IntegerStage(int stage, float scale, std::function<void()> before) : scale_(scale), stage_(stage), before_(before) {
    const TensorSpec spec{DataType::kInt8, {4}, Layout::kPlain, {{scale}, {0}}};
    signature_.inputs = {{"t" + std::to_string(stage), spec, {""}}};
    signature_.outputs = {{"t" + std::to_string(stage + 1), spec, {""}}};
  }
  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    if (before_) before_();
    if (binding.output(0).empty()) binding.ProvideOutput(0, Buffer::Allocate(signature_.outputs[0].spec));
    for (size_t i = 0; i < 4; ++i) {
      const float value = scale_ * static_cast<float>(binding.input(0).as<int8_t>()[i]);
      const float result = value * 2 + static_cast<float>(stage_);
      binding.output(0).as<int8_t>()[i] = static_cast<int8_t>(std::lround(result / scale_));
    }
  }

 private:
  float scale_;
  int stage_;
  std::function<void()> before_;
  Signature signature_;
  Placement placement_;
};

PreparedReplica Integer(int stage, float scale = 1, std::function<void()> before = nullptr) {
  const ArithmeticProgram::Options ports = ChainStage(stage);
  PreparedReplica replica{.name = "integer"};
  replica.executable = MakePorted(MakeExecutable(std::make_shared<IntegerStage>(stage, scale, before), {}),
                                  {.inputs = ports.inputs, .outputs = ports.outputs}, {}, {});
  return replica;
}

// t0 → t1 by `replicas` and `spares` → t2 by a stage of int8 at scale 1.
PreparedPlan Two(std::vector<PreparedReplica> replicas, std::vector<PreparedReplica> spares = {}) {
  PreparedPlan plan{.inputs = {"t0"}, .outputs = {"t2"}};
  plan.stages.push_back({.replicas = std::move(replicas), .spares = std::move(spares)});
  plan.stages.push_back({.replicas = {Integer(1)}});
  return plan;
}

DataType InnerType(PreparedPlan plan) {
  const Wiring wiring = MakeWiring(WithNativePorts(std::move(plan)), {});
  return wiring.tensors.at(static_cast<size_t>(wiring.Find("t1"))).spec.dtype;
}

TEST(NativePlan, TensorsTakeTheDevicesFormWhereAllWhoMakeThemAgree) {
  EXPECT_EQ(InnerType(Two({Integer(0)})), DataType::kInt8);
  EXPECT_EQ(InnerType(Two({Integer(0), Integer(0)}, {Integer(0)})), DataType::kInt8);
  EXPECT_EQ(InnerType(Two({Integer(0), MakeReplica(ChainStage(0))})), DataType::kFloat32);
  EXPECT_EQ(InnerType(Two({MakeReplica(ChainStage(0)), Integer(0)})), DataType::kFloat32);
  EXPECT_EQ(InnerType(Two({Integer(0), Integer(0, 0.5F)})), DataType::kFloat32);
  EXPECT_EQ(InnerType(Two({Integer(0)}, {MakeReplica(ChainStage(0))})), DataType::kFloat32);
}

TEST(NativePlan, SparesThatAreCompiledLaterAgreeWhereTheirTargetIsOneOfTheReplicas) {
  const auto later = [](const std::string& name) {
    return PreparedReplica{.name = name, .compile = [] { return MakeReplica(ChainStage(0)).executable; }};
  };
  EXPECT_EQ(InnerType(Two({Integer(0)}, {later("integer")})), DataType::kInt8);
  EXPECT_EQ(InnerType(Two({Integer(0)}, {later("other")})), DataType::kFloat32);
}

TEST(NativePlan, WhatAReplicaOfFloatsMakesIsNotRounded) {
  PreparedPlan plan = Two({Integer(0, 1, [] { throw Error(ErrorCode::kDeviceLost, "unplugged"); }),
                           MakeReplica(ChainStage(0))});
  plan.stages[1].replicas = {MakeReplica(ChainStage(1))};
  Session session(std::move(plan), {.max_attempts = 3});
  for (int i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(RunOne(session, 0.3F), 0.3F * 2 * 2 + 1) << i;
  EXPECT_EQ(session.report().stages[0][1].calls, 4);
}

}  // namespace
}  // namespace consort
