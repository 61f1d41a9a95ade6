#include "device/isolated.h"

#include <fmt/format.h>

#include "consort/error.h"

namespace consort {

std::shared_ptr<Device> OpenIsolated(const Target& resolved, const OpenOptions& /*options*/) {
  throw Error(ErrorCode::kUnsupported, fmt::format("{}: isolated devices are not built yet", resolved.ToString()));
}

}  // namespace consort
