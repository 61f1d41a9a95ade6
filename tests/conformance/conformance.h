// One suite for every device: what consort/device.h promises, checked on each (device, backend) that this machine
// offers.
#ifndef CONSORT_TESTS_CONFORMANCE_CONFORMANCE_H_
#define CONSORT_TESTS_CONFORMANCE_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "consort/consort.h"
#include "onnx/onnx_pb.h"

namespace consort::test {

struct Candidate {
  Target target;
  bool isolated = false;
};

void PrintTo(const Candidate& candidate, std::ostream* stream);

// Every usable device of the built-in registry, emulated ones (emulated.toml) among them, then some of them in a process of their own.
std::vector<Candidate> Candidates();
std::string NameOf(const testing::TestParamInfo<Candidate>& info);

// The device takes no ONNX, and there is no twin of the model in a form that it takes.
struct NoSuchModel {};

// An opened candidate and shorthands for what most tests do with it.
class DeviceUnderTest {
 public:
  explicit DeviceUnderTest(const Candidate& candidate) : candidate_(candidate), device_(Open(nullptr)) {}

  const Target& target() const { return candidate_.target; }
  Device& device() { return *device_; }
  // Opens it once more.
  std::shared_ptr<Device> Open(Clock* clock) const;
  // The model in a form that the device takes; throws NoSuchModel, which skips the test.
  Artifact ArtifactOf(const std::string& onnx_bytes) const;
  std::unique_ptr<Executable> Compile(const std::string& onnx_bytes, const CompileOptions& options = {});
  bool TakesOnnx() const;
  // The same device goes away; executables stay.
  void Close() { device_.reset(); }

 private:
  Candidate candidate_;
  std::shared_ptr<Device> device_;
};

// A device that cannot pass a test, and why. A listed test that passes is a failure too.
struct Difference {
  std::string backend;
  std::string test;
  std::string reason;
};
const std::vector<Difference>& Differences();

class Conformance : public testing::TestWithParam<Candidate> {
 protected:
  // Runs the test; turns its result round where a difference is listed.
  void Judge(void (*test)(DeviceUnderTest&));
};

// Holds back the worker thread of an executable until Release: what happens to calls that wait is then no race.
class GateClock : public Clock {
 public:
  TimeNs NowNs() const override { return Clock::Real().NowNs(); }
  void SleepUntil(TimeNs deadline_ns) override { Clock::Real().SleepUntil(deadline_ns); }
  bool Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) override;

  // Until the worker waits for its first call.
  void AwaitWorker() { arrived_.get_future().wait(); }
  void Release() { gate_.set_value(); }

 private:
  std::thread::id owner_ = std::this_thread::get_id();
  std::once_flag once_;
  std::promise<void> arrived_;
  std::promise<void> gate_;
  std::shared_future<void> opened_ = gate_.get_future().share();
};

// x → Identity → y of one ONNX element type; dimensions as in GraphWriter.
std::string IdentityOf(int elem_type, const std::vector<std::string>& dims);

// float32 values start, start + step, …
Buffer Ramp(const Shape& shape, float start, float step);
// A binding with a ramp on every float32 input, and zeros on the others; unknown axes get size 2.
std::shared_ptr<Binding> BoundToRamps(const Executable& executable, float start = 1.0f);
std::vector<float> Floats(const Buffer& buffer);
std::string BytesOf(const Buffer& buffer);

// The error that `call` ends with; a test failure when there is none.
Error ErrorOf(const std::function<void()>& call);

}  // namespace consort::test

// CONFORMANCE(Name) { … device … }: one test for every candidate.
#define CONFORMANCE(Name)                                     \
  static void Name(DeviceUnderTest& device);                  \
  TEST_P(Conformance, Name) { Judge(::consort::test::Name); } \
  static void Name([[maybe_unused]] DeviceUnderTest& device)

#endif  // CONSORT_TESTS_CONFORMANCE_CONFORMANCE_H_
