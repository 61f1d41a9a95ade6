#include "consort/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "consort/backend.h"
#include "consort/error.h"
#include "device/isolated.h"

namespace consort {
namespace {

bool Serves(const Backend& backend, const std::string& device) {
  const std::vector<std::string> devices = backend.devices();
  return std::find(devices.begin(), devices.end(), device) != devices.end();
}

void AddUnique(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

[[noreturn]] void Unknown(const Target& target, std::string_view what, const std::vector<std::string>& valid) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("target '{}': unknown {}; valid are {}", target.ToString(), what, Join(valid)));
}

}  // namespace

Registry::Registry() { CoreSet::Available(); }
Registry::~Registry() = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;

void Registry::Add(std::unique_ptr<Backend> backend) { backends_.push_back(std::move(backend)); }

Backend& Registry::BackendOf(const Target& target) const {
  std::vector<std::string> device_names;
  std::vector<std::string> backend_names;
  for (const auto& backend : backends_) {
    for (const std::string& device : backend->devices()) AddUnique(device_names, device);
    if (!Serves(*backend, target.device)) continue;
    if (target.backend.empty() || target.backend == backend->name()) return *backend;
    backend_names.emplace_back(backend->name());
  }
  if (backend_names.empty()) Unknown(target, fmt::format("device '{}'", target.device), device_names);
  Unknown(target, fmt::format("backend '{}' for device '{}'", target.backend, target.device), backend_names);
}

Target Registry::Resolve(const Target& target) const {
  const Backend& backend = BackendOf(target);
  Target resolved = target;
  resolved.backend = backend.name();
  backend.CheckUnit(resolved);
  return resolved;
}

std::shared_ptr<Device> Registry::Open(const Target& target, const OpenOptions& options) const {
  Backend& backend = BackendOf(target);
  const Target resolved = Resolve(target);
  if (options.isolated && !backend.isolates_itself()) return OpenIsolated(resolved, options);
  return backend.Open(resolved, options);
}

std::vector<DeviceFinding> Registry::Find() const {
  std::vector<DeviceFinding> findings;
  for (const auto& backend : backends_) {
    std::vector<DeviceFinding> found = backend->Find();
    std::move(found.begin(), found.end(), std::back_inserter(findings));
  }
  return findings;
}

std::vector<Diagnosis> Registry::Diagnose() const {
  std::vector<Diagnosis> diagnoses;
  for (const auto& backend : backends_) {
    std::vector<Diagnosis> found = backend->Diagnose();
    std::move(found.begin(), found.end(), std::back_inserter(diagnoses));
  }
  return diagnoses;
}

}  // namespace consort
