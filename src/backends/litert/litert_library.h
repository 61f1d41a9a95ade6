// The functions of the LiteRT library, loaded at run time.
#ifndef CONSORT_BACKENDS_LITERT_LITERT_LIBRARY_H_
#define CONSORT_BACKENDS_LITERT_LITERT_LIBRARY_H_

#include <cstdint>
#include <string>

#include "base/dynamic_library.h"
#include "tensorflow/lite/core/c/c_api.h"
#include "tensorflow/lite/core/c/c_api_experimental.h"
#include "tensorflow/lite/core/c/c_api_opaque.h"

namespace consort::litert {

// The beginning of TfLiteXNNPackDelegateOptions, which the headers at hand lack: the library writes as much as its
// version of the structure holds (below 100 bytes in 2.21), and reads back what it wrote. Returned in memory, as every
// structure above 16 bytes.
struct XnnpackOptions {
  int32_t num_threads;
  uint32_t runtime_flags;
  uint32_t flags;
  unsigned char rest[500];
};

// Renamed between the headers' version (TfLiteRegistrationExternal) and the library's (TfLiteOperator).
using OperatorCodeOf = int32_t (*)(const void* registration);
using OperatorNameOf = const char* (*)(const void* registration);

// Immutable; thread-safe. Members are the C functions without "TfLite".
class LiteRtLibrary {
 public:
  // Loads the library at the first call that finds one. Throws kUnsupported with the remedy.
  static const LiteRtLibrary& Get();

  const std::string& path() const { return library_.path(); }
  std::string version() const { return Version(); }

  decltype(&TfLiteVersion) Version;
  decltype(&TfLiteModelCreateWithErrorReporter) ModelCreate;
  decltype(&TfLiteModelDelete) ModelDelete;
  decltype(&TfLiteInterpreterOptionsCreate) OptionsCreate;
  decltype(&TfLiteInterpreterOptionsDelete) OptionsDelete;
  decltype(&TfLiteInterpreterOptionsSetNumThreads) OptionsSetNumThreads;
  decltype(&TfLiteInterpreterOptionsSetErrorReporter) OptionsSetErrorReporter;
  decltype(&TfLiteInterpreterOptionsAddDelegate) OptionsAddDelegate;
  decltype(&TfLiteInterpreterOptionsEnableCancellation) OptionsEnableCancellation;
  decltype(&TfLiteInterpreterCreate) InterpreterCreate;
  decltype(&TfLiteInterpreterDelete) InterpreterDelete;
  decltype(&TfLiteInterpreterAllocateTensors) AllocateTensors;
  decltype(&TfLiteInterpreterInvoke) Invoke;
  decltype(&TfLiteInterpreterCancel) Cancel;
  decltype(&TfLiteInterpreterResizeInputTensor) ResizeInputTensor;
  decltype(&TfLiteInterpreterGetInputTensorCount) InputCount;
  decltype(&TfLiteInterpreterGetInputTensor) InputTensor;
  decltype(&TfLiteInterpreterGetOutputTensorCount) OutputCount;
  decltype(&TfLiteInterpreterGetOutputTensor) OutputTensor;

  decltype(&TfLiteTensorType) TensorType;
  decltype(&TfLiteTensorNumDims) TensorNumDims;
  decltype(&TfLiteTensorDim) TensorDim;
  decltype(&TfLiteTensorByteSize) TensorByteSize;
  decltype(&TfLiteTensorData) TensorData;
  decltype(&TfLiteTensorName) TensorName;
  decltype(&TfLiteOpaqueTensorGetQuantization) TensorQuantization;
  decltype(&TfLiteOpaqueTensorGetNumDimsSignature) TensorNumDimsSignature;
  decltype(&TfLiteOpaqueTensorGetDimSignature) TensorDimSignature;
  decltype(&TfLiteOpaqueTensorGetAllocationType) TensorAllocationType;

  decltype(&TfLiteOpaqueDelegateCreate) DelegateCreate;
  decltype(&TfLiteOpaqueDelegateDelete) DelegateDelete;
  decltype(&TfLiteOpaqueContextGetExecutionPlan) ExecutionPlan;
  decltype(&TfLiteOpaqueContextGetNodeAndRegistration) NodeAndRegistration;
  decltype(&TfLiteOpaqueContextGetOpaqueTensor) ContextTensor;
  decltype(&TfLiteOpaqueNodeOutputs) NodeOutputs;
  OperatorCodeOf OperatorCode;
  OperatorNameOf OperatorName;

  XnnpackOptions (*XnnpackOptionsDefault)();
  TfLiteDelegate* (*XnnpackCreate)(const XnnpackOptions* options);
  void (*XnnpackDelete)(TfLiteDelegate* delegate);

 private:
  explicit LiteRtLibrary(DynamicLibrary library);

  DynamicLibrary library_;
};

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_LITERT_LIBRARY_H_
