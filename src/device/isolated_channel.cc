#include "device/isolated_channel.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "consort/error.h"

namespace consort {
namespace {

constexpr uint32_t kMagic = 0x4353'5731;  // "CSW1"
constexpr uint32_t kMaxMessageBytes = 256u << 20;
constexpr size_t kMaxDescriptors = 16;

struct Header {
  uint32_t magic;
  uint32_t length;
};

[[noreturn]] void Garbled(const std::string& what) {
  throw Error(ErrorCode::kInternal, "a message between processes is garbled: " + what);
}

// Puts the descriptors into the message's control data, which lies in `control`.
void Attach(msghdr& message, std::span<const int> descriptors, std::span<char> control) {
  if (descriptors.empty()) return;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

void Detach(msghdr& message, std::vector<Descriptor>& descriptors) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      descriptors.emplace_back(fd);
    }
  }
}

}  // namespace

std::pair<Channel, Channel> Channel::MakePair() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    throw Error(ErrorCode::kInternal, fmt::format("no socket pair: {}", std::strerror(errno)));
  }
  return {Channel(Descriptor(sockets[0])), Channel(Descriptor(sockets[1]))};
}

bool Channel::Send(const nlohmann::json& body, std::span<const int> descriptors) {
  if (descriptors.size() > kMaxDescriptors) Garbled(fmt::format("{} descriptors", descriptors.size()));
  outgoing_.assign(sizeof(Header), '\0');
  nlohmann::json::to_cbor(body, nlohmann::detail::output_adapter<char>(outgoing_));
  const size_t length = outgoing_.size() - sizeof(Header);
  if (length > kMaxMessageBytes) Garbled(fmt::format("{} bytes are too many", length));
  const Header header = {kMagic, static_cast<uint32_t>(length)};
  std::memcpy(outgoing_.data(), &header, sizeof(header));

  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))] = {};
  for (size_t sent = 0; sent < outgoing_.size();) {
    iovec part = {outgoing_.data() + sent, outgoing_.size() - sent};
    msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (sent == 0) Attach(message, descriptors, control);
    const ssize_t count = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) sent += static_cast<size_t>(count);
  }
  return true;
}

bool Channel::ReceiveBytes(void* data, size_t size, std::vector<Descriptor>* descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
  for (size_t received = 0; received < size;) {
    iovec part = {static_cast<char*>(data) + received, size - received};
    msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors != nullptr) message.msg_control = control, message.msg_controllen = sizeof(control);
    const ssize_t count = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (descriptors != nullptr) Detach(message, *descriptors);
    if ((message.msg_flags & MSG_CTRUNC) != 0 && descriptors != nullptr) {
      Garbled("file descriptors are missing; is the limit of open files (ulimit -n) reached?");
    }
    received += static_cast<size_t>(count);
  }
  return true;
}

std::optional<Message> Channel::Receive() {
  Message message;
  Header header;
  if (!ReceiveBytes(&header, sizeof(header), &message.descriptors)) return std::nullopt;
  if (header.magic != kMagic) Garbled("wrong magic word");
  if (header.length > kMaxMessageBytes) Garbled(fmt::format("{} bytes are too many", header.length));
  incoming_.resize(header.length);
  if (!ReceiveBytes(incoming_.data(), header.length, nullptr)) return std::nullopt;
  message.body = nlohmann::json::from_cbor(incoming_, /*strict=*/true, /*allow_exceptions=*/false);
  if (!message.body.is_object()) Garbled("not an object");
  return message;
}

}  // namespace consort
