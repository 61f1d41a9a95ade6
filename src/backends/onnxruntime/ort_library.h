// The ONNX Runtime library, loaded at run time.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_ORT_LIBRARY_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_ORT_LIBRARY_H_

#include <onnxruntime_c_api.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/dynamic_library.h"
#include "consort/error.h"

namespace consort {

// Owns an ONNX Runtime object through the release function of the library that made it.
template <typename T>
struct OrtRelease {
  void(ORT_API_CALL* release)(T*) = nullptr;
  void operator()(T* object) const { release(object); }
};
template <typename T>
using OrtHandle = std::unique_ptr<T, OrtRelease<T>>;

// What an engine call was for: the same status code means another error when a model is loaded than when it runs.
enum class OrtPhase { kSetup, kLoad, kRun };

// The consort code for an engine's status code and message.
ErrorCode ErrorCodeOf(OrtErrorCode code, OrtPhase phase, const std::string& message);

// A loaded library with its one environment: telemetry off, messages below ERROR suppressed, messages collected instead of
// printed. Lives until the process ends. Thread-safe.
class OrtLibrary {
 public:
  // The library at `path`; without one $CONSORT_ONNXRUNTIME_LIBRARY, and without that the first that loads of the build's own
  // and the system's. Loads each file once per process. Throws kUnsupported: none loads, or too old.
  static OrtLibrary& Load(const std::string& path = "");

  const OrtApi& api() const { return *api_; }
  OrtEnv* env() const { return env_; }
  OrtAllocator* allocator() const { return allocator_; }
  const std::string& path() const { return library_.path(); }
  const std::string& version() const { return version_; }
  const std::vector<std::string>& providers() const { return providers_; }
  bool HasProvider(const std::string& name) const;

  // Throws what `status` says, if it is one, preceded by `what` and followed by what the engine logged; releases it.
  void Check(OrtStatus* status, OrtPhase phase, const std::string& what) const {
    if (status != nullptr) [[unlikely]] Throw(status, phase, what);
  }

  // Registers a library of execution providers once; returns the devices that it offers. Throws kUnsupported.
  std::vector<const OrtEpDevice*> RegisterProviders(const std::string& name, const std::string& path);

  // A string that the engine allocated, copied and freed.
  std::string TakeString(char* text) const;

 private:
  explicit OrtLibrary(DynamicLibrary library);
  [[noreturn]] void Throw(OrtStatus* status, OrtPhase phase, const std::string& what) const;
  static void ORT_API_CALL Log(void* self, OrtLoggingLevel level, const char* category, const char* log_id,
                               const char* location, const char* message);

  DynamicLibrary library_;
  const OrtApi* api_ = nullptr;
  OrtEnv* env_ = nullptr;
  OrtAllocator* allocator_ = nullptr;
  std::string version_;
  std::vector<std::string> providers_;
  mutable std::mutex mutex_;
  mutable std::deque<std::string> messages_;  // the last few, oldest first
  std::mutex registration_mutex_;  // never held together with mutex_ by us, but the engine logs while it is
  std::vector<std::pair<std::string, std::string>> registered_;  // (name, path)
};

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_ORT_LIBRARY_H_
