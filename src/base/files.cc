#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& path, std::string_view why) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", path.string(), why));
}

// A regular file, open for reading.
class File {
 public:
  // Non-blocking, so that opening a pipe without a writer does not hang.
  explicit File(const std::filesystem::path& path) : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) Fail(path_, std::strerror(errno));
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Fails for what is not a regular file.
  int64_t Size() const {
    struct stat info;
    if (fstat(fd_, &info) != 0) Fail(path_, std::strerror(errno));
    if (!S_ISREG(info.st_mode)) Fail(path_, S_ISDIR(info.st_mode) ? "is a folder, not a file" : "is not a regular file");
    return info.st_size;
  }

  std::string Read(int64_t bytes) const {
    std::string content(static_cast<size_t>(bytes), '\0');
    size_t done = 0;
    while (done < content.size()) {
      const ssize_t count = read(fd_, content.data() + done, content.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) Fail(path_, std::strerror(errno));
      if (count == 0) Fail(path_, "became shorter while it was read");
      done += static_cast<size_t>(count);
    }
    return content;
  }

 private:
  const std::filesystem::path& path_;
  int fd_;
};

}  // namespace

std::string ReadFile(const std::filesystem::path& path, int64_t max_bytes) {
  const File file(path);
  const int64_t size = file.Size();
  if (size > max_bytes) {
    Fail(path, fmt::format("is {}, larger than the limit of {}", FormatBytes(size), FormatBytes(max_bytes)));
  }
  return file.Read(size);
}

std::string ReadFileStart(const std::filesystem::path& path, int64_t bytes) {
  const File file(path);
  return file.Read(std::min(bytes, file.Size()));
}

void WriteFile(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path partial = path;
  partial += fmt::format(".{}.partial", getpid());
  std::ofstream stream(partial, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  std::error_code error;
  if (stream) std::filesystem::rename(partial, path, error);
  if (!stream || error) {
    const std::string why = error ? error.message() : std::strerror(errno);
    std::filesystem::remove(partial, error);
    Fail(path, "cannot be written: " + why);
  }
}

std::string ContentHash(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string ContentHash(std::string_view bytes) { return ContentHash(std::as_bytes(std::span(bytes))); }

TemporaryFolder::TemporaryFolder() {
  const char* base = std::getenv("TMPDIR");
  std::string name = (std::filesystem::path(base != nullptr && *base != '\0' ? base : "/tmp") / "consort-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) Fail(name, fmt::format("cannot be made: {}", std::strerror(errno)));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace consort
