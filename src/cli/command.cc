#include "cli/command.h"

namespace consort {

ExitCode ExitCodeFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidModel:
      return ExitCode::kBadInput;
    case ErrorCode::kInfeasible:
      return ExitCode::kPlacementRefused;
    case ErrorCode::kDeviceLost:
      return ExitCode::kDeviceLost;
    default:
      return ExitCode::kOther;
  }
}

}  // namespace consort
