// Messages between Consort and the process of an isolated device.
#ifndef CONSORT_DEVICE_ISOLATED_CHANNEL_H_
#define CONSORT_DEVICE_ISOLATED_CHANNEL_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "device/descriptor.h"

namespace consort {

// Grows whenever a message changes: both ends must be of one build.
inline constexpr int kIsolatedVersion = 1;

struct Message {
  nlohmann::json body;
  std::vector<Descriptor> descriptors;
};

// One end of a stream socket between two processes. A message is a header (magic word, length), a JSON value encoded as
// CBOR (names from models need not be UTF-8), and up to 16 file descriptors. One thread sends and one receives at a
// time.
class Channel {
 public:
  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
  static std::pair<Channel, Channel> MakePair();

  // False when the other end is gone.
  bool Send(const nlohmann::json& body, std::span<const int> descriptors = {});
  // Waits; nothing when the other end is gone. Throws kInternal for what is not a message.
  std::optional<Message> Receive();

  int descriptor() const { return socket_.get(); }

 private:
  bool ReceiveBytes(void* data, size_t size, std::vector<Descriptor>* descriptors);

  Descriptor socket_;
  std::string outgoing_;
  std::string incoming_;
};

}  // namespace consort

#endif  // CONSORT_DEVICE_ISOLATED_CHANNEL_H_
