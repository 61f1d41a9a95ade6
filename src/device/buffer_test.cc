#include "consort/buffer.h"

#include <gtest/gtest.h>

#include "consort/error.h"

namespace consort {
namespace {

TEST(Buffer, AllocateIsZeroedAndAligned) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, {3, 5}});
  EXPECT_EQ(buffer.size_bytes(), 60u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
  for (float value : buffer.as<float>()) EXPECT_EQ(value, 0.0f);
}

TEST(Buffer, SharedBytesOutliveTheFirstHandle) {
  Buffer second;
  {
    Buffer first = Buffer::Allocate({DataType::kInt32, {2}});
    first.as<int32_t>()[1] = 7;
    second = first.Share();
  }
  EXPECT_EQ(second.as<int32_t>()[1], 7);
}

TEST(Buffer, CloneHasBytesOfItsOwn) {
  Buffer first = Buffer::Allocate({DataType::kInt8, {2}});
  Buffer copy = first.Clone();
  first.as<int8_t>()[0] = 1;
  EXPECT_EQ(copy.as<int8_t>()[0], 0);
}

TEST(Buffer, BorrowedBytesAreTheCallers) {
  float values[2] = {1, 2};
  Buffer buffer = Buffer::Borrow({DataType::kFloat32, {2}}, values);
  buffer.as<float>()[0] = 5;
  EXPECT_EQ(values[0], 5);
}

TEST(Buffer, ViewsOfAnotherWidthAreRefused) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, {2}});
  EXPECT_THROW(buffer.as<double>(), Error);
  Buffer device = Buffer::Wrap({DataType::kFloat32, {0}}, {MemorySpace::Kind::kDevice, 0}, nullptr, nullptr);
  EXPECT_THROW(device.as<float>(), Error);
}

TEST(Buffer, EmptyTensorsAreBuffersToo) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, {0, 3}});
  EXPECT_FALSE(buffer.empty());
  EXPECT_EQ(buffer.as<float>().size(), 0u);
  EXPECT_TRUE(Buffer().empty());
}

TEST(Buffer, RespecKeepsTheSize) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, {2, 3}});
  buffer.Respec({DataType::kFloat32, {6}});
  EXPECT_EQ(buffer.spec().shape, Shape{6});
  EXPECT_THROW(buffer.Respec({DataType::kFloat32, {7}}), Error);
}

TEST(Buffer, ImpossibleSizesAreErrors) {
  EXPECT_THROW(Buffer::Allocate({DataType::kFloat32, {kDynamic}}), Error);
  EXPECT_THROW(Buffer::Allocate({DataType::kFloat32, {int64_t{1} << 50}}), Error);
}

}  // namespace
}  // namespace consort
