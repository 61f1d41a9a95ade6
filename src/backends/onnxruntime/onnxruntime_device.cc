#include "backends/onnxruntime/onnxruntime_device.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/onnxruntime/cuda_driver.h"
#include "backends/onnxruntime/onnxruntime_program.h"
#include "backends/onnxruntime/session_placement.h"

namespace consort {
namespace {

using Kind = ProviderChoice::Kind;

bool IsQuantized(const Graph& graph) {
  return std::any_of(graph.ops().begin(), graph.ops().end(), [](const Op& op) {
    return op.type == "QuantizeLinear" || op.type == "DequantizeLinear" || op.type.starts_with("QLinear") ||
           op.type.ends_with("Integer");
  });
}

bool HasTensorOf(const Graph& graph, DataType dtype) {
  return std::any_of(graph.tensors().begin(), graph.tensors().end(),
                     [&](const Tensor& tensor) { return tensor.spec.dtype == dtype; });
}

const Model& ModelOf(const Artifact& artifact) {
  if (artifact.kind() == ArtifactKind::kOnnx) return artifact.model();
  throw Error(ErrorCode::kUnsupported,
              fmt::format("'{}' is a {} file; the onnxruntime backend takes ONNX models{}", artifact.name(),
                          ToString(artifact.kind()),
                          artifact.kind() == ArtifactKind::kTfLite ? ": use the litert backend (cpu@litert)" : ""));
}

bool Profiles(const CompileOptions& options) {
  return std::any_of(options.engine_options.begin(), options.engine_options.end(),
                     [](const auto& entry) { return entry.first == kProfilePrefixKey; });
}

std::string DeviceText(const Target& target) {
  return target.unit.empty() ? target.device : fmt::format("{}:{}", target.device, target.unit);
}

}  // namespace

std::unique_ptr<Executable> OnnxRuntimeDevice::Compile(const Artifact& artifact, const CompileOptions& options) {
  const Model& model = ModelOf(artifact);
  CheckPrecision(model.graph());
  const std::optional<Precision> precision = info_.target.precision;
  const SessionRequest request{library_, provider_, options, precision};
  const OrtHandle<OrtSessionOptions> session_options = MakeSessionOptions(request);
  // Providers that compile subgraphs leave a graph that the engine cannot write.
  const bool writes_graph = provider_.kind == Kind::kCpu || provider_.kind == Kind::kCuda;
  std::optional<SessionRecorder> recorder;
  if (options.prove_placement) recorder.emplace(library_, session_options.get(), writes_graph);
  OrtHandle<OrtSession> session = CreateSession(request, session_options.get(), model);

  const PlacementQuestion question{.device = DeviceText(info_.target), .provider = provider_.name,
                                   .only_provider = provider_.kind == Kind::kCpu, .precision = precision};
  Placement placement = recorder ? MakePlacement(model.graph(), recorder->Read(session.get()), question)
                                 : UnprovenPlacement(model.graph(), question.device);
  auto program = std::make_shared<OnnxRuntimeProgram>(library_, std::move(session), model.name(), std::move(placement),
                                                      Profiles(options));
  return MakeExecutable(std::move(program), {.execution = options.execution,
                                             .cores = provider_.CallerCores(provider_.Threads(options.threads)),
                                             .flush_denormals = options.flush_denormals,
                                             .max_in_flight = options.max_in_flight, .clock = clock_});
}

void OnnxRuntimeDevice::CheckPrecision(const Graph& graph) const {
  const std::optional<Precision> precision = info_.target.precision;
  if (!precision || *precision == Precision::kFp32) return;
  const auto refuse = [&](std::string_view way_out) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} does not compute '{}' in {}: {}", provider_.name, graph.name(),
                                                     ToString(*precision), way_out));
  };
  if (*precision == Precision::kInt8 || *precision == Precision::kUInt8) {
    if (!IsQuantized(graph)) refuse("the model holds no quantized ops; quantize it first");
    return;
  }
  if (provider_.kind == Kind::kTensorRt || provider_.kind == Kind::kPlugin) return;
  if (provider_.kind == Kind::kCpu) refuse("ask for fp32, or use cpu@openvino, which has kernels for it");
  const DataType held = *precision == Precision::kFp16 ? DataType::kFloat16 : DataType::kBFloat16;
  if (!HasTensorOf(graph, held)) refuse("CUDA computes in what the model holds; convert the model first, or use tensorrt");
}

Buffer OnnxRuntimeDevice::Allocate(const TensorSpec& spec, MemorySpace space) {
  if (space == MemorySpace{}) return Buffer::Allocate(spec);
  if (std::find(info_.spaces.begin(), info_.spaces.end(), space) != info_.spaces.end()) {
    return AllocateCuda(spec, space.device_index);
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} has no {} memory", info_.target.ToString(), ToString(space)));
}

}  // namespace consort
