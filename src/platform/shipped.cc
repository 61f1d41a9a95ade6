#include "platform/shipped.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "platform/document.h"
#include "platform/platform.h"
#include "platform/quote.h"

namespace consort {
namespace {

const ShippedFile* Find(std::string_view name) {
  for (const ShippedFile& file : ShippedFiles()) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

[[noreturn]] void FailName(std::string_view name, std::string_view problem) {
  const std::vector<std::string> names = ShippedPlatforms();
  const std::string nearest = Nearest(std::string(name), names);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} {}; {}the shipped platforms are {}", Quote(name), problem,
                          nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest), Join(names)));
}

}  // namespace

std::vector<std::string> ShippedPlatforms() {
  std::vector<std::string> names;
  for (const ShippedFile& file : ShippedFiles()) names.emplace_back(file.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view ShippedPlatformText(std::string_view name) {
  const ShippedFile* file = Find(name);
  if (file == nullptr) FailName(name, "is not a shipped platform");
  return file->text;
}

Platform LoadPlatform(const std::string& name_or_path, const CostSchemas& schemas) {
  if (const ShippedFile* file = Find(name_or_path))
    return ParsePlatform(file->text, fmt::format("platforms/{}.toml", file->name), schemas);
  std::error_code error;
  if (!std::filesystem::exists(name_or_path, error)) FailName(name_or_path, "is neither a shipped platform nor a file");
  // One byte more than is allowed, so that the parser sees that the file is too big.
  return ParsePlatform(ReadFileStart(name_or_path, kLargestPlatformFile + 1), name_or_path, schemas);
}

}  // namespace consort
