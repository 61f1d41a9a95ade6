#include "device/isolated_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cmath>
#include <thread>

#include "consort/error.h"
#include "device/shared_memory.h"

namespace consort {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Channel, BodiesArriveAsTheyWere) {
  auto [left, right] = Channel::MakePair();
  const nlohmann::json body = {{"name", "not UTF-8: \xff\xfe"}, {"values", {1, -2.5, true}}, {"infinite", HUGE_VAL}};
  ASSERT_TRUE(left.Send(body));
  EXPECT_EQ(right.Receive()->body, body);
}

TEST(Channel, MessagesLargerThanTheSocketsBufferPass) {
  auto [left, right] = Channel::MakePair();
  const nlohmann::json body = {{"text", std::string(8 << 20, 'x')}};
  std::thread sender([&left = left, &body] { EXPECT_TRUE(left.Send(body)); });
  EXPECT_EQ(right.Receive()->body, body);
  sender.join();
}

TEST(Channel, DescriptorsStayWithTheirMessage) {
  auto [left, right] = Channel::MakePair();
  const auto memory = SharedMemory::Create(3);
  memory->data()[1] = std::byte{7};
  const int descriptor = memory->descriptor();
  ASSERT_TRUE(left.Send({{"first", 1}}, {&descriptor, 1}));
  ASSERT_TRUE(left.Send({{"second", 2}}));
  std::optional<Message> first = right.Receive();
  ASSERT_EQ(first->descriptors.size(), 1u);
  EXPECT_EQ(SharedMemory::Adopt(std::move(first->descriptors[0]), 3)->data()[1], std::byte{7});
  EXPECT_TRUE(right.Receive()->descriptors.empty());
}

TEST(Channel, TheEndIsNotAnError) {
  auto [left, right] = Channel::MakePair();
  left = Channel(Descriptor());
  EXPECT_FALSE(right.Receive().has_value());
  EXPECT_FALSE(right.Send({{"late", true}}));
}

TEST(Channel, AnEndWithinAMessageIsAnEnd) {
  auto [left, right] = Channel::MakePair();
  const uint32_t header[2] = {0x43535731, 100};
  ASSERT_EQ(send(left.descriptor(), header, sizeof(header), 0), 8);
  left = Channel(Descriptor());
  EXPECT_FALSE(right.Receive().has_value());
}

TEST(Channel, WhatIsNoMessageIsRefused) {
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\n"), std::string("1WSC\xff\xff\xff\xff", 8),
                                  std::string("1WSC\x01\0\0\0\x01", 9)}) {
    auto [left, right] = Channel::MakePair();
    ASSERT_EQ(send(left.descriptor(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    EXPECT_THAT([&right = right] { right.Receive(); }, ThrowsMessage<Error>(HasSubstr("garbled"))) << text;
  }
}

}  // namespace
}  // namespace consort
