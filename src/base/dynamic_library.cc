#include "base/dynamic_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {

DynamicLibrary DynamicLibrary::Open(const std::string& what, const std::vector<std::string>& candidates) {
  std::vector<std::string> reasons;
  for (const std::string& candidate : candidates) {
    void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      reasons.emplace_back(dlerror());
      continue;
    }
    link_map* map = nullptr;
    const bool known = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] != '\0';
    return DynamicLibrary(handle, known ? map->l_name : candidate);
  }
  throw Error(ErrorCode::kUnsupported, fmt::format("{} cannot be loaded: {}", what, Join(reasons, "; ")));
}

void* DynamicLibrary::Find(const char* name, bool required) const {
  void* symbol = dlsym(handle_, name);
  if (symbol == nullptr && required) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} has no symbol '{}': another or an older library?", path_, name));
  }
  return symbol;
}

}  // namespace consort
