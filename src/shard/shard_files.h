// Shards as files: a folder with one ONNX file per shard and a manifest.
#ifndef CONSORT_SHARD_SHARD_FILES_H_
#define CONSORT_SHARD_SHARD_FILES_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "consort/model.h"
#include "shard/fusions.h"
#include "shard/manifest.h"
#include "shard/sharding.h"

namespace consort {

struct WriteOptions {
  bool overwrite = false;  // false: a file that is there already is an error, before anything is written
  // A shard with more is written with its weights in a file beside it: an ONNX message ends at 2 GiB.
  int64_t max_message_bytes = int64_t{1900} << 20;
  std::function<void(int shard)> on_shard;  // called before each shard is written; may be empty
};

// Writes shard-1.onnx …, shard-1.onnx.data where weights need a file of their own, and shards.json; the folder is made
// where it is absent. What was written is read again and checked as any model is. Throws kInvalidArgument for files
// that exist or cannot be written, and always for those of the model itself.
Manifest WriteShards(const Model& model, const Sharding& sharding, const FusionIndex& fusions,
                     const std::filesystem::path& folder, const WriteOptions& options = {});

// The shards of a manifest, in order, from the files beside it. Throws as ReadManifest, kInvalidModel for a file that
// is not what the manifest says (absent, a link, another size, hash, input or output), and as Model::Load.
std::vector<Model> LoadShards(const std::filesystem::path& manifest_path);

}  // namespace consort

#endif  // CONSORT_SHARD_SHARD_FILES_H_
