#include "backends/onnxruntime/session_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "base/thread.h"

namespace consort {
namespace {

constexpr char kSpinMicroseconds[] = "100";  // the best trade between latency and burnt idle time that was measured

using Options = std::vector<std::pair<std::string, std::string>>;

GraphOptimizationLevel LevelOf(Optimization optimization) {
  switch (optimization) {
    case Optimization::kNone:
      return ORT_DISABLE_ALL;
    case Optimization::kBasic:
      return ORT_ENABLE_BASIC;
    case Optimization::kExtended:
      return ORT_ENABLE_EXTENDED;
    case Optimization::kFull:
      break;
  }
  return ORT_ENABLE_ALL;
}

void SetThreads(const SessionRequest& request, OrtSessionOptions* options) {
  const OrtLibrary& library = request.library;
  const int threads = request.provider.Threads(request.options.threads);
  library.Check(library.api().SetSessionExecutionMode(options, ORT_SEQUENTIAL), OrtPhase::kSetup, "execution mode");
  library.Check(library.api().SetInterOpNumThreads(options, 1), OrtPhase::kSetup, "inter-op threads");
  library.Check(library.api().SetIntraOpNumThreads(options, threads), OrtPhase::kSetup, "threads");
  if (threads == 1) return;
  SetEntry(library, options, "session.intra_op.allow_spinning", "1");
  SetEntry(library, options, "session.intra_op.spin_duration_us", kSpinMicroseconds);
  if (!request.provider.cores.empty()) {
    SetEntry(library, options, "session.intra_op_thread_affinities", ThreadAffinities(request.provider.cores, threads));
  }
}

// The caller's "provider.<key>" options after `own`, as the two arrays that the engine takes.
struct ProviderOptions {
  ProviderOptions(Options own, const CompileOptions& options) : pairs(std::move(own)) {
    for (const auto& [key, value] : options.engine_options) {
      if (key.starts_with(kProviderPrefix)) pairs.emplace_back(key.substr(sizeof(kProviderPrefix) - 1), value);
    }
    for (const auto& [key, value] : pairs) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
  Options pairs;
  std::vector<const char*> keys;
  std::vector<const char*> values;
};

// `given_options`: whose "provider.<key>" options are meant for it.
void AppendCuda(const SessionRequest& request, OrtSessionOptions* options, const CompileOptions& given_options) {
  const OrtLibrary& library = request.library;
  const OrtApi& api = library.api();
  OrtCUDAProviderOptionsV2* raw = nullptr;
  library.Check(api.CreateCUDAProviderOptions(&raw), OrtPhase::kSetup, "CUDA provider");
  const OrtHandle<OrtCUDAProviderOptionsV2> cuda(raw, {api.ReleaseCUDAProviderOptions});
  // fp32 means fp32: TF32 keeps 10 bits of mantissa.
  const ProviderOptions given({{"device_id", std::to_string(request.provider.index)}, {"use_tf32", "0"}}, given_options);
  library.Check(api.UpdateCUDAProviderOptions(cuda.get(), given.keys.data(), given.values.data(), given.keys.size()),
                OrtPhase::kSetup, "CUDA provider options");
  library.Check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda.get()), OrtPhase::kSetup, "CUDA provider");
}

void AppendTensorRt(const SessionRequest& request, OrtSessionOptions* options) {
  const OrtLibrary& library = request.library;
  const OrtApi& api = library.api();
  OrtTensorRTProviderOptionsV2* raw = nullptr;
  library.Check(api.CreateTensorRTProviderOptions(&raw), OrtPhase::kSetup, "TensorRT provider");
  const OrtHandle<OrtTensorRTProviderOptionsV2> tensorrt(raw, {api.ReleaseTensorRTProviderOptions});
  const char* half = request.precision == Precision::kFp16 ? "1" : "0";
  const ProviderOptions given({{"device_id", std::to_string(request.provider.index)}, {"trt_fp16_enable", half}},
                              request.options);
  library.Check(api.UpdateTensorRTProviderOptions(tensorrt.get(), given.keys.data(), given.values.data(), given.keys.size()),
                OrtPhase::kSetup, "TensorRT provider options");
  library.Check(api.SessionOptionsAppendExecutionProvider_TensorRT_V2(options, tensorrt.get()), OrtPhase::kSetup,
                "TensorRT provider");
}

void AppendPlugin(const SessionRequest& request, OrtSessionOptions* options) {
  const ProviderOptions given({}, request.options);
  const OrtLibrary& library = request.library;
  library.Check(library.api().SessionOptionsAppendExecutionProvider_V2(options, library.env(), &request.provider.ep_device, 1,
                                                                       given.keys.data(), given.values.data(),
                                                                       given.keys.size()),
                OrtPhase::kSetup, fmt::format("execution provider {}", request.provider.name));
}

// What a provider leaves over goes to the next: TensorRT, CUDA, CPU. The placement shows it.
void AppendProviders(const SessionRequest& request, OrtSessionOptions* options) {
  switch (request.provider.kind) {
    case ProviderChoice::Kind::kCpu:
      return;
    case ProviderChoice::Kind::kTensorRt:
      AppendTensorRt(request, options);
      AppendCuda(request, options, CompileOptions{});
      return;
    case ProviderChoice::Kind::kCuda:
      AppendCuda(request, options, request.options);
      return;
    case ProviderChoice::Kind::kPlugin:
      AppendPlugin(request, options);
      return;
  }
}

void SetEngineOptions(const SessionRequest& request, OrtSessionOptions* options) {
  const OrtLibrary& library = request.library;
  for (const auto& [key, value] : request.options.engine_options) {
    if (key == kProfilePrefixKey) {
      library.Check(library.api().EnableProfiling(options, value.c_str()), OrtPhase::kSetup, kProfilePrefixKey);
    } else if (!key.starts_with(kProviderPrefix)) {
      SetEntry(library, options, key, value);
    }
  }
}

}  // namespace

int ProviderChoice::Threads(int asked) const {
  if (kind != Kind::kCpu) return asked > 0 ? asked : 1;
  const int available = CoreSet::Available().size();
  if (asked > available) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} threads where this process may use {} cores; give 1 to {}", asked, available, available));
  }
  if (asked > 0) return asked;
  return cores.empty() ? available : cores.size();
}

CoreSet ProviderChoice::CallerCores(int threads) const {
  return threads > 1 && threads == cores.size() ? CoreSet({cores.cores().front()}) : cores;
}

std::string ThreadAffinities(const CoreSet& cores, int threads) {
  std::vector<std::string> all;
  for (int core : cores.cores()) all.push_back(std::to_string(core + 1));
  const bool one_each = threads == cores.size();
  std::vector<std::string> entries;
  for (int thread = 1; thread < threads; ++thread) entries.push_back(one_each ? all[thread] : Join(all, ","));
  return Join(entries, ";");
}

void SetEntry(const OrtLibrary& library, OrtSessionOptions* options, const std::string& key, const std::string& value) {
  library.Check(library.api().AddSessionConfigEntry(options, key.c_str(), value.c_str()), OrtPhase::kSetup,
                fmt::format("engine option {}={}", key, value));
}

OrtHandle<OrtSessionOptions> MakeSessionOptions(const SessionRequest& request) {
  const OrtLibrary& library = request.library;
  OrtSessionOptions* raw = nullptr;
  library.Check(library.api().CreateSessionOptions(&raw), OrtPhase::kSetup, "session options");
  OrtHandle<OrtSessionOptions> options(raw, {library.api().ReleaseSessionOptions});
  SetThreads(request, raw);
  library.Check(library.api().SetSessionGraphOptimizationLevel(raw, LevelOf(request.options.optimization)),
                OrtPhase::kSetup, "optimisation level");
  SetEntry(library, raw, "session.set_denormal_as_zero", request.options.flush_denormals ? "1" : "0");
  AppendProviders(request, raw);
  SetEngineOptions(request, raw);
  return options;
}

OrtHandle<OrtSession> CreateSession(const SessionRequest& request, OrtSessionOptions* options, const Model& model) {
  const OrtLibrary& library = request.library;
  if (model.has_external_data()) {
    SetEntry(library, options, "session.model_external_initializers_file_folder_path", model.data_folder().string());
  }
  const std::string bytes = model.Serialize();
  const ThreadScope scope(request.provider.cores, request.options.flush_denormals);
  OrtSession* session = nullptr;
  library.Check(library.api().CreateSessionFromArray(library.env(), bytes.data(), bytes.size(), options, &session),
                OrtPhase::kLoad, model.name());
  return OrtHandle<OrtSession>(session, {library.api().ReleaseSession});
}

}  // namespace consort
