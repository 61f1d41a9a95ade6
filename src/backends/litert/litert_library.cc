#include "backends/litert/litert_library.h"

#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "consort/error.h"

namespace consort::litert {
namespace {

std::vector<std::string> Candidates() {
  // A library that the user names is the only candidate: another one must not stand in for it.
  if (const char* named = std::getenv("CONSORT_LITERT_LIBRARY"); named != nullptr && *named != '\0') return {named};
  return {CONSORT_DEPS_DIR "/litert/lib/libtensorflowlite.so", "libtensorflowlite_c.so", "libtensorflowlite.so"};
}

DynamicLibrary Load() {
  try {
    return DynamicLibrary::Open("LiteRT", Candidates());
  } catch (const Error& error) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}; run 'make setup', or set CONSORT_LITERT_LIBRARY to a libtensorflowlite", error.what()));
  }
}

}  // namespace

const LiteRtLibrary& LiteRtLibrary::Get() {
  // Never destroyed: a thread that a driver holds may still use it when the process ends.
  static const auto* library = new LiteRtLibrary(Load());
  return *library;
}

LiteRtLibrary::LiteRtLibrary(DynamicLibrary library) : library_(std::move(library)) {
  const auto load = [this]<typename T>(T& function, const char* name) { function = library_.Symbol<T>(name); };
  load(Version, "TfLiteVersion");
  load(ModelCreate, "TfLiteModelCreateWithErrorReporter");
  load(ModelDelete, "TfLiteModelDelete");
  load(OptionsCreate, "TfLiteInterpreterOptionsCreate");
  load(OptionsDelete, "TfLiteInterpreterOptionsDelete");
  load(OptionsSetNumThreads, "TfLiteInterpreterOptionsSetNumThreads");
  load(OptionsSetErrorReporter, "TfLiteInterpreterOptionsSetErrorReporter");
  load(OptionsAddDelegate, "TfLiteInterpreterOptionsAddDelegate");
  load(OptionsEnableCancellation, "TfLiteInterpreterOptionsEnableCancellation");
  load(InterpreterCreate, "TfLiteInterpreterCreate");
  load(InterpreterDelete, "TfLiteInterpreterDelete");
  load(AllocateTensors, "TfLiteInterpreterAllocateTensors");
  load(Invoke, "TfLiteInterpreterInvoke");
  load(Cancel, "TfLiteInterpreterCancel");
  load(ResizeInputTensor, "TfLiteInterpreterResizeInputTensor");
  load(InputCount, "TfLiteInterpreterGetInputTensorCount");
  load(InputTensor, "TfLiteInterpreterGetInputTensor");
  load(OutputCount, "TfLiteInterpreterGetOutputTensorCount");
  load(OutputTensor, "TfLiteInterpreterGetOutputTensor");
  load(TensorType, "TfLiteTensorType");
  load(TensorNumDims, "TfLiteTensorNumDims");
  load(TensorDim, "TfLiteTensorDim");
  load(TensorByteSize, "TfLiteTensorByteSize");
  load(TensorData, "TfLiteTensorData");
  load(TensorName, "TfLiteTensorName");
  load(TensorQuantization, "TfLiteOpaqueTensorGetQuantization");
  load(TensorNumDimsSignature, "TfLiteOpaqueTensorGetNumDimsSignature");
  load(TensorDimSignature, "TfLiteOpaqueTensorGetDimSignature");
  load(TensorAllocationType, "TfLiteOpaqueTensorGetAllocationType");
  load(DelegateCreate, "TfLiteOpaqueDelegateCreate");
  load(DelegateDelete, "TfLiteOpaqueDelegateDelete");
  load(ExecutionPlan, "TfLiteOpaqueContextGetExecutionPlan");
  load(NodeAndRegistration, "TfLiteOpaqueContextGetNodeAndRegistration");
  load(ContextTensor, "TfLiteOpaqueContextGetOpaqueTensor");
  load(NodeOutputs, "TfLiteOpaqueNodeOutputs");
  load(OperatorCode, "TfLiteOperatorGetBuiltInCode");
  load(OperatorName, "TfLiteOperatorGetCustomName");
  load(XnnpackOptionsDefault, "TfLiteXNNPackDelegateOptionsDefault");
  load(XnnpackCreate, "TfLiteXNNPackDelegateCreate");
  load(XnnpackDelete, "TfLiteXNNPackDelegateDelete");
  // The library announces itself on stderr. 3 is "errors only", "silent" in older versions; what fails reaches our own
  // reporter.
  using SetSeverity = int (*)(int);
  constexpr char kSetSeverity[] =
      "_ZN6tflite16logging_internal13MinimalLogger21SetMinimumLogSeverityENS_11LogSeverityE";
  if (const auto set = library_.OptionalSymbol<SetSeverity>(kSetSeverity)) set(3);
}

}  // namespace consort::litert
