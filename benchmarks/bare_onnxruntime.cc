#include <onnxruntime_c_api.h>

#include <algorithm>
#include <thread>

#include "backends/onnxruntime/ort_library.h"
#include "bare_engines.h"
#include "bench/replicas.h"
#include "consort/error.h"

namespace consort {
namespace {

ONNXTensorElementDataType TypeOf(DataType dtype) {
  switch (dtype) {
    case DataType::kFloat32:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    case DataType::kInt64:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    case DataType::kInt32:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    default:
      throw Error(ErrorCode::kUnsupported, "this benchmark binds float32, int32 and int64 inputs");
  }
}

// A session with its inputs bound; outputs go where the engine wants them, on the CPU. 0 threads: the engine's default.
class BareSession {
 public:
  BareSession(const std::filesystem::path& model, const std::vector<NamedTensor>& inputs, int threads)
      : library_(OrtLibrary::Load()), api_(library_.api()) {
    OrtSessionOptions* options = nullptr;
    Check(api_.CreateSessionOptions(&options));
    if (threads > 0) Check(api_.SetIntraOpNumThreads(options, threads));
    Check(api_.CreateSession(library_.env(), model.c_str(), options, &session_));
    api_.ReleaseSessionOptions(options);
    Check(api_.CreateIoBinding(session_, &binding_));
    Check(api_.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory_));
    Check(api_.CreateRunOptions(&run_options_));
    for (const NamedTensor& input : inputs) Bind(input);
    BindOutputs();
  }
  ~BareSession() {
    for (OrtValue* value : values_) api_.ReleaseValue(value);
    api_.ReleaseRunOptions(run_options_);
    api_.ReleaseIoBinding(binding_);
    api_.ReleaseMemoryInfo(memory_);
    api_.ReleaseSession(session_);
  }
  BareSession(const BareSession&) = delete;
  BareSession& operator=(const BareSession&) = delete;

  void Run() { Check(api_.RunWithBinding(session_, run_options_, binding_)); }

 private:
  void Check(OrtStatus* status) const { library_.Check(status, OrtPhase::kRun, "bare ONNX Runtime"); }

  void Bind(const NamedTensor& input) {
    buffers_.push_back(input.tensor.Clone());
    Buffer& buffer = buffers_.back();
    const Shape& shape = buffer.spec().shape;
    OrtValue* value = nullptr;
    Check(api_.CreateTensorWithDataAsOrtValue(memory_, buffer.data(), buffer.size_bytes(), shape.data(), shape.size(),
                                              TypeOf(buffer.spec().dtype), &value));
    values_.push_back(value);
    Check(api_.BindInput(binding_, input.name.c_str(), value));
  }

  void BindOutputs() {
    size_t count = 0;
    Check(api_.SessionGetOutputCount(session_, &count));
    for (size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      Check(api_.SessionGetOutputName(session_, i, library_.allocator(), &name));
      Check(api_.BindOutputToDevice(binding_, library_.TakeString(name).c_str(), memory_));
    }
  }

  OrtLibrary& library_;
  const OrtApi& api_;
  OrtSession* session_ = nullptr;
  OrtIoBinding* binding_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  OrtRunOptions* run_options_ = nullptr;
  std::vector<Buffer> buffers_;
  std::vector<OrtValue*> values_;
};

BareEngine OneSession(const std::string& name, int threads) {
  return {.name = name, .is_default = threads == 0, .make = [name, threads](const auto& model, const auto& inputs) {
            auto session = std::make_shared<BareSession>(model, inputs, threads);
            return BareSide{name, OneAtATime([session] { session->Run(); }), [session] { session->Run(); }};
          }};
}

// Every session runs as many calls; one latency per block, the time between the ends of calls while all of them work.
struct SessionTeam {
  SessionTeam(const std::filesystem::path& model, const std::vector<NamedTensor>& inputs, int count)
      : team(std::vector<LoadedReplica>(static_cast<size_t>(count), {.query = [] {}, .flush_denormals = false})) {
    for (int i = 0; i < count; ++i) sessions.push_back(std::make_unique<BareSession>(model, inputs, 1));
    sessions.front()->Run();
    const TimeNs start_ns = Clock::Real().NowNs();
    sessions.front()->Run();
    call_ns = static_cast<double>(Clock::Real().NowNs() - start_ns);
  }
  void Run(TimeNs budget_ns, BlockSamples& samples) {
    const auto each = std::max<int64_t>(4, static_cast<int64_t>(static_cast<double>(budget_ns) / call_ns));
    std::vector<std::vector<TimeNs>> ends_ns(sessions.size());
    team.Run([&](int i) {
      std::vector<TimeNs>& ends = ends_ns[static_cast<size_t>(i)];
      ends.reserve(static_cast<size_t>(each) + 1);
      for (int64_t call = 0; call <= each; ++call) {
        sessions[static_cast<size_t>(i)]->Run();
        ends.push_back(Clock::Real().NowNs());
      }
    });
    // From when every session has ended a call until the first has ended its last.
    TimeNs begin_ns = 0, end_ns = kNever;
    for (const auto& ends : ends_ns) begin_ns = std::max(begin_ns, ends.front()), end_ns = std::min(end_ns, ends.back());
    double calls = 0;
    for (const auto& ends : ends_ns) calls += CallsBetween(ends, begin_ns, end_ns);
    samples.wall_ns = end_ns - begin_ns;
    samples.inferences = static_cast<int64_t>(calls);
    samples.latencies_ns.assign(1, static_cast<TimeNs>(static_cast<double>(samples.wall_ns) / calls));
    call_ns = static_cast<double>(samples.wall_ns) / calls * static_cast<double>(sessions.size());
  }

  // Of one session, parts of calls at both ends counted as such.
  static double CallsBetween(const std::vector<TimeNs>& ends_ns, TimeNs begin_ns, TimeNs end_ns) {
    double calls = 0;
    for (size_t i = 1; i < ends_ns.size(); ++i) {
      const TimeNs inside = std::min(ends_ns[i], end_ns) - std::max(ends_ns[i - 1], begin_ns);
      if (inside > 0) calls += static_cast<double>(inside) / static_cast<double>(ends_ns[i] - ends_ns[i - 1]);
    }
    return calls;
  }

  std::vector<std::unique_ptr<BareSession>> sessions;
  ReplicaTeam team;
  double call_ns = 1;
};

BareEngine SessionPerCore() {
  const std::string name = "onnxruntime, 1 thread × cores";
  return {.name = name, .make = [name](const auto& model, const auto& inputs) {
            auto team = std::make_shared<SessionTeam>(model, inputs, CoreSet::Available().size());
            return BareSide{name,
                            [team](TimeNs budget_ns, int64_t, BlockSamples& samples) { team->Run(budget_ns, samples); },
                            [team] { team->sessions.front()->Run(); }};
          }};
}

}  // namespace

std::vector<BareEngine> BareOnnxRuntimes(bool throughput) {
  return {OneSession("onnxruntime default", 0), throughput ? SessionPerCore() : OneSession("onnxruntime, 1 thread", 1)};
}

}  // namespace consort
