#include "consort/buffer.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector register

}  // namespace

std::string ToString(const MemorySpace& space) {
  switch (space.kind) {
    case MemorySpace::Kind::kHost: return "host";
    case MemorySpace::Kind::kHostPinned: return "host, pinned";
    case MemorySpace::Kind::kShared: return "host, shared";
    case MemorySpace::Kind::kDevice: return fmt::format("device {}", space.device_index);
  }
  return "host";
}

Buffer Buffer::Allocate(TensorSpec spec) {
  const size_t size = static_cast<size_t>(ByteSize(spec));
  const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  // Large blocks come zeroed from the kernel page by page; aligned_alloc would touch them twice.
  void* data = nullptr;
  if (posix_memalign(&data, kAlignment, rounded == 0 ? kAlignment : rounded) != 0) {
    throw Error(ErrorCode::kOutOfMemory, fmt::format("no {} of host memory for a tensor of {}",
                                                     FormatBytes(static_cast<int64_t>(size)), FormatSpec(spec)));
  }
  std::memset(data, 0, rounded);
  return Wrap(std::move(spec), {}, data, std::shared_ptr<void>(data, std::free));
}

Buffer Buffer::Borrow(TensorSpec spec, void* data) { return Wrap(std::move(spec), {}, data, nullptr); }

Buffer Buffer::Wrap(TensorSpec spec, MemorySpace space, void* data, std::shared_ptr<void> owner) {
  Buffer buffer;
  buffer.size_bytes_ = static_cast<size_t>(ByteSize(spec));
  if (data == nullptr && buffer.size_bytes_ > 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("a buffer of {} needs memory", FormatSpec(spec)));
  }
  buffer.spec_ = std::move(spec);
  buffer.space_ = space;
  buffer.data_ = data;
  buffer.set_ = true;
  buffer.owner_ = std::move(owner);
  return buffer;
}

Buffer Buffer::Share() const {
  Buffer buffer;
  buffer.spec_ = spec_;
  buffer.space_ = space_;
  buffer.size_bytes_ = size_bytes_;
  buffer.data_ = data_;
  buffer.set_ = set_;
  buffer.owner_ = owner_;
  return buffer;
}

Buffer Buffer::Clone() const {
  CheckAccess(static_cast<size_t>(BitWidth(spec_.dtype)));
  Buffer copy = Allocate(spec_);
  if (size_bytes_ > 0) std::memcpy(copy.data_, data_, size_bytes_);
  return copy;
}

void Buffer::Respec(TensorSpec spec) {
  if (static_cast<size_t>(ByteSize(spec)) != size_bytes_) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} bytes of {} cannot be read as {}", size_bytes_, FormatSpec(spec_), FormatSpec(spec)));
  }
  spec_ = std::move(spec);
}

void Buffer::CheckAccess(size_t bits) const {
  if (!space_.host_readable()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("memory of {} cannot be read by the host", ToString(space_)));
  }
  if (static_cast<int>(bits) != BitWidth(spec_.dtype)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be viewed as elements of {} bits", FormatSpec(spec_), bits));
  }
}

}  // namespace consort
