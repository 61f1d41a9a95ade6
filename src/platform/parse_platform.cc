#include "platform/parse_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "base/strings.h"
#include "platform/document.h"
#include "platform/quote.h"

namespace consort {
namespace {

// More than any machine has; a file of a megabyte could hold tens of thousands.
constexpr size_t kMostDevices = 64;
constexpr size_t kMostLinks = 64;

template <typename Part>
std::vector<std::string> NamesOf(const std::vector<Part>& parts) {
  std::vector<std::string> names;
  for (const Part& part : parts) names.push_back(part.name);
  return names;
}

// One file on its way to a platform.
class Reader {
 public:
  Reader(const Section& top, const CostSchemas& schemas, Bases bases)
      : top_(top), schemas_(schemas), bases_(std::move(bases)) {}

  Platform Read() {
    top_.AllowOnly({"name", "summary", "device", "link"});
    platform_.name = top_.RequiredName("name");
    platform_.summary = top_.RequiredText("summary", "what it is, in one line");
    for (const Section& link : top_.Tables("link", "a link", kMostLinks)) AddLink(link);
    for (const Section& device : top_.Tables("device", "a device", kMostDevices)) AddDevice(device);
    if (platform_.devices.empty()) top_.Fail("device", "the platform has no devices; add a table [[device]]");
    CheckLinksOfDevices();
    CheckWays();
    return std::move(platform_);
  }

 private:
  // The same table, called by its own name in messages.
  static Section Named(const Section& section, const std::string& kind) {
    return section.Renamed(fmt::format("{} '{}'", kind, section.RequiredName("name")));
  }

  // Devices and links share one set of names, by which Set tells them apart.
  void ClaimName(const Section& section) {
    const std::string name = section.RequiredName("name");
    const auto [claimed, is_new] = lines_.emplace(name, section.line("name"));
    if (!is_new)
      section.Fail("name", fmt::format("the name '{}' is used in line {} already; give each device and link its own",
                                       name, claimed->second));
  }

  void AddLink(const Section& unnamed) {
    const Section section = Named(unnamed, "link");
    ClaimName(section);
    const Link* base = nullptr;
    if (section.has("base")) {
      const Bases::Reference reference = bases_.Resolve(section);
      base = &ChooseBase(section, reference, reference.platform->links, "link");
    }
    platform_.links.push_back(ReadLink(section, base));
    link_sections_.push_back(section);
  }

  void AddDevice(const Section& unnamed) {
    const Section section = Named(unnamed, "device");
    ClaimName(section);
    const PlatformDevice* base = nullptr;
    if (section.has("base")) {
      const Bases::Reference reference = bases_.Resolve(section);
      base = &ChooseBase(section, reference, reference.platform->devices, "device");
      if (!section.has("link")) TakeLinks(section, *reference.platform, *base);
    }
    platform_.devices.push_back(ReadDevice(section, base, schemas_));
    device_sections_.push_back(section);
  }

  // The links on the way to a device of a base. Those of one base are the same links for all its devices.
  void TakeLinks(const Section& section, const Platform& from, const PlatformDevice& device) {
    for (const Link* link : from.PathTo(device)) {
      const auto [origin, is_new] = origins_.emplace(link->name, from.name);
      if (origin->second == from.name && !is_new) continue;
      const auto [claimed, is_free] = lines_.emplace(link->name, section.line("base"));
      if (!is_new || !is_free)
        section.Fail(
            "base",
            fmt::format("{} brings a link '{}' from platform '{}', and there is another of that name (line {}); "
                        "write link = \"...\" to say which link it hangs on",
                        section.what(), link->name, from.name, claimed->second));
      platform_.links.push_back(*link);
      link_sections_.push_back(section);
    }
  }

  [[noreturn]] void FailUnknownLink(const Section& section, std::string_view key, const std::string& name) const {
    const std::vector<std::string> names = NamesOf(platform_.links);
    const std::string nearest = Nearest(name, names);
    section.Fail(key, fmt::format("{} hangs on the link '{}', which is not in this file; {}", section.what(), name,
                                  !nearest.empty() ? fmt::format("did you mean '{}'?", nearest)
                                  : names.empty()  ? fmt::format("add a table [[link]] with name = \"{}\"", name)
                                                   : "there are " + Join(names)));
  }

  bool HasLink(const std::string& name) const {
    return std::any_of(platform_.links.begin(), platform_.links.end(),
                       [&](const Link& link) { return link.name == name; });
  }

  void CheckLinksOfDevices() const {
    for (size_t i = 0; i < platform_.devices.size(); ++i) {
      const std::string& link = platform_.devices[i].link;
      if (!link.empty() && !HasLink(link)) FailUnknownLink(device_sections_[i], "link", link);
    }
  }

  // Every link leads to the host's memory.
  void CheckWays() const {
    for (size_t i = 0; i < platform_.links.size(); ++i) {
      const Section& section = link_sections_[i];
      std::set<std::string> seen;
      for (const Link* link = &platform_.links[i]; !link->via.empty(); link = &platform_.link(link->via)) {
        if (!HasLink(link->via)) FailUnknownLink(section, "via", link->via);
        if (seen.insert(link->name).second) continue;
        // A ring further up is reported for the links that are in it.
        if (link->name != platform_.links[i].name) break;
        section.Fail(
            "via", fmt::format("{} hangs on itself, by way of {}; leave 'via' out of the link that begins at the host",
                               section.what(), Join({seen.begin(), seen.end()})));
      }
    }
  }

  const Section& top_;
  const CostSchemas& schemas_;
  Bases bases_;
  Platform platform_;
  std::vector<Section> link_sections_;          // of platform_.links; of the device that brought a link of its base
  std::vector<Section> device_sections_;        // of platform_.devices
  std::map<std::string, int> lines_;            // names of devices and links → where they are given
  std::map<std::string, std::string> origins_;  // links that bases brought → the base's platform
};

}  // namespace

Platform ParsePlatformWith(std::string_view text, const std::string& file, const CostSchemas& schemas,
                           std::span<const ShippedFile> shipped, const std::vector<std::string>& open) {
  const Node document = ParseDocument(text, file);
  const Section top(file, document, "the platform");
  return Reader(top, schemas, Bases(shipped, schemas, open)).Read();
}

Platform ParsePlatform(std::string_view text, const std::string& file, const CostSchemas& schemas) {
  return ParsePlatformWith(text, file, schemas, ShippedFiles(), {});
}

}  // namespace consort
