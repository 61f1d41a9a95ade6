#include "model/parse_model.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "model/invalid_model.h"
#include "model/proto_walk.h"
#include "onnx/defs/schema.h"

namespace consort {
namespace {

constexpr int64_t kMaxMessageBytes = std::numeric_limits<int32_t>::max();
constexpr std::string_view kDefaultDomainAlias = "ai.onnx";

[[noreturn]] void FailFile(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, why); }

void RefuseOtherFormats(std::string_view start) {
  if (start.size() >= 8 && start.substr(4, 4) == "TFL3")
    FailModel("this is a TensorFlow Lite file; only ONNX models can be read here");
  if (start.starts_with("PK\x03\x04")) FailModel("this is a zip archive, not an ONNX model; unpack it first");
  if (start.starts_with("\x89HDF")) FailModel("this is an HDF5 file, not an ONNX model; export it to ONNX");
}

// ParsePartial: required fields do not exist in ONNX, and what is missing gets a message of ours.
onnx::ModelProto ParseStream(google::protobuf::io::CodedInputStream& stream) {
  onnx::ModelProto model;
  const bool parsed = model.ParsePartialFromCodedStream(&stream);
  if (!parsed || !stream.ConsumedEntireMessage()) {
    FailModel("not a complete ONNX model: the bytes are cut short or damaged near byte {}, or of another format",
              stream.CurrentPosition());
  }
  return model;
}

// A file opened for reading without blocking, checked to be a regular one.
class ModelFile {
 public:
  explicit ModelFile(const std::filesystem::path& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat info {};
    if (fd_ < 0 || fstat(fd_, &info) != 0) FailAndClose(std::strerror(errno));
    if (!S_ISREG(info.st_mode))
      FailAndClose(S_ISDIR(info.st_mode) ? "is a folder, not a file" : "is not a regular file");
    size_bytes_ = info.st_size;
  }
  ~ModelFile() { close(fd_); }
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;
  int fd() const { return fd_; }
  int64_t size_bytes() const { return size_bytes_; }

 private:
  [[noreturn]] void FailAndClose(const std::string& why) {
    if (fd_ >= 0) close(fd_);
    FailFile(why);
  }

  int fd_;
  int64_t size_bytes_ = 0;
};

bool RenameDomain(std::string& domain) {
  if (domain != kDefaultDomainAlias) return false;
  domain.clear();
  return true;
}

bool RenameDomains(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes) {
  bool changed = false;
  for (auto& node : nodes) {
    if (node.domain() == kDefaultDomainAlias) changed = RenameDomain(*node.mutable_domain());
    ForEachMutableBody(node, [&](onnx::GraphProto& body) { changed = RenameDomains(*body.mutable_node()) || changed; });
  }
  return changed;
}

// One entry per domain, "ai.onnx" spelled "".
bool MergeOpsets(google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  std::map<std::string, int64_t> versions;
  bool changed = false;
  for (auto& opset : imports) {
    if (opset.domain() == kDefaultDomainAlias) changed = RenameDomain(*opset.mutable_domain());
    const auto [entry, fresh] = versions.emplace(opset.domain(), opset.version());
    if (entry->second != opset.version()) {
      FailModel("opset imports: domain {} is imported as version {} and {}", Quote(opset.domain()), entry->second,
                opset.version());
    }
    changed = changed || !fresh;
  }
  if (!changed) return false;
  imports.Clear();
  for (const auto& [domain, version] : versions) {
    auto* opset = imports.Add();
    opset->set_domain(domain);
    opset->set_version(version);
  }
  return true;
}

std::string DomainName(const std::string& domain) { return domain.empty() ? std::string(kDefaultDomainAlias) : domain; }

void CheckOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  const auto& known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  for (const auto& opset : imports) {
    const auto range = known.find(opset.domain());
    const int64_t newest = range == known.end() ? std::numeric_limits<int32_t>::max() : range->second.second;
    if (opset.version() < 1)
      FailModel("opset imports: {} version {} does not exist", Quote(DomainName(opset.domain())), opset.version());
    if (opset.version() > newest) {
      FailModel(
          "opset imports: {} version {} is newer than {}, the newest that this build knows; export with an older opset "
          "or convert "
          "with onnx.version_converter",
          Quote(DomainName(opset.domain())), opset.version(), newest);
    }
  }
}

void CheckIrVersion(const onnx::ModelProto& model) {
  if (model.ir_version() < 1) FailModel("IR version {} does not exist; not an ONNX model?", model.ir_version());
  if (model.ir_version() > onnx::Version::IR_VERSION) {
    FailModel("IR version {} is newer than {}, the newest that this build knows; save the model with an older ONNX",
              model.ir_version(), static_cast<int>(onnx::Version::IR_VERSION));
  }
}

}  // namespace

onnx::ModelProto ParseModel(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.empty()) FailModel("the file is empty");
  RefuseOtherFormats(text);
  if (static_cast<int64_t>(bytes.size()) > kMaxMessageBytes) {
    FailModel("{} is more than the 2 GiB of one ONNX message; save the weights as external data",
              FormatBytes(static_cast<int64_t>(bytes.size())));
  }
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  return ParseStream(stream);
}

onnx::ModelProto ParseModelFile(const std::filesystem::path& path, int64_t max_bytes) {
  const ModelFile file(path);
  if (file.size_bytes() == 0) FailModel("the file is empty");
  const int64_t limit = std::min(max_bytes, kMaxMessageBytes);
  if (file.size_bytes() > limit) {
    FailFile(fmt::format("is {}, larger than the limit of {}; save the weights as external data",
                         FormatBytes(file.size_bytes()), FormatBytes(limit)));
  }
  char start[8] = {};
  const ssize_t count = pread(file.fd(), start, sizeof start, 0);
  if (count < 0) FailFile(std::strerror(errno));
  RefuseOtherFormats({start, static_cast<size_t>(count)});
  google::protobuf::io::FileInputStream input(file.fd(), 1 << 20);
  google::protobuf::io::CodedInputStream stream(&input);
  stream.SetTotalBytesLimit(std::numeric_limits<int>::max());
  return ParseStream(stream);
}

bool NormalizeHeader(onnx::ModelProto& model) {
  CheckIrVersion(model);
  if (!model.has_graph()) FailModel("the model holds no graph");
  bool changed = MergeOpsets(*model.mutable_opset_import());
  changed = RenameDomains(*model.mutable_graph()->mutable_node()) || changed;
  if (model.opset_import().empty()) {
    if (model.ir_version() >= 3)
      FailModel("the model imports no opset; IR version {} needs at least one", model.ir_version());
    model.add_opset_import()->set_version(1);
    changed = true;
  }
  CheckOpsets(model.opset_import());
  for (auto& function : *model.mutable_functions()) {
    MergeOpsets(*function.mutable_opset_import());
    RenameDomains(*function.mutable_node());
    CheckOpsets(function.opset_import());
  }
  return changed;
}

}  // namespace consort
