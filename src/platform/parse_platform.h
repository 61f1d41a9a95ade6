// The passes over a platform file: document → links and devices → bases resolved → checks across them.
#ifndef CONSORT_PLATFORM_PARSE_PLATFORM_H_
#define CONSORT_PLATFORM_PARSE_PLATFORM_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.h"
#include "platform/section.h"
#include "platform/shipped.h"

namespace consort {

// The platforms that `base` can name, parsed when first used. `open` are the names of those that are being parsed: a
// base among them hangs on itself. References must outlive it.
class Bases {
 public:
  Bases(std::span<const ShippedFile> files, const CostSchemas& schemas, std::vector<std::string> open = {})
      : files_(files), schemas_(schemas), open_(std::move(open)) {}

  // "platform" or "platform/part": the platform, and the name of the part, which is "" when none is named. The section
  // that has the key `base` is for errors.
  struct Reference {
    const Platform* platform = nullptr;
    std::string part;
  };
  Reference Resolve(const Section& section);

 private:
  const Platform& Parse(const Section& section, const std::string& name);

  std::span<const ShippedFile> files_;
  const CostSchemas& schemas_;
  std::vector<std::string> open_;
  std::map<std::string, Platform> parsed_;
};

// The part of a base that is meant: the one named, or the only one. `parts` is "device" or "link".
template <typename Part>
const Part& ChooseBase(const Section& section, const Bases::Reference& reference, const std::vector<Part>& choices,
                       std::string_view parts);

// A device or a link of the file, what its base says included. What is required but missing is refused.
PlatformDevice ReadDevice(const Section& section, const PlatformDevice* base, const CostSchemas& schemas);
Link ReadLink(const Section& section, const Link* base);

// ParsePlatform with other files than the shipped ones to take bases from.
Platform ParsePlatformWith(std::string_view text, const std::string& file, const CostSchemas& schemas,
                           std::span<const ShippedFile> shipped, const std::vector<std::string>& open);

// --- Implementation -------------------------------------------------------------------------------------------------

[[noreturn]] void FailBase(const Section& section, const Bases::Reference& reference, std::string_view parts,
                           const std::vector<std::string>& names);

template <typename Part>
const Part& ChooseBase(const Section& section, const Bases::Reference& reference, const std::vector<Part>& choices,
                       std::string_view parts) {
  std::vector<std::string> names;
  for (const Part& choice : choices) {
    if (choice.name == reference.part || (reference.part.empty() && choices.size() == 1)) return choice;
    names.push_back(choice.name);
  }
  FailBase(section, reference, parts, names);
}

}  // namespace consort

#endif  // CONSORT_PLATFORM_PARSE_PLATFORM_H_
