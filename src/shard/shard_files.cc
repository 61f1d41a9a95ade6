#include "shard/shard_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/strings.h"
#include "consort/error.h"
#include "model/external_data.h"
#include "model/model_rep.h"
#include "model/value_types.h"
#include "shard/extract.h"
#include "shard/sha256.h"

namespace consort {
namespace {

namespace fs = std::filesystem;

// Offsets are multiples of this, so that engines can map tensors (the ONNX documentation of external data asks for page
// borders).
constexpr int64_t kAlignment = 4096;
// Smaller tensors stay in the message.
constexpr int64_t kLeastExternalBytes = 1024;

bool IsExternal(const onnx::TensorProto& tensor) { return tensor.data_location() == onnx::TensorProto::EXTERNAL; }

int64_t BytesOf(const onnx::TensorProto& tensor) {
  if (!IsExternal(tensor)) return static_cast<int64_t>(tensor.raw_data().size());
  const auto elements = CheckedProduct({tensor.dims().begin(), tensor.dims().end()});
  return PackedBytes(elements.value_or(0), OnnxBitWidth(tensor.data_type())).value_or(0);
}

// Of the message with all its external data in it.
int64_t WholeBytes(const onnx::ModelProto& shard) {
  auto bytes = static_cast<int64_t>(shard.ByteSizeLong());
  for (const auto& tensor : shard.graph().initializer()) bytes += IsExternal(tensor) ? BytesOf(tensor) : 0;
  return bytes;
}

// Reads the tensor's data from the folder that its location is relative to.
onnx::TensorProto WithData(onnx::TensorProto tensor, const fs::path& source_folder) {
  if (!IsExternal(tensor)) return tensor;
  onnx::ModelProto carrier;
  *carrier.mutable_graph()->add_initializer() = std::move(tensor);
  InlineExternalData(carrier, source_folder);
  return std::move(*carrier.mutable_graph()->mutable_initializer(0));
}

// A file of weights that grows tensor by tensor; it gets its name when it is complete.
class DataFile {
 public:
  explicit DataFile(fs::path path) : path_(std::move(path)), partial_(path_) {
    partial_ += fmt::format(".{}.partial", getpid());
    stream_.open(partial_, std::ios::binary | std::ios::trunc);
  }
  ~DataFile() {
    std::error_code ignored;
    fs::remove(partial_, ignored);
  }
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;

  // Moves the tensor's bytes into the file and leaves the way to them.
  void Take(onnx::TensorProto& tensor) {
    Append(std::string(static_cast<size_t>((kAlignment - bytes_ % kAlignment) % kAlignment), '\0'));
    const std::string& data = tensor.raw_data();
    const std::pair<std::string, std::string> entries[] = {{"location", path_.filename().string()},
                                                           {"offset", std::to_string(bytes_)},
                                                           {"length", std::to_string(data.size())}};
    Append(data);
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] : entries) {
      auto* entry = tensor.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
  }

  FileEntry Close() {
    stream_.close();
    std::error_code error;
    if (stream_) fs::rename(partial_, path_, error);
    if (!stream_ || error) Fail(error ? error.message() : "the disk may be full");
    return {path_.filename().string(), hash_.Hex(), bytes_};
  }

 private:
  void Append(const std::string& data) {
    stream_.write(data.data(), static_cast<std::streamsize>(data.size()));
    if (!stream_) Fail("the disk may be full");
    hash_.Add(data);
    bytes_ += static_cast<int64_t>(data.size());
  }

  [[noreturn]] void Fail(const std::string& why) const {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: cannot be written: {}", path_.string(), why));
  }

  fs::path path_;
  fs::path partial_;
  std::ofstream stream_;
  Sha256 hash_;
  int64_t bytes_ = 0;
};

// Moves large initializers into a file beside the shard; what else is external comes into the message.
FileEntry MoveWeightsOut(onnx::ModelProto& shard, const fs::path& source_folder, const fs::path& data_path) {
  google::protobuf::RepeatedPtrField<onnx::TensorProto> initializers;
  initializers.Swap(shard.mutable_graph()->mutable_initializer());
  InlineExternalData(shard, source_folder);
  DataFile file(data_path);
  for (auto& tensor : initializers) {
    const bool large = (IsExternal(tensor) || tensor.has_raw_data()) && BytesOf(tensor) >= kLeastExternalBytes;
    onnx::TensorProto held = WithData(std::move(tensor), source_folder);
    if (large) file.Take(held);
    *shard.mutable_graph()->add_initializer() = std::move(held);
  }
  return file.Close();
}

// File names, as many digits for each: shard-01.onnx … shard-12.onnx.
std::string ShardName(size_t index, size_t count) {
  return fmt::format("shard-{:0{}}.onnx", index + 1, std::to_string(count).size());
}

std::string DataName(const std::string& shard_name) { return shard_name + ".data"; }

// The model's own files are never written over, others only where that is allowed.
void CheckTarget(const fs::path& target, const Model& model, bool overwrite) {
  std::error_code ignored;
  std::vector<fs::path> own;
  if (model.path()) own.push_back(*model.path());
  for (const ExternalFile& file : model.rep().external_files) own.push_back(model.data_folder() / file.location);
  if (std::any_of(own.begin(), own.end(),
                  [&](const fs::path& path) { return fs::equivalent(path, target, ignored); })) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: is a file of the model itself; choose another folder", target.string()));
  }
  if (!overwrite && fs::exists(fs::symlink_status(target, ignored))) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: exists already; --force writes over it, or choose another folder", target.string()));
  }
}

FileEntry WriteMessage(const onnx::ModelProto& shard, const fs::path& path) {
  const std::string bytes = shard.SerializeAsString();
  if (bytes.empty())
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: larger than one ONNX message", path.string()));
  WriteFile(path, bytes);
  return {path.filename().string(), Sha256Of(bytes), static_cast<int64_t>(bytes.size())};
}

void WriteShard(const Model& model, const Shard& shard, const fs::path& path, const WriteOptions& options,
                ShardEntry& entry) {
  onnx::ModelProto proto = ExtractShard(model, shard);
  if (WholeBytes(proto) > options.max_message_bytes) {
    entry.data.push_back(
        MoveWeightsOut(proto, model.data_folder(), path.parent_path() / DataName(path.filename().string())));
  } else if (model.has_external_data()) {
    InlineExternalData(proto, model.data_folder());
  }
  std::error_code ignored;  // weights of a former shard of this name
  if (options.overwrite && entry.data.empty())
    fs::remove(path.parent_path() / DataName(path.filename().string()), ignored);
  entry.file = WriteMessage(proto, path);
  const GraphTotals totals = Model::Load(path).graph().totals();
  entry.macs = totals.macs;
  entry.macs_known = totals.macs_known;
  entry.parameter_bytes = totals.parameter_bytes;
}

// --- Reading
// -----------------------------------------------------------------------------------------------------------

[[noreturn]] void FailFile(const fs::path& path, const std::string& why) {
  throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}", path.string(), why));
}

void CheckFile(const fs::path& folder, const FileEntry& file) {
  const fs::path path = folder / file.name;
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) FailFile(path, "the manifest names it, but it is absent");
  if (!S_ISREG(info.st_mode)) FailFile(path, "is not a regular file");
  if (info.st_size != file.bytes) {
    FailFile(path, fmt::format("has {} bytes where the manifest says {}", info.st_size, file.bytes));
  }
  if (Sha256OfFile(path) != file.sha256) FailFile(path, "was changed: its SHA-256 is not that of the manifest");
}

template <typename Entry, typename NameOf>
void CheckPorts(const fs::path& path, const Graph& graph, const std::vector<TensorId>& ids,
                const std::vector<Entry>& entries, std::string_view what, NameOf name_of) {
  std::vector<std::string> here;
  std::vector<std::string> said;
  for (const TensorId id : ids) here.push_back(graph.tensor(id).name);
  for (const Entry& entry : entries) said.push_back(name_of(entry));
  if (here != said)
    FailFile(path, fmt::format("its {} are {}, but the manifest says {}", what, Join(here), Join(said)));
}

}  // namespace

Manifest WriteShards(const Model& model, const Sharding& sharding, const FusionIndex& fusions, const fs::path& folder,
                     const WriteOptions& options) {
  Manifest manifest = DescribeSharding(model, sharding, fusions);
  const size_t count = sharding.shards.size();
  for (size_t i = 0; i < count; ++i) {
    CheckTarget(folder / ShardName(i, count), model, options.overwrite);
    CheckTarget(folder / DataName(ShardName(i, count)), model, options.overwrite);
  }
  CheckTarget(folder / kManifestName, model, options.overwrite);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", folder.string(), error.message()));
  for (size_t i = 0; i < count; ++i) {
    if (options.on_shard) options.on_shard(static_cast<int>(i));
    WriteShard(model, sharding.shards[i], folder / ShardName(i, count), options, manifest.shards[i]);
  }
  WriteFile(folder / kManifestName, FormatManifest(manifest));
  return manifest;
}

std::vector<Model> LoadShards(const fs::path& manifest_path) {
  const Manifest manifest = ReadManifest(manifest_path);
  const fs::path folder = manifest_path.parent_path();
  std::vector<Model> models;
  for (const ShardEntry& shard : manifest.shards) {
    CheckFile(folder, shard.file);
    for (const FileEntry& file : shard.data) CheckFile(folder, file);
    const fs::path path = folder / shard.file.name;
    models.push_back(Model::Load(path));
    const Graph& graph = models.back().graph();
    CheckPorts(path, graph, graph.inputs(), shard.inputs, "inputs",
               [](const PortEntry& port) { return port.tensor.name; });
    CheckPorts(path, graph, graph.outputs(), shard.outputs, "outputs",
               [](const TensorEntry& tensor) { return tensor.name; });
  }
  return models;
}

}  // namespace consort
