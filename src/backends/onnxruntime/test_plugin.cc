// A plugin execution provider for the tests: computes float Relu on the CPU and leaves every other op to the engine.
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace {

constexpr char kName[] = "ReluExecutionProvider";
constexpr uint32_t kVersion = 24;

const OrtApi* api = nullptr;

struct ReluKernel : OrtNodeComputeInfo {
  ReluKernel() : OrtNodeComputeInfo{} {
    ort_version_supported = kVersion;
    CreateState = [](OrtNodeComputeInfo*, OrtNodeComputeContext*, void** state) -> OrtStatus* {
      *state = nullptr;
      return nullptr;
    };
    Compute = [](OrtNodeComputeInfo*, void*, OrtKernelContext* context) -> OrtStatus* { return Run(context); };
    ReleaseState = [](OrtNodeComputeInfo*, void*) {};
  }

  static OrtStatus* Run(OrtKernelContext* context) {
    const OrtValue* input = nullptr;
    OrtTensorTypeAndShapeInfo* info = nullptr;
    if (OrtStatus* status = api->KernelContext_GetInput(context, 0, &input)) return status;
    if (OrtStatus* status = api->GetTensorTypeAndShape(input, &info)) return status;
    const std::unique_ptr<OrtTensorTypeAndShapeInfo, decltype(api->ReleaseTensorTypeAndShapeInfo)> held(
        info, api->ReleaseTensorTypeAndShapeInfo);
    size_t rank = 0;
    size_t count = 0;
    if (OrtStatus* status = api->GetDimensionsCount(info, &rank)) return status;
    if (OrtStatus* status = api->GetTensorShapeElementCount(info, &count)) return status;
    std::vector<int64_t> shape(rank);
    if (OrtStatus* status = api->GetDimensions(info, shape.data(), rank)) return status;
    OrtValue* output = nullptr;
    if (OrtStatus* status = api->KernelContext_GetOutput(context, 0, shape.data(), rank, &output)) return status;
    void* from = nullptr;
    void* to = nullptr;
    if (OrtStatus* status = api->GetTensorMutableData(const_cast<OrtValue*>(input), &from)) return status;
    if (OrtStatus* status = api->GetTensorMutableData(output, &to)) return status;
    std::transform(static_cast<float*>(from), static_cast<float*>(from) + count, static_cast<float*>(to),
                   [](float value) { return std::max(value, 0.0F); });
    return nullptr;
  }
};

struct ReluProvider : OrtEp {
  ReluProvider() : OrtEp{} {
    ort_version_supported = kVersion;
    GetName = [](const OrtEp*) noexcept { return kName; };
    GetCapability = [](OrtEp*, const OrtGraph* graph, OrtEpGraphSupportInfo* support) noexcept -> OrtStatus* {
      return Claim(graph, support);
    };
    Compile = [](OrtEp*, const OrtGraph**, const OrtNode**, size_t count, OrtNodeComputeInfo** kernels,
                 OrtNode**) noexcept -> OrtStatus* {
      for (size_t i = 0; i < count; ++i) kernels[i] = new ReluKernel;
      return nullptr;
    };
    ReleaseNodeComputeInfos = [](OrtEp*, OrtNodeComputeInfo** kernels, size_t count) noexcept {
      for (size_t i = 0; i < count; ++i) delete static_cast<ReluKernel*>(kernels[i]);
    };
  }

  static OrtStatus* Claim(const OrtGraph* graph, OrtEpGraphSupportInfo* support) {
    size_t count = 0;
    if (OrtStatus* status = api->Graph_GetNumNodes(graph, &count)) return status;
    std::vector<const OrtNode*> nodes(count);
    if (OrtStatus* status = api->Graph_GetNodes(graph, nodes.data(), count)) return status;
    for (const OrtNode* node : nodes) {
      const char* type = nullptr;
      if (OrtStatus* status = api->Node_GetOperatorType(node, &type)) return status;
      if (std::string_view(type) != "Relu") continue;
      if (OrtStatus* status = api->GetEpApi()->EpGraphSupportInfo_AddNodesToFuse(support, &node, 1, nullptr)) return status;
    }
    return nullptr;
  }
};

struct ReluFactory : OrtEpFactory {
  ReluFactory() : OrtEpFactory{} {
    ort_version_supported = kVersion;
    GetName = [](const OrtEpFactory*) noexcept { return kName; };
    GetVendor = [](const OrtEpFactory*) noexcept { return "Consort tests"; };
    GetVendorId = [](const OrtEpFactory*) noexcept -> uint32_t { return 0; };
    GetVersion = [](const OrtEpFactory*) noexcept { return "1.0.0"; };
    GetSupportedDevices = [](OrtEpFactory* self, const OrtHardwareDevice* const* devices, size_t count,
                             OrtEpDevice** offered, size_t most, size_t* offered_count) noexcept -> OrtStatus* {
      *offered_count = 0;
      for (size_t i = 0; i < count && *offered_count < most; ++i) {
        if (api->HardwareDevice_Type(devices[i]) != OrtHardwareDeviceType_CPU) continue;
        if (OrtStatus* status = api->GetEpApi()->CreateEpDevice(self, devices[i], nullptr, nullptr, &offered[*offered_count])) {
          return status;
        }
        ++*offered_count;
      }
      return nullptr;
    };
    CreateEp = [](OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const*, size_t,
                  const OrtSessionOptions*, const OrtLogger*, OrtEp** provider) noexcept -> OrtStatus* {
      *provider = new ReluProvider;
      return nullptr;
    };
    ReleaseEp = [](OrtEpFactory*, OrtEp* provider) noexcept { delete static_cast<ReluProvider*>(provider); };
    CreateAllocator = [](OrtEpFactory*, const OrtMemoryInfo*, const OrtKeyValuePairs*,
                         OrtAllocator** allocator) noexcept -> OrtStatus* {
      *allocator = nullptr;
      return nullptr;
    };
    ReleaseAllocator = [](OrtEpFactory*, OrtAllocator*) noexcept {};
    CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** transfer) noexcept -> OrtStatus* {
      *transfer = nullptr;
      return nullptr;
    };
    IsStreamAware = [](const OrtEpFactory*) noexcept { return false; };
  }
};

}  // namespace

extern "C" {

OrtStatus* CreateEpFactories(const char*, const OrtApiBase* base, const OrtLogger*, OrtEpFactory** factories, size_t most,
                             size_t* count) {
  api = base->GetApi(kVersion);
  *count = 0;
  if (most > 0) factories[(*count)++] = new ReluFactory;
  return nullptr;
}

OrtStatus* ReleaseEpFactory(OrtEpFactory* factory) {
  delete static_cast<ReluFactory*>(factory);
  return nullptr;
}

}  // extern "C"
