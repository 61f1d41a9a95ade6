// Files and digests.
#ifndef CONSORT_BASE_FILES_H_
#define CONSORT_BASE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace consort {

// The whole regular file. Throws kInvalidArgument naming the path when it is absent, not a regular file (directories, pipes
// and devices are refused without blocking), unreadable, or larger than `max_bytes`.
std::string ReadFile(const std::filesystem::path& path, int64_t max_bytes = int64_t{4} << 30);

// The first `bytes` of a regular file, fewer when it is shorter. Throws as ReadFile does.
std::string ReadFileStart(const std::filesystem::path& path, int64_t bytes);

// Writes through a temporary file in the same folder and renames it: never half a file. Throws kInvalidArgument.
void WriteFile(const std::filesystem::path& path, std::string_view content);

// Hex digest (XXH3, 128 bits) of bytes. Not cryptographic: it names content, it does not vouch for it.
std::string ContentHash(std::span<const std::byte> bytes);
std::string ContentHash(std::string_view bytes);

// A fresh folder below $TMPDIR (or /tmp), removed with its content on destruction.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace consort

#endif  // CONSORT_BASE_FILES_H_
