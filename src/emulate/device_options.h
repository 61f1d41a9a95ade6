// What an emulated device is made of, by the platform that describes it.
#ifndef CONSORT_EMULATE_DEVICE_OPTIONS_H_
#define CONSORT_EMULATE_DEVICE_OPTIONS_H_

#include "consort/clock.h"
#include "emulate/device_names.h"
#include "emulate/emulated_device.h"
#include "emulate/resource_time.h"

namespace consort {

// The device with its cost model (which keeps the platform), its resource, the links that it shares with others and,
// for an Edge TPU, the CPU that runs what it cannot. Devices that are made with the same clock and `times` wait for
// each other where they use the same. The host and the jitter are left to the caller.
EmulatedDeviceOptions OptionsOf(const NamedDevice& named, const Target& target, Clock& clock, ResourceTimes& times);

}  // namespace consort

#endif  // CONSORT_EMULATE_DEVICE_OPTIONS_H_
