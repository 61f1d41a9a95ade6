// SHA-256 of files, so that manifests vouch for shards.
#ifndef CONSORT_SHARD_SHA256_H_
#define CONSORT_SHARD_SHA256_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace consort {

// FIPS 180-4. Feed bytes in any pieces; Hex ends it.
class Sha256 {
 public:
  void Add(std::string_view bytes);
  // 64 lower-case hex digits; nothing may be added afterwards.
  std::string Hex();

 private:
  void Compress(const unsigned char* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> block_{};
  size_t used_ = 0;
  uint64_t total_ = 0;
};

std::string Sha256Of(std::string_view bytes);
// Throws kInvalidArgument naming the file where it cannot be read.
std::string Sha256OfFile(const std::filesystem::path& path);

}  // namespace consort

#endif  // CONSORT_SHARD_SHA256_H_
