#include "edgetpu/read_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/files.h"
#include "consort/error.h"
#include "edgetpu/bundle.h"
#include "shard/sha256.h"
#include "tflite/layout.h"

namespace consort {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int64_t kMostBytes = int64_t{16} << 20;
constexpr int64_t kMostPartBytes = int64_t{2} << 30;

[[noreturn]] void Fail(const fs::path& folder, const std::string& why) {
  throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}; 'consort edgetpu' writes bundles",
                                                    (folder / kBundleName).string(), why));
}

Json ReadJson(const fs::path& folder) {
  Json json = Json::parse(ReadFile(folder / kBundleName, kMostBytes), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) Fail(folder, "it is no JSON object");
  if (json.value("format", "") != kBundleFormat) Fail(folder, fmt::format("its format is not '{}'", kBundleFormat));
  if (json.value("version", 0) != kBundleVersion)
    Fail(folder, fmt::format("its version is not {}, the one that this program knows", kBundleVersion));
  return json;
}

std::string FileOf(const Json& part, const fs::path& folder) {
  std::string file = part.at("file");
  if (file.empty() || fs::path(file).filename() != file || file == "." || file == "..")
    Fail(folder, fmt::format("'{}' is no name of a file beside it", file));
  return file;
}

DataType TypeOf(const std::string& name) {
  for (const DataType type : {DataType::kInt8, DataType::kUInt8, DataType::kFloat32})
    if (name == ToString(type)) return type;
  throw std::out_of_range(fmt::format("a port is of type '{}'", name));
}

TfLitePort PortOf(const Json& json) {
  TfLitePort port{.name = json.at("name"), .onnx_shape = json.at("onnx_shape"), .order = json.at("order")};
  port.spec = {.dtype = TypeOf(json.at("type")), .shape = json.at("shape")};
  if (json.at("layout") == ToString(Layout::kNhwc)) port.spec.layout = Layout::kNhwc;
  port.spec.quantization = {.scale = json.at("scale"), .zero_point = json.at("zero_point")};
  std::vector<int> axes = port.order;
  std::sort(axes.begin(), axes.end());
  const bool fits = axes == tflite::PlainOrder(port.onnx_shape.size()) &&
                    port.spec.shape == tflite::InOrder(port.onnx_shape, port.order) && IsStatic(port.onnx_shape) &&
                    port.spec.quantization.scale.size() == port.spec.quantization.zero_point.size();
  if (!fits) throw std::out_of_range(fmt::format("shape, order and scales of port '{}' do not fit", port.name));
  return port;
}

std::vector<TfLitePort> PortsOf(const Json& json) {
  std::vector<TfLitePort> ports;
  for (const Json& port : json) ports.push_back(PortOf(port));
  return ports;
}

Bundle FromJson(const Json& json, const fs::path& folder) {
  Bundle bundle{.folder = folder, .source = json.at("source").at("file"),
                .fingerprint = json.at("source").at("fingerprint")};
  bundle.head = FileOf(json.at("edgetpu"), folder);
  bundle.inputs = PortsOf(json.at("edgetpu").at("inputs"));
  bundle.outputs = PortsOf(json.at("edgetpu").at("outputs"));
  if (!json.at("compiled").is_null()) bundle.compiled = FileOf(json.at("compiled"), folder);
  if (json.at("not_compiled").is_string()) bundle.not_compiled = json.at("not_compiled");
  if (!json.at("rest").is_null()) bundle.rest = FileOf(json.at("rest"), folder);
  for (const Json& output : json.at("outputs")) bundle.model_outputs.push_back(output.at("name"));
  return bundle;
}

// Whether the bundle tells a part of that name and these bytes.
bool IsAsWritten(const Json& json, const std::string& file, const std::string& bytes) {
  for (const char* part : {"edgetpu", "compiled", "rest"}) {
    const Json entry = json.value(part, Json());
    if (!entry.is_object() || entry.value("file", "") != file) continue;
    if (entry.value("sha256", "") == Sha256Of(bytes)) return true;
  }
  return false;
}

}  // namespace

bool IsBundle(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path / kBundleName, error);
}

Bundle ReadBundle(const fs::path& folder) {
  try {
    return FromJson(ReadJson(folder), folder);
  } catch (const Json::exception& error) {
    Fail(folder, error.what());
  } catch (const std::out_of_range& error) {
    Fail(folder, error.what());
  }
}

std::shared_ptr<const std::string> ReadPart(const Bundle& bundle, const std::string& file) {
  auto bytes = std::make_shared<std::string>(ReadFile(bundle.folder / file, kMostPartBytes));
  try {
    if (IsAsWritten(ReadJson(bundle.folder), file, *bytes)) return bytes;
  } catch (const Json::exception& error) {
    Fail(bundle.folder, error.what());
  }
  throw Error(ErrorCode::kInvalidModel,
              fmt::format("{}: it is not the file that the bundle was written with; write the bundle anew",
                          (bundle.folder / file).string()));
}

std::string FormatBundleBlob(const fs::path& folder, const std::string& rest_target) {
  return Json{{"format", kBundleFormat},
              {"folder", folder.string()},
              {"rest", rest_target},
              {"sha256", Sha256OfFile(folder / kBundleName)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<BundleBlob> ParseBundleBlob(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("format", Json()) != kBundleFormat) return std::nullopt;
  return BundleBlob{.folder = json.value("folder", ""), .rest_target = json.value("rest", "")};
}

}  // namespace consort
