// Memory that two processes map.
#ifndef CONSORT_DEVICE_SHARED_MEMORY_H_
#define CONSORT_DEVICE_SHARED_MEMORY_H_

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "device/descriptor.h"

namespace consort {

// An anonymous file in memory, mapped for reading and writing. Its size is sealed: a process that has it cannot make
// the other fault by cutting it off. Aligned to pages, zeroed. The owner orders access to the bytes.
class SharedMemory {
 public:
  // Throws kOutOfMemory.
  static std::shared_ptr<SharedMemory> Create(size_t size_bytes);
  // Maps what another process made; throws kInternal unless it is sealed and holds `size_bytes`.
  static std::shared_ptr<SharedMemory> Adopt(Descriptor descriptor, size_t size_bytes);

  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  std::byte* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }
  int descriptor() const { return descriptor_.get(); }

 private:
  SharedMemory(Descriptor descriptor, size_t size_bytes);

  Descriptor descriptor_;
  size_t size_bytes_;
  std::byte* data_ = nullptr;
};

// Finds the shared memory that an address lies in. Thread-safe.
class SharedMemoryTable {
 public:
  struct Place {
    std::shared_ptr<SharedMemory> memory;
    size_t offset;
  };

  void Add(const std::shared_ptr<SharedMemory>& memory);
  // Nothing when [data, data + size_bytes) is not within one memory that was added and still lives.
  std::optional<Place> Find(const void* data, size_t size_bytes) const;

 private:
  mutable std::mutex mutex_;
  std::map<const std::byte*, std::weak_ptr<SharedMemory>> by_address_;
};

}  // namespace consort

#endif  // CONSORT_DEVICE_SHARED_MEMORY_H_
