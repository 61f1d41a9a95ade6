#include "conformance/conformance.h"

#include <gtest/gtest-spi.h>

#include <algorithm>
#include <cstring>

#include "conformance/tflite_twins.h"
#include "model/test_models.h"

namespace consort::test {
namespace {

const Registry& BuiltinRegistry() {
  static const Registry registry =
      MakeBuiltinRegistry({.platform = CONSORT_SOURCE_DIR "/tests/conformance/emulated.toml"});
  return registry;
}

bool IsListed(const Difference& difference, const Target& target, const std::string& test) {
  return difference.backend == target.backend && difference.test == test;
}

// True when `body` fails; the failures are kept from the test's own result.
bool Fails(const std::function<void()>& body) {
  testing::TestPartResultArray results;
  {
    testing::ScopedFakeTestPartResultReporter reporter(testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS,
                                                       &results);
    try {
      body();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  for (int i = 0; i < results.size(); ++i) {
    if (results.GetTestPartResult(i).failed()) return true;
  }
  return false;
}

}  // namespace

std::vector<Candidate> Candidates() {
  std::vector<Candidate> candidates;
  for (const DeviceFinding& finding : BuiltinRegistry().Find()) {
    if (finding.usable && finding.info.target.backend != "faulty") candidates.push_back({finding.info.target});
  }
  const size_t count = candidates.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string& device = candidates[i].target.device;
    if (device == "cpu" || device == "emulated" || device == "null") candidates.push_back({candidates[i].target, /*isolated=*/true});
  }
  return candidates;
}

void PrintTo(const Candidate& candidate, std::ostream* stream) {
  *stream << candidate.target.ToString() << (candidate.isolated ? ", isolated" : "");
}

std::string NameOf(const testing::TestParamInfo<Candidate>& info) {
  std::string name = (info.param.isolated ? "isolated_" : "") + info.param.target.ToString();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::shared_ptr<Device> DeviceUnderTest::Open(Clock* clock) const {
  return BuiltinRegistry().Open(candidate_.target, {.isolated = candidate_.isolated, .clock = clock});
}

bool DeviceUnderTest::TakesOnnx() const {
  const std::vector<ArtifactKind>& accepted = device_->info().accepts;
  return std::find(accepted.begin(), accepted.end(), ArtifactKind::kOnnx) != accepted.end();
}

Artifact DeviceUnderTest::ArtifactOf(const std::string& onnx_bytes) const {
  if (TakesOnnx()) return Artifact(Model::Parse(AsBytes(onnx_bytes), "test.onnx"));
  std::optional<std::string> twin = TfLiteTwin(onnx_bytes);
  if (!twin.has_value()) throw NoSuchModel();
  return Artifact(ArtifactKind::kTfLite, "test.tflite", std::make_shared<const std::string>(std::move(*twin)));
}

std::unique_ptr<Executable> DeviceUnderTest::Compile(const std::string& onnx_bytes, const CompileOptions& options) {
  return device_->Compile(ArtifactOf(onnx_bytes), options);
}

void Conformance::Judge(void (*test)(DeviceUnderTest&)) {
  DeviceUnderTest device(GetParam());
  const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = info->name();
  name.resize(name.find('/'));
  const auto& differences = Differences();
  const auto listed = std::find_if(differences.begin(), differences.end(), [&](const Difference& difference) {
    return IsListed(difference, device.target(), name);
  });
  try {
    if (listed == differences.end()) return test(device);
    RecordProperty("difference", listed->reason);
    if (!Fails([&] { test(device); })) ADD_FAILURE() << "passes, although a difference is listed: " << listed->reason;
  } catch (const NoSuchModel&) {
    GTEST_SKIP() << "no TensorFlow Lite twin of this model";
  }
}

bool GateClock::Wait(std::unique_lock<std::mutex>& lock, std::condition_variable& condition, TimeNs deadline_ns) {
  if (std::this_thread::get_id() == owner_) return Clock::Real().Wait(lock, condition, deadline_ns);
  std::call_once(once_, [&] { arrived_.set_value(); });
  if (opened_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    return Clock::Real().Wait(lock, condition, deadline_ns);
  }
  lock.unlock();
  opened_.wait();
  lock.lock();
  return true;
}

std::string IdentityOf(int elem_type, const std::vector<std::string>& dims) {
  onnx::ModelProto model = EmptyModel("identity");
  GraphWriter writer(model.mutable_graph());
  writer.Input("x", dims, elem_type).Output("y", dims, elem_type);
  writer.Node("Identity", {"x"}, {"y"}, "identity");
  return Bytes(model);
}

Buffer Ramp(const Shape& shape, float start, float step) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, shape});
  float value = start;
  for (float& element : buffer.as<float>()) element = std::exchange(value, value + step);
  return buffer;
}

std::shared_ptr<Binding> BoundToRamps(const Executable& executable, float start) {
  auto binding = std::make_shared<Binding>(executable.signature());
  for (int port = 0; port < binding->input_count(); ++port) {
    TensorSpec spec = executable.signature().inputs[port].spec;
    std::replace(spec.shape.begin(), spec.shape.end(), kDynamic, int64_t{2});
    const bool is_float = spec.dtype == DataType::kFloat32;
    binding->SetInput(port, is_float ? Ramp(spec.shape, start, 0.25f) : Buffer::Allocate(spec));
  }
  return binding;
}

std::vector<float> Floats(const Buffer& buffer) {
  const auto values = buffer.as<float>();
  return {values.begin(), values.end()};
}

std::string BytesOf(const Buffer& buffer) {
  return std::string(static_cast<const char*>(buffer.data()), buffer.size_bytes());
}

Error ErrorOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::kInternal, "");
}

}  // namespace consort::test
