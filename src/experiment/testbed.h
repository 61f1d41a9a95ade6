// Testbed: the devices that experiments run on, real ones and those of a platform, and how long calls take on them.
#ifndef CONSORT_EXPERIMENT_TESTBED_H_
#define CONSORT_EXPERIMENT_TESTBED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consort/error.h"
#include "consort/model.h"
#include "consort/provenance.h"
#include "consort/registry.h"
#include "experiment/settings.h"
#include "platform/platform.h"
#include "zoo/zoo.h"

namespace consort::experiment {

class IntegerForms;  // numbers.cc

struct TestbedOptions {
  std::string platform;               // shipped, or a file; empty: none
  std::vector<std::string> settings;  // changes to it, as Platform::Set takes them
  std::shared_ptr<const Platform> made;  // a platform in memory, in place of `platform` and `settings`; may be nullptr
  // Devices of the platform ("gtx1650/fp16"), devices of shipped platforms ("rtx2060") and targets ("cpu@openvino"),
  // looked for in this order. Empty: all of the platform; without one the usable targets of this machine.
  std::vector<std::string> devices;
  uint64_t seed = 0;   // of weights, inputs and jitter
  double jitter = 0;   // relative spread of emulated times
  bool quick = false;  // measures for a shorter time
  std::function<void(const std::string&)> progress;  // what happens next; may be empty
};

// A device that experiments may use. Plain data.
struct TestDevice {
  std::string name;  // unique: "gtx1650", "gtx1650/fp16", "cpu@openvino"
  std::string kind;  // "cpu", "gpu", "edgetpu", "npu"
  Target target;     // resolved; a platform's device is "emulated:NAME@null", which computes no numbers
  Precision precision = Precision::kFp32;     // that it computes in
  std::vector<Precision> precisions;          // that it could; the first is its own
  std::shared_ptr<const Platform> platform;   // that it is part of; nullptr: a target of this machine
  const PlatformDevice* described = nullptr;  // in that platform; nullptr: a target of this machine

  bool emulated() const { return described != nullptr; }
};

// What a figure is to which these devices belong together: kEmulated where one of them is, else kMeasured.
Provenance ProvenanceOf(const std::vector<TestDevice>& devices);

// A network of the zoo at a batch: what cells run.
struct Network {
  std::string name;       // "resnet-50"
  zoo::MakeOptions make;  // batch and seed included
};
// "seed-dense, scale 2, batch 4".
std::string Describe(const Network& network);

// Owns registry, platform and the models of late. Timing is in timing.h and plan_timing.h. One thread at a time.
class Testbed {
 public:
  // Throws kInvalidArgument for a device that is not there, listing those that are; what reading the platform throws.
  explicit Testbed(TestbedOptions options);
  Testbed(const Testbed&) = delete;

  const TestbedOptions& options() const { return options_; }
  const std::vector<TestDevice>& devices() const { return devices_; }
  // By name. Throws kInvalidArgument listing the names.
  const TestDevice& Find(const std::string& name) const;
  // One of a shipped platform, by the names that `emulated:` takes. Throws kInvalidArgument listing them.
  TestDevice Shipped(const std::string& name) const;
  // The same device in another precision. Throws kUnsupported naming those that it has.
  TestDevice InPrecision(const TestDevice& device, Precision precision) const;
  // True where every device is a platform's: everything passes by the virtual clock and comes out the same every time.
  bool all_emulated() const;

  // nullptr without one.
  const std::shared_ptr<const Platform>& platform() const { return platform_; }
  // All built-in backends, emulated devices of the platform included. Integer targets of this machine need a quantizing
  // one: numbers.h.
  const Registry& registry() const { return registry_; }
  uint64_t seed() const { return options_.seed; }
  bool quick() const { return options_.quick; }
  void Say(const std::string& what) const {
    if (options_.progress) options_.progress(what);
  }

  // Without the weights' values: what cost models and emulated devices without numbers need. The last few are kept; a
  // copy is cheap. Throw what the zoo throws.
  Model StructureOf(const Network& network);
  // With seeded weights: what engines need.
  Model ModelOf(const Network& network);

  // What several cells share is worked out once. The reference holds as long as the testbed.
  const Json& Once(const std::string& key, const std::function<Json()>& work);
  // The integer forms of late, by network; numbers.cc knows them.
  std::map<std::string, std::shared_ptr<IntegerForms>>& integer_forms() { return integer_forms_; }

  // What results are tied to: platform with fingerprint and settings, devices with engines, processor, seed.
  Json ToJson() const;
  // "seed" for a platform; "local"; "seed+local" for both; "emulated" in the platform's place where each device has its own.
  std::string name() const;

 private:
  void AddAll();
  void Add(const std::string& text);
  TestDevice Described(const std::shared_ptr<const Platform>& platform, const PlatformDevice& device) const;
  void AddTarget(const Target& target);
  Model Kept(const std::string& key, const std::function<Model()>& make);

  TestbedOptions options_;
  std::shared_ptr<const Platform> platform_;
  Registry registry_;
  std::vector<TestDevice> devices_;
  std::map<std::string, std::string> engines_;  // by device name, of this machine's
  std::vector<std::pair<std::string, Model>> kept_;
  std::map<std::string, Json> once_;
  std::map<std::string, std::shared_ptr<IntegerForms>> integer_forms_;
};

// Whether an error says that this device cannot do this: then it is a row of its own, and the experiment goes on.
bool IsRefusal(const Error& error);
// Whether the same may go well another time: the device was lost, did not answer, or memory was taken. By the virtual
// clock nothing is so.
bool MayPass(const Error& error);
// {"refused": "…"}, with "may_pass": true for one that may: the runner keeps no such row (runner.h).
Json Refused(const Error& error);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_TESTBED_H_
