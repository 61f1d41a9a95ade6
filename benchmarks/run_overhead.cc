// What Consort adds to one call of ONNX Runtime: consort::Run with bound buffers against the engine's bare RunWithBinding, on the
// smallest model (one Identity of four floats), in interleaved pairs on one core.
//
//   run_overhead [pairs]
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/onnxruntime/onnxruntime_backend.h"
#include "backends/onnxruntime/ort_library.h"
#include "base/thread.h"
#include "consort/error.h"
#include "model/test_models.h"

namespace consort {
namespace {

constexpr int kCallsPerBlock = 200;
constexpr int kResamples = 2000;

// The engine as its own documentation uses it.
class BareEngine {
 public:
  explicit BareEngine(const std::string& model) : library_(OrtLibrary::Load()), api_(library_.api()) {
    Check(api_.CreateSessionOptions(&options_));
    Check(api_.SetIntraOpNumThreads(options_, 1));
    Check(api_.CreateSessionFromArray(library_.env(), model.data(), model.size(), options_, &session_));
    Check(api_.CreateIoBinding(session_, &binding_));
    Check(api_.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory_));
    Check(api_.BindInput(binding_, "x", Tensor(input_)));
    Check(api_.BindOutput(binding_, "y", Tensor(output_)));
    Check(api_.CreateRunOptions(&run_options_));
  }
  void Run() { Check(api_.RunWithBinding(session_, run_options_, binding_)); }

 private:
  void Check(OrtStatus* status) const { library_.Check(status, OrtPhase::kRun, "bare engine"); }
  OrtValue* Tensor(std::array<float, 4>& data) {
    constexpr std::array<int64_t, 2> kShape{1, 4};
    OrtValue* value = nullptr;
    Check(api_.CreateTensorWithDataAsOrtValue(memory_, data.data(), sizeof(data), kShape.data(), kShape.size(),
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    return value;
  }

  OrtLibrary& library_;
  const OrtApi& api_;
  OrtSessionOptions* options_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtIoBinding* binding_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  OrtRunOptions* run_options_ = nullptr;
  std::array<float, 4> input_{1, 2, 3, 4};
  std::array<float, 4> output_{};
};

template <typename Call>
double MicrosecondsPerCall(Call&& call) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCallsPerBlock; ++i) call();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  return took.count() / kCallsPerBlock;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The 95 % interval of the median, by resampling with a fixed seed.
std::pair<double, double> MedianInterval(const std::vector<double>& values) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<size_t> pick(0, values.size() - 1);
  std::vector<double> medians;
  std::vector<double> sample(values.size());
  for (int i = 0; i < kResamples; ++i) {
    for (double& value : sample) value = values[pick(random)];
    medians.push_back(Median(sample));
  }
  std::sort(medians.begin(), medians.end());
  return {medians[kResamples * 25 / 1000], medians[kResamples * 975 / 1000]};
}

struct Figures {
  std::vector<double> bare;
  std::vector<double> ours;
  std::vector<double> difference;
};

Figures Measure(int pairs) {
  const std::string model = test::IdentityModel();
  BareEngine bare(model);
  const auto device = MakeOnnxRuntimeBackend()->Open(Target::Parse("cpu@onnxruntime"), {});
  const auto executable = device->Compile(Artifact(Model::Parse(test::AsBytes(model), "identity.onnx")), {.threads = 1});
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Buffer::Allocate(executable->signature().inputs[0].spec));
  const auto run_bare = [&] { bare.Run(); };
  const auto run_ours = [&] { Run(*executable, binding); };
  MicrosecondsPerCall(run_bare);
  MicrosecondsPerCall(run_ours);
  Figures figures;
  for (int pair = 0; pair < pairs; ++pair) {
    // The order alternates, so that neither always follows the other.
    const bool bare_first = pair % 2 == 0;
    const double first = bare_first ? MicrosecondsPerCall(run_bare) : MicrosecondsPerCall(run_ours);
    const double second = bare_first ? MicrosecondsPerCall(run_ours) : MicrosecondsPerCall(run_bare);
    figures.bare.push_back(bare_first ? first : second);
    figures.ours.push_back(bare_first ? second : first);
    figures.difference.push_back(figures.ours.back() - figures.bare.back());
  }
  return figures;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::max(10, std::atoi(argv[1])) : 2000;
  try {
    const consort::ThreadScope pinned(consort::CoreSet({consort::CoreSet::Available().cores().front()}), true);
    const consort::Figures figures = consort::Measure(pairs);
    const auto [low, high] = consort::MedianInterval(figures.difference);
    std::printf("measured: %d pairs of %d calls, one thread on one core\n", pairs, consort::kCallsPerBlock);
    std::printf("RunWithBinding %.3f us, consort::Run %.3f us\n", consort::Median(figures.bare), consort::Median(figures.ours));
    std::printf("overhead per call: median %.3f us, 95 %% interval [%.3f, %.3f] us; bound 5 us: %s\n",
                consort::Median(figures.difference), low, high, high <= 5 ? "kept" : "missed");
    return high <= 5 ? 0 : 1;
  } catch (const consort::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
