#include "backends/litert/edgetpu_plugin.h"

#include <fmt/format.h>

#include <cstdlib>

#include "consort/error.h"

namespace consort::litert {
namespace {

constexpr char kRemedy[] =
    "install Coral's libedgetpu1-std package, or set CONSORT_EDGETPU_LIBRARY to its libedgetpu.so.1 (docs/devices.md)";

std::vector<std::string> Candidates(const std::string& file) {
  // A library that the user names is the only candidate: another one must not stand in for it.
  if (!file.empty()) return {file};
  if (const char* named = std::getenv("CONSORT_EDGETPU_LIBRARY"); named != nullptr && *named != '\0') return {named};
  return {"libedgetpu.so.1"};
}

// What a plugin says of why it makes no delegate. Its callback carries no data of ours.
std::string& ReportedByThisThread() {
  thread_local std::string reported;
  return reported;
}

void Report(const char* message) {
  std::string& reported = ReportedByThisThread();
  if (message == nullptr) return;
  if (!reported.empty()) reported += "; ";
  reported += message;
}

// "0" → ":0", as the runtime writes the first of any kind (libedgetpu, edgetpu_delegate_for_custom_op_tflite_plugin.cc).
// Options need a number: the first, where none is given.
std::string DeviceOption(const std::string& unit, bool has_options) {
  if (unit.empty()) return has_options ? ":0" : "";
  if (unit == "usb" || unit == "pci") return has_options ? unit + ":0" : unit;
  const bool number = unit.find_first_not_of("0123456789") == std::string::npos;
  return number ? ":" + unit : unit;
}

}  // namespace

EdgeTpuPlugin EdgeTpuPlugin::Load(const std::string& file) {
  try {
    return EdgeTpuPlugin(DynamicLibrary::Open("Edge TPU runtime", Candidates(file)));
  } catch (const Error& error) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}; {}", error.what(), kRemedy));
  }
}

EdgeTpuPlugin::EdgeTpuPlugin(DynamicLibrary library)
    : library_(std::move(library)),
      create_(library_.Symbol<decltype(create_)>("tflite_plugin_create_delegate")),
      destroy_(library_.Symbol<decltype(destroy_)>("tflite_plugin_destroy_delegate")),
      list_devices_(library_.OptionalSymbol<decltype(list_devices_)>("edgetpu_list_devices")),
      free_devices_(library_.OptionalSymbol<decltype(free_devices_)>("edgetpu_free_devices")),
      version_(library_.OptionalSymbol<decltype(version_)>("edgetpu_version")) {}

std::string EdgeTpuPlugin::version() const {
  const char* version = version_ == nullptr ? nullptr : version_();
  return version == nullptr ? "" : version;
}

std::vector<EdgeTpu> EdgeTpuPlugin::List() const {
  std::vector<EdgeTpu> listed;
  if (!lists_devices()) return listed;
  size_t count = 0;
  RuntimeDevice* devices = list_devices_(&count);
  if (devices == nullptr) return listed;
  for (size_t i = 0; i < count; ++i) {
    listed.push_back({devices[i].type == 0 ? "pci" : "usb", devices[i].path == nullptr ? "" : devices[i].path});
  }
  free_devices_(devices);
  return listed;
}

std::shared_ptr<TfLiteDelegate> EdgeTpuPlugin::MakeDelegate(const std::string& unit, const Options& options,
                                                           const std::string& place) const {
  Options all = {{"device", DeviceOption(unit, !options.empty())}};
  all.insert(all.end(), options.begin(), options.end());
  std::vector<char*> keys, values;
  for (auto& [key, value] : all) {
    keys.push_back(key.data());
    values.push_back(value.data());
  }
  ReportedByThisThread().clear();
  TfLiteDelegate* delegate = create_(keys.data(), values.data(), all.size(), &Report);
  if (delegate == nullptr) {
    const std::string& reported = ReportedByThisThread();
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {} opens no Edge TPU: {}; 'consort doctor' looks for the cause", place, path(),
                            reported.empty() ? "it gave no reason" : reported));
  }
  return {delegate, destroy_};
}

}  // namespace consort::litert
