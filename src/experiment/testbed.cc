#include "experiment/testbed.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "backends/null/null_backend.h"
#include "base/strings.h"
#include "bench/environment.h"
#include "cost/cost_model.h"
#include "cost/fits.h"
#include "consort/backend.h"
#include "emulate/device_names.h"
#include "emulate/emulated_backend.h"
#include "plan/fingerprint.h"
#include "tune/local_planner.h"

namespace consort::experiment {
namespace {

constexpr size_t kModelsKept = 3;

std::shared_ptr<const Platform> PlatformOf(const TestbedOptions& options) {
  if (options.made != nullptr || options.platform.empty()) return options.made;
  Platform platform = LoadPlatform(options.platform, BuiltinCostSchemas());
  for (const std::string& setting : options.settings) platform.Set(setting);
  return std::make_shared<const Platform>(std::move(platform));
}

EmulationOptions EmulationOf(const TestbedOptions& options) {
  return {.platform = options.platform,
          .settings = options.settings,
          .jitter = options.jitter,
          .jitter_seed = options.seed};
}

std::string KindOf(const Target& target) { return target.device == "cuda" ? "gpu" : target.device; }

// Of a platform in memory nothing but emulated devices without numbers.
Registry RegistryOf(const TestbedOptions& options) {
  if (options.made == nullptr) return MakeBuiltinRegistry(EmulationOf(options));
  Registry registry;
  std::unique_ptr<Backend> host = MakeNullBackend();
  auto emulated = MakeEmulatedBackends({host.get()}, options.made, options.jitter, options.seed);
  registry.Add(std::move(host));
  for (std::unique_ptr<Backend>& backend : emulated) registry.Add(std::move(backend));
  return registry;
}

bool IsEmulatedName(const std::string& name, const std::shared_ptr<const Platform>& platform) {
  const std::vector<std::string> names = EmulatedDeviceNames(platform.get());
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of a target: what the engine offers, the target's own first.
std::vector<Precision> PrecisionsOf(const DeviceInfo& info, Precision own) {
  std::vector<Precision> precisions = {own};
  for (const Precision one : info.precisions) {
    if (one != own) precisions.push_back(one);
  }
  return precisions;
}

}  // namespace

Provenance ProvenanceOf(const std::vector<TestDevice>& devices) {
  const bool emulated = std::any_of(devices.begin(), devices.end(), [](const TestDevice& device) { return device.emulated(); });
  return emulated ? Provenance::kEmulated : Provenance::kMeasured;
}

std::string Describe(const Network& network) {
  const zoo::MakeOptions& make = network.make;
  std::string text = network.name;
  if (make.side) text += fmt::format(", side {}", *make.side);
  if (make.scale) text += fmt::format(", scale {}", *make.scale);
  if (make.size) text += fmt::format(", size {}", *make.size);
  if (make.width) text += fmt::format(", width {}", *make.width);
  if (make.sequence) text += fmt::format(", {} tokens", *make.sequence);
  return text + fmt::format(", batch {}", make.batch);
}

Testbed::Testbed(TestbedOptions options)
    : options_(std::move(options)),
      platform_(PlatformOf(options_)),
      registry_(RegistryOf(options_)) {
  if (options_.devices.empty()) {
    AddAll();
  } else {
    for (const std::string& text : options_.devices) Add(text);
  }
  if (devices_.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "no usable device: give --platform, or targets with -d ('consort devices' lists them)");
}

void Testbed::AddAll() {
  if (platform_ == nullptr) {
    for (const Target& target : DefaultTargets(registry_)) AddTarget(target);
    return;
  }
  for (const PlatformDevice& device : platform_->devices) devices_.push_back(Described(platform_, device));
}

void Testbed::Add(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string name = text.substr(0, slash);
  if (!IsEmulatedName(name, platform_)) return AddTarget(Target::Parse(text));
  const TestDevice device = Shipped(name);
  devices_.push_back(slash == std::string::npos ? device : InPrecision(device, ParsePrecision(text.substr(slash + 1))));
}

TestDevice Testbed::Shipped(const std::string& name) const {
  const NamedDevice named = FindEmulatedDevice(name, platform_);
  return Described(named.platform, *named.device);
}

TestDevice Testbed::Described(const std::shared_ptr<const Platform>& platform, const PlatformDevice& device) const {
  return {.name = device.name,
          .kind = std::string(ToString(device.kind)),
          .target = registry_.Resolve({.device = "emulated", .unit = device.name, .backend = "null"}),
          .precision = PrecisionOn(device, std::nullopt),
          .precisions = device.precisions,
          .platform = platform,
          .described = &device};
}

void Testbed::AddTarget(const Target& asked) {
  const Target target = registry_.Resolve(asked);
  if (IsEmulated(target))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': devices of a platform are named as the platform names them: --platform seed -d {}",
                            asked.ToString(), target.unit));
  const DeviceInfo info = registry_.Open(target)->info();
  const Precision own = target.precision.value_or(Precision::kFp32);
  devices_.push_back({.name = target.ToString(),
                      .kind = KindOf(target),
                      .target = target,
                      .precision = own,
                      .precisions = PrecisionsOf(info, own)});
  engines_[devices_.back().name] = info.engine;
}

const TestDevice& Testbed::Find(const std::string& name) const {
  std::vector<std::string> names;
  for (const TestDevice& device : devices_) {
    if (device.name == name) return device;
    names.push_back(device.name);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("there is no device '{}' here; there are: {}", name, Join(names)));
}

TestDevice Testbed::InPrecision(const TestDevice& device, Precision precision) const {
  TestDevice other = device;
  if (precision == device.precision) return other;
  if (device.emulated() && std::find(device.precisions.begin(), device.precisions.end(), precision) == device.precisions.end()) {
    std::vector<std::string> names;
    for (const Precision one : device.precisions) names.emplace_back(ToString(one));
    throw Error(ErrorCode::kUnsupported, fmt::format("{} computes in {} only", device.name, Join(names)));
  }
  other.precision = precision;
  other.target.precision = precision;
  other.name = fmt::format("{}/{}", device.name.substr(0, device.name.find('/')), ToString(precision));
  return other;
}

bool Testbed::all_emulated() const {
  return std::all_of(devices_.begin(), devices_.end(), [](const TestDevice& device) { return device.emulated(); });
}

Model Testbed::Kept(const std::string& key, const std::function<Model()>& make) {
  const auto is_it = [&key](const auto& one) { return one.first == key; };
  const auto known = std::find_if(kept_.begin(), kept_.end(), is_it);
  if (known != kept_.end()) {
    std::rotate(kept_.begin(), known, known + 1);
  } else {
    if (kept_.size() == kModelsKept) kept_.pop_back();
    kept_.emplace(kept_.begin(), key, make());
  }
  return kept_.front().second;
}

Model Testbed::StructureOf(const Network& network) {
  return Kept("structure of " + Describe(network), [&] { return zoo::Structure(network.name, network.make); });
}

Model Testbed::ModelOf(const Network& network) {
  return Kept(fmt::format("{}, seed {}", Describe(network), network.make.seed), [&] {
    const std::string bytes = zoo::Make(network.name, network.make).SerializeAsString();
    return Model::Parse(std::as_bytes(std::span(bytes)), network.name);
  });
}

const Json& Testbed::Once(const std::string& key, const std::function<Json()>& work) {
  const auto known = once_.find(key);
  return known != once_.end() ? known->second : once_.emplace(key, work()).first->second;
}

Json Testbed::ToJson() const {
  Json json = Json::object();
  if (platform_ != nullptr) json["platform"] = {{"name", platform_->name}, {"fingerprint", FingerprintOf(*platform_)}};
  json["jitter"] = options_.jitter;
  json["seed"] = options_.seed;
  json["devices"] = Json::array();
  for (const TestDevice& device : devices_) {
    Json one = {{"name", device.name}, {"kind", device.kind}, {"precision", ToString(device.precision)}};
    one["provenance"] = ToString(device.emulated() ? Provenance::kEmulated : Provenance::kMeasured);
    if (!device.emulated()) {
      one["engine"] = engines_.at(device.name);
    } else if (device.platform != platform_) {
      one["platform"] = {{"name", device.platform->name}, {"fingerprint", FingerprintOf(*device.platform)}};
    }
    json["devices"].push_back(std::move(one));
  }
  if (!all_emulated()) {
    const Environment environment = ReadEnvironment();
    json["machine"] = {{"processor", environment.processor}, {"logical_cores", environment.logical_cores}};
  }
  return json;
}

std::string Testbed::name() const {
  const bool some_emulated = std::any_of(devices_.begin(), devices_.end(), [](const TestDevice& device) { return device.emulated(); });
  if (platform_ == nullptr) return all_emulated() ? "emulated" : some_emulated ? "emulated+local" : "local";
  return all_emulated() ? platform_->name : platform_->name + "+local";
}

bool IsRefusal(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kUnsupported:
    case ErrorCode::kInfeasible:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kDeviceLost:
    case ErrorCode::kTimeout:
      return true;
    default:
      return false;
  }
}

bool MayPass(const Error& error) {
  return error.code() == ErrorCode::kOutOfMemory || error.code() == ErrorCode::kDeviceLost ||
         error.code() == ErrorCode::kTimeout;
}

Json Refused(const Error& error) {
  Json row = {{"refused", error.what()}};
  if (MayPass(error)) row["may_pass"] = true;
  return row;
}

}  // namespace consort::experiment
