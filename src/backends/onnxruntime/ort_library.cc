#include "backends/onnxruntime/ort_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

namespace consort {
namespace {

constexpr uint32_t kApiVersion = 24;
constexpr char kOldest[] = "1.24";
constexpr size_t kKeptMessages = 8;

bool HasAny(const std::string& text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string::npos; });
}

// Providers are looked for beside the library's real file: links are resolved before it is loaded.
std::string Resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

std::vector<std::string> Candidates(const std::string& path) {
  if (!path.empty()) return {Resolved(path)};
  if (const char* given = std::getenv("CONSORT_ONNXRUNTIME_LIBRARY"); given != nullptr && *given != '\0') {
    return {Resolved(given)};
  }
  return {Resolved(CONSORT_DEPS_DIR "/onnxruntime/lib/libonnxruntime.so"), "libonnxruntime.so.1", "libonnxruntime.so"};
}

ErrorCode LoadError(OrtErrorCode code, const std::string& message) {
  if (code == ORT_NOT_IMPLEMENTED || HasAny(message, {"is not a registered function/op", "No opset import for domain",
                                                      "Unsupported model IR version", "is under development",
                                                      "not implemented"})) {
    return ErrorCode::kUnsupported;
  }
  if (code == ORT_EP_FAIL) return ErrorCode::kUnsupported;
  return code == ORT_ENGINE_ERROR ? ErrorCode::kInternal : ErrorCode::kInvalidModel;
}

ErrorCode RunError(OrtErrorCode code, const std::string& message) {
  if (HasAny(message, {"terminate flag"})) return ErrorCode::kCancelled;
  switch (code) {
    case ORT_INVALID_ARGUMENT:
    case ORT_RUNTIME_EXCEPTION:  // a kernel refused the shapes or values that it was given
      return ErrorCode::kInvalidArgument;
    case ORT_NOT_IMPLEMENTED:
      return ErrorCode::kUnsupported;
    case ORT_FAIL:  // a kernel refused its attributes or weights: the inputs were checked against the signature before
      return HasAny(message, {"Non-zero status code returned while running"}) ? ErrorCode::kInvalidModel
                                                                               : ErrorCode::kInternal;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

ErrorCode ErrorCodeOf(OrtErrorCode code, OrtPhase phase, const std::string& message) {
  if (HasAny(message, {"bad_alloc", "Failed to allocate memory", "out of memory", "BFCArena", "CUDA failure 2:"})) {
    return ErrorCode::kOutOfMemory;
  }
  if (HasAny(message, {"CUDA failure", "CUDNN failure", "CUBLAS failure", "CUDA error", "GPU is lost"})) {
    return ErrorCode::kDeviceLost;
  }
  switch (phase) {
    case OrtPhase::kLoad:
      return LoadError(code, message);
    case OrtPhase::kRun:
      return RunError(code, message);
    case OrtPhase::kSetup:
      break;
  }
  return code == ORT_INVALID_ARGUMENT ? ErrorCode::kInvalidArgument : ErrorCode::kUnsupported;
}

OrtLibrary& OrtLibrary::Load(const std::string& path) {
  // Never destroyed: the engine's threads and static objects outlive everything of ours.
  static std::mutex& mutex = *new std::mutex;
  static auto& loaded = *new std::map<std::string, std::unique_ptr<OrtLibrary>>;
  std::lock_guard lock(mutex);
  DynamicLibrary library = DynamicLibrary::Open("ONNX Runtime", Candidates(path));
  std::unique_ptr<OrtLibrary>& entry = loaded[library.path()];
  if (entry == nullptr) entry.reset(new OrtLibrary(std::move(library)));
  return *entry;
}

OrtLibrary::OrtLibrary(DynamicLibrary library) : library_(std::move(library)) {
  const auto get_base = library_.Symbol<const OrtApiBase*(ORT_API_CALL*)()>("OrtGetApiBase");
  version_ = get_base()->GetVersionString();
  api_ = get_base()->GetApi(kApiVersion);
  if (api_ == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} is ONNX Runtime {}; {} or newer is needed (run 'make setup', or point "
                            "CONSORT_ONNXRUNTIME_LIBRARY at a newer library)",
                            path(), version_, kOldest));
  }
  // Read by the engine when its environment is made: without it a thread starts and files appear below $HOME.
  setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/1);
  Check(api_->CreateEnvWithCustomLogger(&OrtLibrary::Log, this, ORT_LOGGING_LEVEL_ERROR, "consort", &env_),
        OrtPhase::kSetup, "ONNX Runtime's environment");
  Check(api_->GetAllocatorWithDefaultOptions(&allocator_), OrtPhase::kSetup, "ONNX Runtime's allocator");
  char** names = nullptr;
  int count = 0;
  Check(api_->GetAvailableProviders(&names, &count), OrtPhase::kSetup, "ONNX Runtime's providers");
  providers_.assign(names, names + count);
  // Never fails: it only frees what GetAvailableProviders made.
  Check(api_->ReleaseAvailableProviders(names, count), OrtPhase::kSetup, "ONNX Runtime's providers");
}

bool OrtLibrary::HasProvider(const std::string& name) const {
  return std::find(providers_.begin(), providers_.end(), name) != providers_.end();
}

std::vector<const OrtEpDevice*> OrtLibrary::RegisterProviders(const std::string& name, const std::string& path) {
  const std::string real = Resolved(path);
  std::lock_guard lock(registration_mutex_);
  const auto same_name = std::find_if(registered_.begin(), registered_.end(), [&](auto& entry) { return entry.first == name; });
  if (same_name == registered_.end()) {
    if (OrtStatus* status = api_->RegisterExecutionProviderLibrary(env_, name.c_str(), real.c_str())) {
      const std::string message = api_->GetErrorMessage(status);
      api_->ReleaseStatus(status);
      throw Error(ErrorCode::kUnsupported, fmt::format("execution provider '{}' from {}: {}", name, path, message));
    }
    registered_.emplace_back(name, real);
  } else if (same_name->second != real) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("execution provider '{}' is already loaded from {}; give {} another name", name,
                            same_name->second, path));
  }
  const OrtEpDevice* const* devices = nullptr;
  size_t count = 0;
  if (OrtStatus* status = api_->GetEpDevices(env_, &devices, &count)) {
    api_->ReleaseStatus(status);
    count = 0;
  }
  // The engine notes in a device's metadata which library it came from, under the path that was registered.
  std::vector<const OrtEpDevice*> found;
  for (size_t i = 0; i < count; ++i) {
    const char* from = api_->GetKeyValue(api_->EpDevice_EpMetadata(devices[i]), "library_path");
    if (from != nullptr && real == from) found.push_back(devices[i]);
  }
  return found;
}

std::string OrtLibrary::TakeString(char* text) const {
  std::string copy = text;
  if (OrtStatus* status = api_->AllocatorFree(allocator_, text)) api_->ReleaseStatus(status);
  return copy;
}

void OrtLibrary::Throw(OrtStatus* status, OrtPhase phase, const std::string& what) const {
  const OrtErrorCode code = api_->GetErrorCode(status);
  std::string message = api_->GetErrorMessage(status);
  api_->ReleaseStatus(status);
  const ErrorCode ours = ErrorCodeOf(code, phase, message);
  std::lock_guard lock(mutex_);
  for (const std::string& logged : messages_) {
    if (logged.find(message) == std::string::npos && message.find(logged) == std::string::npos) message += "; " + logged;
  }
  messages_.clear();
  std::replace(message.begin(), message.end(), '\n', ' ');
  while (!message.empty() && message.back() == ' ') message.pop_back();
  throw Error(ours, fmt::format("{}: {}", what, message));
}

void ORT_API_CALL OrtLibrary::Log(void* self, OrtLoggingLevel, const char*, const char*, const char*, const char* message) {
  OrtLibrary& library = *static_cast<OrtLibrary*>(self);
  std::lock_guard lock(library.mutex_);
  library.messages_.emplace_back(message);
  if (library.messages_.size() > kKeptMessages) library.messages_.pop_front();
}

}  // namespace consort
