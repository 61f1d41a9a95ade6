// From compile options to an ONNX Runtime session.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_SESSION_SETUP_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_SESSION_SETUP_H_

#include <filesystem>
#include <optional>
#include <string>

#include "backends/onnxruntime/ort_library.h"
#include "consort/device.h"

namespace consort {

// Which provider of a library computes, and on what.
struct ProviderChoice {
  enum class Kind : uint8_t { kCpu, kCuda, kTensorRt, kPlugin };
  Kind kind = Kind::kCpu;
  std::string name = "CPUExecutionProvider";  // as the engine reports it
  int index = 0;                              // kCuda, kTensorRt: the CUDA device
  const OrtEpDevice* ep_device = nullptr;     // kPlugin
  CoreSet cores;                              // empty: not confined

  // Threads that compute one call: what was asked for, else one per core of a CPU, one for accelerators.
  // Throws kInvalidArgument for more threads than the process has cores.
  int Threads(int asked) const;
  // Where the calling thread computes: on the first core when every thread has one of its own, else on any.
  CoreSet CallerCores(int threads) const;
};

// What one session is made from. The references must outlive the call only.
struct SessionRequest {
  OrtLibrary& library;
  const ProviderChoice& provider;
  const CompileOptions& options;
  std::optional<Precision> precision;
};

// Engine options that Consort takes out for itself; every other key goes to the engine as a session configuration entry.
//   consort.profile_prefix   the engine profiles every node and writes <value>_<date>.json when the executable is destroyed
//   provider.<key>           an option of the CUDA, TensorRT or plugin provider
inline constexpr char kProfilePrefixKey[] = "consort.profile_prefix";
inline constexpr char kProviderPrefix[] = "provider.";

// Threads, optimisation, denormals, provider, engine options, in this order, so that the caller's engine options win.
OrtHandle<OrtSessionOptions> MakeSessionOptions(const SessionRequest& request);

// Adds one configuration entry.
void SetEntry(const OrtLibrary& library, OrtSessionOptions* options, const std::string& key, const std::string& value);

// The session of `model`, whose external data is read from its own folder only. Threads that the engine starts inherit the
// floating-point mode that was asked for; the calling thread's stays. Throws kInvalidModel, kUnsupported, kOutOfMemory.
OrtHandle<OrtSession> CreateSession(const SessionRequest& request, OrtSessionOptions* options, const Model& model);

// "2;3": for each of the engine's own threads (all but the caller's) the cores that it may use, in the engine's numbering, which
// begins at 1. One core each when there are as many threads as cores; otherwise every thread may use all of them.
std::string ThreadAffinities(const CoreSet& cores, int threads);

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_SESSION_SETUP_H_
