// Targets: a device, the backend that drives it and the precision it computes in.
#ifndef CONSORT_TARGET_H_
#define CONSORT_TARGET_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consort/types.h"

namespace consort {

// A set of logical CPUs (kernel numbering, 0-based), sorted and unique. Empty: no restriction.
class CoreSet {
 public:
  CoreSet() = default;
  explicit CoreSet(std::vector<int> cores);

  // "0-1+4": ranges joined by '+'. Throws kInvalidArgument.
  static CoreSet Parse(std::string_view text);
  // The CPUs that a thread may run on, by kernel thread id; 0: the calling thread.
  static CoreSet OfThread(int thread_id);
  // The CPUs that this process may use: its main thread's, read once at the first call.
  static const CoreSet& Available();

  const std::vector<int>& cores() const { return cores_; }
  bool empty() const { return cores_.empty(); }
  int size() const { return static_cast<int>(cores_.size()); }
  bool Contains(const CoreSet& other) const;
  std::string ToString() const;
  bool operator==(const CoreSet&) const = default;

 private:
  std::vector<int> cores_;
};

// `device[:unit][@backend][/precision]`, for example cpu, cpu:0-1@openvino, cuda:0/fp16, gpu:0@openvino, npu:0, edgetpu:0.
// Parse checks the syntax; which names exist is known to the Registry.
struct Target {
  std::string device;                  // "cpu", "cuda", "null", …
  std::string unit;                    // "", "0", "0-1" (cores of a cpu), "host:8001"
  std::string backend;                 // "" = the device's default backend
  std::optional<Precision> precision;  // absent = fp32 (or what a quantized artifact holds)

  // Throws kInvalidArgument naming the offending part.
  static Target Parse(std::string_view text);
  std::string ToString() const;
  bool operator==(const Target&) const = default;
};

// A device whose times come from a formula: "emulated:coral-usb3".
inline bool IsEmulated(const Target& target) { return target.device == "emulated"; }

// "cpu@onnxruntime,cpu:0@openvino" → two targets. Throws kInvalidArgument; an empty list is an error.
std::vector<Target> ParseTargets(std::string_view list);

}  // namespace consort

#endif  // CONSORT_TARGET_H_
