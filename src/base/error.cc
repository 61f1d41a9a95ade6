#include "consort/error.h"

namespace consort {

std::string_view ToString(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "InvalidArgument";
    case ErrorCode::kInvalidModel: return "InvalidModel";
    case ErrorCode::kUnsupported: return "Unsupported";
    case ErrorCode::kInfeasible: return "Infeasible";
    case ErrorCode::kDeviceLost: return "DeviceLost";
    case ErrorCode::kTimeout: return "Timeout";
    case ErrorCode::kOutOfMemory: return "OutOfMemory";
    case ErrorCode::kCancelled: return "Cancelled";
    case ErrorCode::kInternal: return "Internal";
  }
  return "Internal";
}

}  // namespace consort
