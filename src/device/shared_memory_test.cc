#include "device/shared_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "consort/error.h"

namespace consort {
namespace {

Descriptor CopyOf(const SharedMemory& memory) { return Descriptor(dup(memory.descriptor())); }

TEST(SharedMemory, BothMappingsSeeTheSameBytes) {
  const auto mine = SharedMemory::Create(5000);
  const auto theirs = SharedMemory::Adopt(CopyOf(*mine), 5000);
  mine->data()[4999] = std::byte{3};
  EXPECT_EQ(theirs->data()[4999], std::byte{3});
  EXPECT_NE(mine->data(), theirs->data());
}

TEST(SharedMemory, ItsSizeStays) {
  const auto memory = SharedMemory::Create(5000);
  EXPECT_NE(ftruncate(memory->descriptor(), 0), 0);
  EXPECT_THROW(SharedMemory::Adopt(CopyOf(*memory), 5001), Error);
}

TEST(SharedMemory, OneThatCanShrinkIsRefused) {
  Descriptor file(memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 4096), 0);
  EXPECT_THROW(SharedMemory::Adopt(std::move(file), 4096), Error);
}

TEST(SharedMemory, NothingIsAllowed) { EXPECT_NE(SharedMemory::Create(0)->data(), nullptr); }

TEST(SharedMemory, TooMuchIsAnError) {
  try {
    SharedMemory::Create(size_t{1} << 60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  }
}

TEST(SharedMemoryTable, FindsWhatLivesAndNoMore) {
  SharedMemoryTable table;
  auto memory = SharedMemory::Create(100);
  table.Add(memory);
  const std::byte* data = memory->data();
  EXPECT_EQ(table.Find(data + 10, 90)->offset, 10u);
  EXPECT_EQ(table.Find(data + 10, 90)->memory, memory);
  EXPECT_FALSE(table.Find(data + 10, 91).has_value());
  EXPECT_FALSE(table.Find(&table, 1).has_value());
  memory.reset();
  EXPECT_FALSE(table.Find(data, 1).has_value());
}

}  // namespace
}  // namespace consort
