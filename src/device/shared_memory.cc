#include "device/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

[[noreturn]] void OutOfMemory(size_t size_bytes, int code) {
  throw Error(ErrorCode::kOutOfMemory, fmt::format("no {} of shared memory: {}",
                                                   FormatBytes(static_cast<int64_t>(size_bytes)), std::strerror(code)));
}

size_t MachineBytes() {
  struct sysinfo info = {};
  sysinfo(&info);
  return (size_t{info.totalram} + info.totalswap) * info.mem_unit;
}

}  // namespace

SharedMemory::SharedMemory(Descriptor descriptor, size_t size_bytes)
    : descriptor_(std::move(descriptor)), size_bytes_(size_bytes) {
  void* data = mmap(nullptr, std::max<size_t>(size_bytes, 1), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
  if (data == MAP_FAILED) OutOfMemory(size_bytes, errno);
  data_ = static_cast<std::byte*>(data);
}

SharedMemory::~SharedMemory() { munmap(data_, std::max<size_t>(size_bytes_, 1)); }

std::shared_ptr<SharedMemory> SharedMemory::Create(size_t size_bytes) {
  Descriptor descriptor(memfd_create("consort", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!descriptor.valid()) OutOfMemory(size_bytes, errno);
  // The kernel gives such files any size and faults later; so what cannot be is refused here, as it does for other
  // memory.
  if (size_bytes > MachineBytes()) OutOfMemory(size_bytes, ENOMEM);
  if (ftruncate(descriptor.get(), static_cast<off_t>(std::max<size_t>(size_bytes, 1))) != 0)
    OutOfMemory(size_bytes, errno);
  if (fcntl(descriptor.get(), F_ADD_SEALS, kSeals) != 0) OutOfMemory(size_bytes, errno);
  return std::shared_ptr<SharedMemory>(new SharedMemory(std::move(descriptor), size_bytes));
}

std::shared_ptr<SharedMemory> SharedMemory::Adopt(Descriptor descriptor, size_t size_bytes) {
  struct stat status = {};
  const int seals = fcntl(descriptor.get(), F_GET_SEALS);  // -1: no memory file at all
  const bool sealed = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
  if (fstat(descriptor.get(), &status) != 0 || !sealed || static_cast<size_t>(status.st_size) < size_bytes) {
    throw Error(ErrorCode::kInternal, fmt::format("shared memory of {} bytes where {} sealed ones were announced",
                                                  status.st_size, size_bytes));
  }
  return std::shared_ptr<SharedMemory>(new SharedMemory(std::move(descriptor), size_bytes));
}

void SharedMemoryTable::Add(const std::shared_ptr<SharedMemory>& memory) {
  std::lock_guard lock(mutex_);
  std::erase_if(by_address_, [](const auto& entry) { return entry.second.expired(); });
  by_address_.insert_or_assign(memory->data(), memory);
}

std::optional<SharedMemoryTable::Place> SharedMemoryTable::Find(const void* data, size_t size_bytes) const {
  const auto* address = static_cast<const std::byte*>(data);
  std::lock_guard lock(mutex_);
  auto next = by_address_.upper_bound(address);
  if (next == by_address_.begin()) return std::nullopt;
  std::shared_ptr<SharedMemory> memory = std::prev(next)->second.lock();
  if (memory == nullptr) return std::nullopt;
  const auto offset = static_cast<size_t>(address - memory->data());
  if (offset > memory->size_bytes() || memory->size_bytes() - offset < size_bytes) return std::nullopt;
  return Place{std::move(memory), offset};
}

}  // namespace consort
