// The platform files that are compiled into the program: platforms/*.toml, through embed_platforms.cmake.
#ifndef CONSORT_PLATFORM_SHIPPED_H_
#define CONSORT_PLATFORM_SHIPPED_H_

#include <span>
#include <string_view>

namespace consort {

struct ShippedFile {
  std::string_view name;  // of the file, without .toml
  std::string_view text;
};

// Sorted by name.
std::span<const ShippedFile> ShippedFiles();

}  // namespace consort

#endif  // CONSORT_PLATFORM_SHIPPED_H_
