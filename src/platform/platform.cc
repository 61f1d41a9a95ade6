#include "platform/platform.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "platform/quote.h"

namespace consort {
namespace {

// The part of that name; else the error that lists the names.
template <typename Part>
const Part& Find(const std::vector<Part>& parts, std::string_view name, const std::string& platform,
                 std::string_view word) {
  std::vector<std::string> names;
  for (const Part& part : parts) {
    if (part.name == name) return part;
    names.push_back(part.name);
  }
  const std::string nearest = Nearest(std::string(name), names);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("platform '{}' has no {} {}; {}there are: {}", platform, word, Quote(name),
                          nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest),
                          names.empty() ? "none" : Join(names)));
}

}  // namespace

std::string_view ToString(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpu:
      return "cpu";
    case DeviceKind::kGpu:
      return "gpu";
    case DeviceKind::kEdgeTpu:
      return "edgetpu";
    case DeviceKind::kNpu:
      break;
  }
  return "npu";
}

const PlatformDevice& Platform::device(std::string_view device_name) const {
  return Find(devices, device_name, name, "device");
}

const Link& Platform::link(std::string_view link_name) const { return Find(links, link_name, name, "link"); }

std::vector<const Link*> Platform::PathTo(const PlatformDevice& device) const {
  std::vector<const Link*> path;
  for (std::string_view next = device.link; !next.empty(); next = path.back()->via) {
    path.push_back(&link(next));
    if (path.size() > links.size())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("link '{}' hangs on itself: correct its 'via'", device.link));
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace consort
