#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/strings.h"
#include "platform/parse_platform.h"
#include "platform/quote.h"

namespace consort {
namespace {

std::vector<std::string> NamesOf(std::span<const ShippedFile> files) {
  std::vector<std::string> names;
  for (const ShippedFile& file : files) names.emplace_back(file.name);
  return names;
}

}  // namespace

const Platform& Bases::Parse(const Section& section, const std::string& name) {
  if (const auto found = parsed_.find(name); found != parsed_.end()) return found->second;
  if (std::find(open_.begin(), open_.end(), name) != open_.end())
    section.Fail(
        "base",
        fmt::format("{} takes from platform '{}', which takes from this one; write out the figures in one of them",
                    section.what(), name));
  const auto file =
      std::find_if(files_.begin(), files_.end(), [&](const ShippedFile& one) { return one.name == name; });
  if (file == files_.end()) {
    const std::string nearest = Nearest(name, NamesOf(files_));
    section.Fail("base", fmt::format("no shipped platform is called {}{}; there are {}", Quote(name),
                                     nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest),
                                     Join(NamesOf(files_))));
  }
  std::vector<std::string> open = open_;
  open.push_back(name);
  Platform platform = ParsePlatformWith(file->text, fmt::format("platforms/{}.toml", name), schemas_, files_, open);
  return parsed_.emplace(name, std::move(platform)).first->second;
}

Bases::Reference Bases::Resolve(const Section& section) {
  const std::string base = section.RequiredText("base", "coral-usb3");
  const size_t slash = base.find('/');
  const std::string part = slash == std::string::npos ? "" : base.substr(slash + 1);
  return {&Parse(section, base.substr(0, slash)), part};
}

void FailBase(const Section& section, const Bases::Reference& reference, std::string_view parts,
              const std::vector<std::string>& names) {
  const std::string& platform = reference.platform->name;
  if (names.empty()) section.Fail("base", fmt::format("platform '{}' has no {}; name another base", platform, parts));
  const std::string problem = reference.part.empty()
                                  ? fmt::format("platform '{}' has several {}s", platform, parts)
                                  : fmt::format("platform '{}' has no {} {}", platform, parts, Quote(reference.part));
  section.Fail("base", fmt::format("{}; write base = \"{}/NAME\" with one of {}", problem, platform, Join(names)));
}

}  // namespace consort
