// Platform::Set: figures by name, for what-if and sweeps.
#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "base/strings.h"
#include "consort/error.h"
#include "platform/platform.h"
#include "platform/quote.h"

namespace consort {
namespace {

// A figure that can be set: what it measures, and what sets it.
struct Slot {
  std::string key;
  Dimension dimension;
  std::function<void(const Quantity&)> set;
};
using Slots = std::vector<Slot>;

[[noreturn]] void Invalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void SetBandwidth(Link& link, const Quantity& quantity) {
  if (link.bandwidth_back.value == link.bandwidth.value) link.bandwidth_back = quantity;
  link.bandwidth = quantity;
}

void AddSlots(Link& link, const std::string& prefix, Slots& slots) {
  slots.push_back({prefix + "bandwidth", Dimension::kBandwidth, [&link](const Quantity& q) { SetBandwidth(link, q); }});
  slots.push_back(
      {prefix + "bandwidth_back", Dimension::kBandwidth, [&link](const Quantity& q) { link.bandwidth_back = q; }});
  slots.push_back({prefix + "latency", Dimension::kTime, [&link](const Quantity& q) { link.latency = q; }});
}

void AddSlots(PlatformDevice& device, Slots& slots) {
  slots.push_back({"memory", Dimension::kBytes, [&device](const Quantity& q) { device.memory = q; }});
  slots.push_back({"power.idle", Dimension::kPower, [&device](const Quantity& q) { device.idle_power = q; }});
  slots.push_back({"power.active", Dimension::kPower, [&device](const Quantity& q) { device.active_power = q; }});
  for (const ParameterSpec& spec : device.cost.schema.parameters) {
    slots.push_back({"cost." + spec.name, spec.dimension,
                     [&device, name = spec.name](const Quantity& q) { device.cost.parameters[name] = q; }});
  }
}

// The figures of what `key` begins with, and the rest of the key. Names may hold dots: the longest that fits is meant.
class Finder {
 public:
  Finder(Platform& platform, std::string_view key) : key_(key) {
    for (PlatformDevice& device : platform.devices) {
      if (!IsPrefix(device.name)) continue;
      AddSlots(device, slots_);
      for (Link& link : platform.links) {
        if (link.name == device.link) AddSlots(link, "link.", slots_);
      }
    }
    for (Link& link : platform.links) {
      if (IsPrefix(link.name)) AddSlots(link, "", slots_);
    }
  }

  bool found() const { return !name_.empty(); }
  const std::string& name() const { return name_; }

  const Slot& slot() const {
    const std::string rest(key_.substr(name_.size() + 1));
    std::vector<std::string> keys;
    for (const Slot& slot : slots_) {
      if (slot.key == rest) return slot;
      keys.push_back(slot.key);
    }
    const std::string nearest = Nearest(rest, keys);
    Invalid(fmt::format("'{}' has no figure {}; {}there are {}", name_, Quote(rest),
                        nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest), Join(keys)));
  }

 private:
  bool IsPrefix(const std::string& name) {
    const bool fits = key_.size() > name.size() && key_.starts_with(name) && key_[name.size()] == '.';
    if (!fits || name.size() <= name_.size()) return false;
    name_ = name;
    slots_.clear();
    return true;
  }

  std::string_view key_;
  std::string name_;
  Slots slots_;
};

[[noreturn]] void FailName(const Platform& platform, std::string_view key) {
  std::vector<std::string> names;
  for (const PlatformDevice& device : platform.devices) names.push_back(device.name);
  for (const Link& link : platform.links) names.push_back(link.name);
  const std::string nearest = Nearest(std::string(key.substr(0, key.find('.'))), names);
  Invalid(fmt::format("{} begins with no device or link of platform '{}'; {}there are {}", Quote(key), platform.name,
                      nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest), Join(names)));
}

}  // namespace

void Platform::Set(std::string_view assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos)
    Invalid(fmt::format("{} is not KEY=VALUE, such as coral-usb3.link.bandwidth=300MB/s", Quote(assignment)));
  const std::string_view key = assignment.substr(0, equals);
  const Finder finder(*this, key);
  if (!finder.found()) FailName(*this, key);
  const Slot& slot = finder.slot();
  try {
    slot.set({ParseQuantity(assignment.substr(equals + 1), slot.dimension), "set by the user"});
  } catch (const Error& error) {
    Invalid(fmt::format("{}: {}", key, error.what()));
  }
}

}  // namespace consort
