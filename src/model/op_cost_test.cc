#include "model/op_cost.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/test_models.h"

namespace consort {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// An op of one type with attributes, and the shapes of its operands; Unknown() is one whose rank is not known.
class Case {
 public:
  explicit Case(const std::string& type) { node_.set_op_type(type); }
  Case& In(Shape shape) { return Add({true, std::move(shape)}, inputs_, *node_.mutable_input()); }
  Case& Out(Shape shape) { return Add({true, std::move(shape)}, outputs_, *node_.mutable_output()); }
  Case& UnknownIn() { return Add({}, inputs_, *node_.mutable_input()); }
  Case& UnknownOut() { return Add({}, outputs_, *node_.mutable_output()); }
  onnx::NodeProto& node() { return node_; }

  MacCount Count() const {
    OperandShapes shapes;
    for (const Operand& operand : inputs_) shapes.inputs.push_back(operand.known ? &operand.shape : nullptr);
    for (const Operand& operand : outputs_) shapes.outputs.push_back(operand.known ? &operand.shape : nullptr);
    return CountMacs(node_, shapes);
  }
  int64_t Macs() const {
    const MacCount count = Count();
    EXPECT_TRUE(count.known);
    return count.macs;
  }

 private:
  struct Operand {
    bool known = false;
    Shape shape;
  };

  Case& Add(Operand operand, std::vector<Operand>& operands, google::protobuf::RepeatedPtrField<std::string>& names) {
    *names.Add() = operand.known ? "t" + std::to_string(operands.size()) : "";
    operands.push_back(std::move(operand));
    return *this;
  }

  onnx::NodeProto node_;
  std::vector<Operand> inputs_;
  std::vector<Operand> outputs_;
};

TEST(OpCost, Convolutions) {
  EXPECT_EQ(Case("Conv").In({1, 3, 8, 8}).In({4, 3, 3, 3}).Out({1, 4, 8, 8}).Macs(), 8 * 8 * 4 * 27);
  EXPECT_EQ(Case("Conv").In({2, 8, 9}).In({8, 1, 3}).Out({2, 8, 7}).Macs(), 2 * 7 * 8 * 3);  // depthwise, rank 1
  EXPECT_EQ(Case("ConvInteger").In({1, 3, 8, 8}).In({4, 3, 1, 1}).Out({1, 4, 8, 8}).Macs(), 64 * 4 * 3);
  Case quantized("QLinearConv");
  for (int i = 0; i < 3; ++i) quantized.In(i == 0 ? Shape{1, 3, 8, 8} : Shape{});
  EXPECT_EQ(quantized.In({4, 3, 3, 3}).Out({1, 4, 8, 8}).Macs(), 8 * 8 * 4 * 27);
}

// 5x5 inputs each spread over 6 filters of 2x2, group 1: 25 * 3 channels * 6 * 4.
TEST(OpCost, TransposedConvolutions) {
  EXPECT_EQ(Case("ConvTranspose").In({1, 3, 5, 5}).In({3, 6, 2, 2}).Out({1, 6, 10, 10}).Macs(), 25 * 3 * 6 * 4);
}

TEST(OpCost, MatrixProducts) {
  EXPECT_EQ(Case("MatMul").In({2, 3}).In({3, 4}).Out({2, 4}).Macs(), 24);
  EXPECT_EQ(Case("MatMul").In({5, 1, 2, 3}).In({7, 3, 4}).Out({5, 7, 2, 4}).Macs(), 5 * 7 * 2 * 3 * 4);
  EXPECT_EQ(Case("MatMul").In({3}).In({3}).Out({}).Macs(), 3);
  EXPECT_EQ(Case("MatMulInteger").In({2, 3}).In({3, 4}).Out({2, 4}).Macs(), 24);
  EXPECT_EQ(Case("QLinearMatMul").In({2, 3}).Out({2, 4}).Macs(), 24);
  Case gemm("Gemm");
  gemm.In({3, 2}).In({3, 4}).Out({2, 4});
  test::AddInt(gemm.node(), "transA", 1);
  EXPECT_EQ(gemm.Macs(), 24);
}

// Per step and sequence: gates * hidden * (input + hidden).
TEST(OpCost, RecurrentLayers) {
  EXPECT_EQ(Case("LSTM").In({5, 2, 3}).In({1, 16, 3}).In({1, 16, 4}).Macs(), 5 * 2 * 4 * 4 * (3 + 4));
  EXPECT_EQ(Case("GRU").In({5, 2, 3}).In({2, 12, 3}).In({2, 12, 4}).Macs(), 5 * 2 * 2 * 3 * 4 * (3 + 4));
  EXPECT_EQ(Case("RNN").In({5, 2, 3}).In({1, 4, 3}).In({1, 4, 4}).Macs(), 5 * 2 * 4 * (3 + 4));
}

MacCount Einsum(const std::string& equation, const std::vector<Shape>& operands, const Shape& output) {
  Case einsum("Einsum");
  test::AddText(einsum.node(), "equation", equation);
  for (const Shape& operand : operands) einsum.In(operand);
  return einsum.Out(output).Count();
}

TEST(OpCost, Einsum) {
  EXPECT_EQ(Einsum("ij,jk->ik", {{2, 3}, {3, 4}}, {2, 4}).macs, 24);
  EXPECT_EQ(Einsum("ij, jk", {{2, 3}, {3, 4}}, {2, 4}).macs, 24);
  EXPECT_EQ(Einsum("bhqd,bhkd->bhqk", {{1, 2, 3, 4}, {1, 2, 5, 4}}, {1, 2, 3, 5}).macs, 2 * 3 * 5 * 4);
  EXPECT_EQ(Einsum("...ij,...jk->...ik", {{7, 2, 3}, {7, 3, 4}}, {7, 2, 4}).macs, 7 * 24);
  EXPECT_EQ(Einsum("ij->ji", {{2, 3}}, {3, 2}).macs, 0);
  EXPECT_FALSE(Einsum("ij,jk,kl->il", {{2, 3}, {3, 4}, {4, 5}}, {2, 5}).known);
  EXPECT_FALSE(Einsum("ijkl,jk->il", {{2, 3}, {3, 4}}, {2, 4}).known);
}

TEST(OpCost, Attention) {
  EXPECT_EQ(Case("Attention").In({2, 8, 5, 16}).In({2, 4, 7, 16}).In({2, 4, 7, 12}).Macs(), 2 * 8 * 5 * 7 * (16 + 12));
  Case joined("Attention");
  joined.In({2, 5, 128}).In({2, 7, 64}).In({2, 7, 48});
  test::AddInt(joined.node(), "q_num_heads", 8);
  test::AddInt(joined.node(), "kv_num_heads", 4);
  EXPECT_EQ(joined.Macs(), 2 * 8 * 5 * 7 * (16 + 12));
  Case past("Attention");
  past.In({1, 1, 1, 4}).In({1, 1, 1, 4}).In({1, 1, 1, 4}).UnknownIn().In({1, 1, 9, 4});
  EXPECT_EQ(past.Macs(), 10 * 8);
}

TEST(OpCost, EverythingElseIsFree) { EXPECT_EQ(Case("Relu").UnknownIn().UnknownOut().Macs(), 0); }

TEST(OpCost, UnknownShapesAreSaid) {
  EXPECT_FALSE(Case("Conv").In({1, 3, 8, 8}).In({4, 3, 3, 3}).Out({kDynamic, 4, 8, 8}).Count().known);
  EXPECT_FALSE(Case("MatMul").UnknownIn().In({3, 4}).Out({2, 4}).Count().known);
  EXPECT_FALSE(Case("Conv").In({1, 3, 8, 8}).In({0, 3, 3, 3}).Out({1, 0, 8, 8}).Count().known);
  Case custom("Conv");
  custom.node().set_domain("com.example");
  EXPECT_FALSE(custom.Count().known);
}

TEST(OpCost, SaturatesInsteadOfOverflowing) {
  EXPECT_EQ(SaturatingAdd(kMax, 1), kMax);
  EXPECT_EQ(SaturatingMultiply(kMax / 2, 3), kMax);
  const MacCount count =
      Case("MatMul").In({int64_t{1} << 40, 1 << 30}).In({1 << 30, 1}).Out({int64_t{1} << 40, 1}).Count();
  EXPECT_EQ(count.macs, kMax);
  EXPECT_FALSE(count.known);
}

}  // namespace
}  // namespace consort
