// Fuzz target: bytes as the manifest of a sharded model. What is read names files of its own folder only, and is
// written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "consort/error.h"
#include "shard/manifest.h"

namespace {

void CheckFile(const consort::FileEntry& file) {
  if (file.name.empty() || file.name == ".." || file.name.find('/') != std::string::npos || file.bytes < 0)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const consort::Manifest manifest = consort::ParseManifest({reinterpret_cast<const char*>(data), size}, "fuzzed");
    for (const consort::ShardEntry& shard : manifest.shards) {
      CheckFile(shard.file);
      for (const consort::FileEntry& file : shard.data) CheckFile(file);
    }
    const std::string text = consort::FormatManifest(manifest);
    if (consort::FormatManifest(consort::ParseManifest(text, "again")) != text) std::abort();
  } catch (const consort::Error&) {
  }
  return 0;
}
