// Tensor memory: who owns it, where it lies, what it holds.
#ifndef CONSORT_BUFFER_H_
#define CONSORT_BUFFER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "consort/types.h"

namespace consort {

// Where the bytes of a buffer lie. A copy between spaces is a timed, traced transfer.
struct MemorySpace {
  enum class Kind : uint8_t { kHost, kHostPinned, kShared, kDevice };
  Kind kind = Kind::kHost;
  int device_index = 0;  // for kDevice

  bool host_readable() const { return kind != Kind::kDevice; }
  bool operator==(const MemorySpace&) const = default;
};

std::string ToString(const MemorySpace& space);

// A tensor in memory. Move-only; Share() makes a second handle on the same bytes, so that a binding and the
// executable that works on it can own them together: the bytes live until the last handle is gone.
// Handles may be used from several threads; access to the bytes is the caller's to order.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(Buffer&&) noexcept = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // New host memory, 64-byte aligned, zeroed. Throws kOutOfMemory, or kInvalidArgument for a dynamic shape.
  static Buffer Allocate(TensorSpec spec);

  // A view of the caller's memory, which must hold ByteSize(spec) bytes and outlive every handle.
  static Buffer Borrow(TensorSpec spec, void* data);

  // For backends: memory kept alive by `owner`.
  static Buffer Wrap(TensorSpec spec, MemorySpace space, void* data, std::shared_ptr<void> owner);

  // Another handle on the same bytes.
  Buffer Share() const;

  // A copy of the bytes in new host memory; the source must be host-readable (else kUnsupported).
  Buffer Clone() const;

  bool empty() const { return !set_; }
  const TensorSpec& spec() const { return spec_; }
  MemorySpace space() const { return space_; }
  size_t size_bytes() const { return size_bytes_; }
  void* data() { return data_; }
  const void* data() const { return data_; }

  // Typed view. Throws kInvalidArgument if sizeof(T) is not the element's width or the space is not host-readable.
  template <typename T>
  std::span<T> as() {
    CheckAccess(sizeof(T) * 8);
    return {static_cast<T*>(data_), size_bytes_ / sizeof(T)};
  }
  template <typename T>
  std::span<const T> as() const {
    CheckAccess(sizeof(T) * 8);
    return {static_cast<const T*>(data_), size_bytes_ / sizeof(T)};
  }

  // The same bytes read with another shape, layout or quantization of the same size; else kInvalidArgument.
  void Respec(TensorSpec spec);

 private:
  void CheckAccess(size_t bits) const;

  TensorSpec spec_;
  MemorySpace space_;
  size_t size_bytes_ = 0;
  void* data_ = nullptr;
  bool set_ = false;
  std::shared_ptr<void> owner_;
};

}  // namespace consort

#endif  // CONSORT_BUFFER_H_
