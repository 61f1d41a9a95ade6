// The one exception type of Consort.
#ifndef CONSORT_ERROR_H_
#define CONSORT_ERROR_H_

#include <stdexcept>
#include <string>
#include <string_view>

namespace consort {

// What went wrong, coarse enough to act on. `docs/cli.md` maps codes to exit codes.
enum class ErrorCode {
  kInvalidArgument,  // a value that the caller gave (option, shape, tensor) cannot be used
  kInvalidModel,     // a model, plan, platform or tensor file is broken
  kUnsupported,      // valid, but this backend, device or build cannot do it
  kInfeasible,       // nothing satisfies what was asked (placement, bounds)
  kDeviceLost,       // the device went away, or its process died
  kTimeout,          // a deadline passed
  kOutOfMemory,      // host or device memory is exhausted
  kCancelled,        // the caller cancelled
  kInternal,         // a defect in Consort or in an engine
};

// The code's name without its `k`, for example "InvalidModel".
std::string_view ToString(ErrorCode code);

// Thrown by everything in Consort. The message names the file, node or device concerned and the way
// out. What a third-party library throws is converted at the backend's edge. Immutable; thread-safe.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace consort

#endif  // CONSORT_ERROR_H_
