// The manifest of a sharded model: shards.json beside the shards.
#ifndef CONSORT_SHARD_MANIFEST_H_
#define CONSORT_SHARD_MANIFEST_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "consort/model.h"
#include "shard/choose.h"
#include "shard/fusions.h"
#include "shard/sharding.h"

namespace consort {

inline constexpr std::string_view kManifestFormat = "consort-shards";
inline constexpr int kManifestVersion = 1;
inline constexpr std::string_view kManifestName = "shards.json";

// A tensor as a model declares it.
struct TensorEntry {
  std::string name;
  std::string dtype;  // "float32"
  bool has_rank = true;
  std::vector<int64_t> shape;          // kDynamic for an open dimension
  std::vector<std::string> dim_names;  // per axis, the symbolic name or ""
  int64_t bytes = -1;                  // -1: not known

  bool operator==(const TensorEntry&) const = default;
};

// A tensor that a shard reads, or that the model gives, and where it comes from.
struct PortEntry {
  TensorEntry tensor;
  int from = kNone;  // index of the shard that makes it; kNone: an input of the model

  bool operator==(const PortEntry&) const = default;
};

// A file in the manifest's folder.
struct FileEntry {
  std::string name;  // without a folder
  std::string sha256;
  int64_t bytes = 0;

  bool operator==(const FileEntry&) const = default;
};

struct CutEntry {
  int position = 0;      // in the ops of the model that was cut
  std::string after_op;  // the op right before the cut
  NamedCut names;
  int64_t bytes = -1;                // that cross; -1: not known
  std::vector<std::string> fusions;  // that it divides
};

struct ShardEntry {
  FileEntry file;
  std::vector<FileEntry> data;  // files of weights, none or one
  int64_t ops = 0;              // that compute
  int64_t macs = 0;
  bool macs_known = true;       // false: `macs` is a lower bound
  int64_t parameter_bytes = 0;  // of weights that it holds, copies included
  std::vector<PortEntry> inputs;
  std::vector<TensorEntry> outputs;
};

struct Manifest {
  std::string source;       // the model's file, without its folder
  std::string fingerprint;  // of the prepared model, as `consort inspect` prints it
  std::vector<TensorEntry> inputs;
  std::vector<PortEntry> outputs;
  std::vector<CutEntry> cuts;
  std::vector<ShardEntry> shards;
};

// Everything but what the files tell (names, hashes, sizes, costs of each shard).
Manifest DescribeSharding(const Model& model, const Sharding& sharding, const FusionIndex& fusions);

// JSON; docs/sharding.md has the keys.
std::string FormatManifest(const Manifest& manifest);

// Checks everything that the text alone tells: keys, types, that files lie beside the manifest, that each input comes
// from an earlier shard's output of the same type, that cuts and shards fit together. Throws kInvalidModel with `name`,
// the place in the document and what is wrong. Files are not looked at.
Manifest ParseManifest(std::string_view text, const std::string& name);

// ParseManifest of a file of at most 64 MiB.
Manifest ReadManifest(const std::filesystem::path& path);

TensorEntry DescribeTensor(const Tensor& tensor);

}  // namespace consort

#endif  // CONSORT_SHARD_MANIFEST_H_
