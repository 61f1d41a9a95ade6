// Physical resources that several emulated devices use.
#ifndef CONSORT_EMULATE_RESOURCE_TIME_H_
#define CONSORT_EMULATE_RESOURCE_TIME_H_

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "consort/clock.h"
#include "platform/platform.h"

namespace consort {

// When a resource is free again. Work is done one piece after the other, in the order of arrival. Thread-safe.
class ResourceTime {
 public:
  // When a piece of work that arrives now ends.
  TimeNs Reserve(TimeNs now_ns, TimeNs duration_ns) {
    std::lock_guard lock(mutex_);
    free_ns_ = std::max(now_ns, free_ns_) + duration_ns;
    return free_ns_;
  }

 private:
  std::mutex mutex_;
  TimeNs free_ns_ = 0;
};

// What calls take time of beside their device: a link on the way that carries other devices' data too, or the CPU that
// runs the ops which the device cannot.
struct SharedResource {
  std::shared_ptr<ResourceTime> time;
  std::optional<Link> link;  // absent: the CPU
};

// The resources of a registry, by clock and name, for as long as a device uses them. Thread-safe.
class ResourceTimes {
 public:
  std::shared_ptr<ResourceTime> Find(const Clock& clock, const std::string& name) {
    std::lock_guard lock(mutex_);
    std::weak_ptr<ResourceTime>& known = times_[{&clock, name}];
    std::shared_ptr<ResourceTime> found = known.lock();
    if (found == nullptr) known = found = std::make_shared<ResourceTime>();
    return found;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<const Clock*, std::string>, std::weak_ptr<ResourceTime>> times_;
};

}  // namespace consort

#endif  // CONSORT_EMULATE_RESOURCE_TIME_H_
