#include "model/external_data.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <optional>

#include "base/strings.h"
#include "consort/error.h"
#include "model/invalid_model.h"
#include "model/proto_walk.h"
#include "model/value_types.h"

namespace consort {
namespace {

// Where an external tensor lies, as the model says.
struct Region {
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
};

bool IsExternal(const onnx::TensorProto& tensor) { return tensor.data_location() == onnx::TensorProto::EXTERNAL; }

int64_t ParseCount(const onnx::TensorProto& tensor, const onnx::StringStringEntryProto& entry) {
  const std::optional<int64_t> count = ParseInteger(entry.value());
  if (!count || *count < 0) {
    FailModel("tensor {}: external data {} is {}, not a count of bytes", Quote(tensor.name()), entry.key(),
              Quote(entry.value()));
  }
  return *count;
}

Region ReadRegion(const onnx::TensorProto& tensor) {
  Region region;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") region.location = entry.value();
    if (entry.key() == "offset") region.offset = ParseCount(tensor, entry);
    if (entry.key() == "length") region.length = ParseCount(tensor, entry);
  }
  if (region.location.empty()) FailModel("tensor {}: external data without a location", Quote(tensor.name()));
  return region;
}

// Throws unless the location names something inside the folder by its spelling alone.
void CheckSpelling(const onnx::TensorProto& tensor, const std::string& location) {
  const std::filesystem::path path(location);
  const auto refuse = [&](std::string_view why) {
    FailModel("tensor {}: external data {} {}; it must lie in the model's folder", Quote(tensor.name()),
              Quote(location), why);
  };
  if (location.find('\0') != std::string::npos) refuse("holds a zero byte");
  if (path.is_absolute()) refuse("is an absolute path");
  for (const auto& part : path) {
    if (part == "..") refuse("leaves it by '..'");
  }
}

// Throws when a part of the path below `folder` is a link, or the end is not a regular file.
ExternalFile Inspect(const onnx::TensorProto& tensor, const std::filesystem::path& folder,
                     const std::string& location) {
  CheckSpelling(tensor, location);
  std::filesystem::path path = folder;
  struct stat info {};
  for (const auto& part : std::filesystem::path(location)) {
    path /= part;
    if (lstat(path.c_str(), &info) != 0) {
      FailModel("tensor {}: external data {}: {}", Quote(tensor.name()), Quote(path.string()), std::strerror(errno));
    }
    if (S_ISLNK(info.st_mode)) {
      FailModel("tensor {}: external data {} is a symbolic link; put the file itself into the model's folder",
                Quote(tensor.name()), Quote(path.string()));
    }
  }
  if (!S_ISREG(info.st_mode)) {
    FailModel("tensor {}: external data {} is not a regular file", Quote(tensor.name()), Quote(path.string()));
  }
  if (info.st_nlink > 1) {
    FailModel("tensor {}: external data {} has several hard links, which could name a file elsewhere; copy it",
              Quote(tensor.name()), Quote(path.string()));
  }
  return {location, info.st_size, int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

int64_t NeededBytes(const onnx::TensorProto& tensor) {
  const std::optional<int64_t> elements = CheckedProduct({tensor.dims().begin(), tensor.dims().end()});
  const int bits = OnnxBitWidth(tensor.data_type());
  const std::optional<int64_t> bytes = elements && bits > 0 ? PackedBytes(*elements, bits) : std::nullopt;
  if (!bytes) FailModel("tensor {}: its type or dimensions do not allow external data", Quote(tensor.name()));
  return *bytes;
}

void CheckRegion(const onnx::TensorProto& tensor, const Region& region, const ExternalFile& file) {
  const int64_t needed = NeededBytes(tensor);
  if (region.length && *region.length != needed) {
    FailModel("tensor {}: external data has {} bytes where dims and type need {}", Quote(tensor.name()), *region.length,
              needed);
  }
  if (region.offset > file.size_bytes || needed > file.size_bytes - region.offset) {
    FailModel("tensor {}: external data {} is {} bytes long, too short for {} bytes at offset {}", Quote(tensor.name()),
              Quote(region.location), file.size_bytes, needed, region.offset);
  }
}

template <typename Visit>
void ForEachExternalTensor(const onnx::ModelProto& model, Visit&& visit) {
  const auto check = [&](const onnx::TensorProto& tensor, const onnx::NodeProto*) {
    if (IsExternal(tensor)) visit(tensor);
  };
  ForEachTensor(model.graph(), check);
  for (const auto& function : model.functions()) {
    for (const auto& node : function.node()) {
      ForEachAttributeTensor(node, [&](const onnx::TensorProto& tensor) { check(tensor, &node); });
      ForEachBody(node, [&](const onnx::GraphProto& body) { ForEachTensor(body, check); });
    }
  }
}

void ReadInto(onnx::TensorProto& tensor, const std::filesystem::path& folder) {
  const Region region = ReadRegion(tensor);
  const int64_t bytes = NeededBytes(tensor);
  CheckRegion(tensor, region, Inspect(tensor, folder, region.location));
  std::ifstream stream(folder / region.location, std::ios::binary);
  std::string data(static_cast<size_t>(bytes), '\0');
  stream.seekg(region.offset);
  stream.read(data.data(), bytes);
  if (!stream) FailModel("tensor {}: external data {} cannot be read", Quote(tensor.name()), Quote(region.location));
  tensor.set_raw_data(std::move(data));
  tensor.clear_external_data();
  tensor.clear_data_location();
}

}  // namespace

std::vector<ExternalFile> CheckExternalData(const onnx::ModelProto& model, const std::filesystem::path& folder) {
  std::map<std::string, ExternalFile> files;
  ForEachExternalTensor(model, [&](const onnx::TensorProto& tensor) {
    if (folder.empty()) {
      FailModel("tensor {}: external data, but the model was given without a folder; load it from its file",
                Quote(tensor.name()));
    }
    const Region region = ReadRegion(tensor);
    auto found = files.find(region.location);
    if (found == files.end()) {
      found = files.emplace(region.location, Inspect(tensor, folder, region.location)).first;
    }
    CheckRegion(tensor, region, found->second);
  });
  std::vector<ExternalFile> sorted;
  for (auto& [location, file] : files) sorted.push_back(std::move(file));
  return sorted;
}

void InlineExternalData(onnx::ModelProto& model, const std::filesystem::path& folder) {
  std::vector<onnx::TensorProto*> tensors;
  auto total = static_cast<int64_t>(model.ByteSizeLong());
  ForEachExternalTensor(model, [&](const onnx::TensorProto& tensor) {
    tensors.push_back(const_cast<onnx::TensorProto*>(&tensor));  // of `model`, which is ours to change
    if (__builtin_add_overflow(total, NeededBytes(tensor), &total)) total = std::numeric_limits<int64_t>::max();
  });
  if (total > std::numeric_limits<int32_t>::max()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("with its external data the model takes {}, more than the 2 GiB of one message",
                            FormatBytes(total)));
  }
  for (onnx::TensorProto* tensor : tensors) ReadInto(*tensor, folder);
}

}  // namespace consort
