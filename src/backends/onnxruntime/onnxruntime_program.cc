#include "backends/onnxruntime/onnxruntime_program.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace consort {
namespace {

struct TypePair {
  DataType ours;
  ONNXTensorElementDataType theirs;
};

constexpr TypePair kTypes[] = {
    {DataType::kFloat32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {DataType::kFloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    {DataType::kBFloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
    {DataType::kFloat64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {DataType::kInt8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {DataType::kUInt8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {DataType::kInt16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    {DataType::kUInt16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    {DataType::kInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {DataType::kUInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    {DataType::kInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {DataType::kUInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    {DataType::kBool, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {DataType::kInt4, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4},
    {DataType::kUInt4, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4},
    {DataType::kString, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
};

TensorSpec ReadSpec(const OrtLibrary& library, const OrtTensorTypeAndShapeInfo* info) {
  const OrtApi& api = library.api();
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  size_t rank = 0;
  library.Check(api.GetTensorElementType(info, &type), OrtPhase::kLoad, "element type");
  library.Check(api.GetDimensionsCount(info, &rank), OrtPhase::kLoad, "rank");
  TensorSpec spec{.dtype = FromOrt(type), .shape = Shape(rank)};
  library.Check(api.GetDimensions(info, spec.shape.data(), rank), OrtPhase::kLoad, "shape");
  for (int64_t& size : spec.shape) {
    if (size < 0) size = kDynamic;
  }
  return spec;
}

Port ReadPort(const OrtLibrary& library, const OrtTypeInfo* type, std::string name) {
  const OrtApi& api = library.api();
  const OrtTensorTypeAndShapeInfo* info = nullptr;
  library.Check(api.CastTypeInfoToTensorInfo(type, &info), OrtPhase::kLoad, "port type");
  Port port{.name = std::move(name)};
  if (info != nullptr) port.spec = ReadSpec(library, info);
  if (info == nullptr || BitWidth(port.spec.dtype) == 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("port '{}' is {}; ports must be numeric tensors: move that part of the model out of it", port.name,
                            info == nullptr ? "not a tensor" : fmt::format("a tensor of {}", ToString(port.spec.dtype))));
  }
  std::vector<const char*> names(port.spec.shape.size());
  library.Check(api.GetSymbolicDimensions(info, names.data(), names.size()), OrtPhase::kLoad, "dimension names");
  port.dim_names.assign(names.begin(), names.end());
  return port;
}

using CountFunction = decltype(OrtApi::SessionGetInputCount);
using NameFunction = decltype(OrtApi::SessionGetInputName);
using TypeFunction = decltype(OrtApi::SessionGetInputTypeInfo);

std::vector<Port> ReadPorts(const OrtLibrary& library, OrtSession* session, CountFunction count_of, NameFunction name_of,
                            TypeFunction type_of) {
  size_t count = 0;
  library.Check(count_of(session, &count), OrtPhase::kLoad, "ports");
  std::vector<Port> ports;
  for (size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    library.Check(name_of(session, i, library.allocator(), &name), OrtPhase::kLoad, "port name");
    OrtTypeInfo* raw = nullptr;
    std::string copy = library.TakeString(name);
    library.Check(type_of(session, i, &raw), OrtPhase::kLoad, "port type");
    const OrtHandle<OrtTypeInfo> type(raw, {library.api().ReleaseTypeInfo});
    ports.push_back(ReadPort(library, raw, std::move(copy)));
  }
  return ports;
}

// The kernel that a message of the engine is about ("… Name:'y_nchwc' Status Message …"), or "".
std::string KernelNamedIn(const std::string& message) {
  constexpr std::string_view kMark = "Name:'";
  const size_t mark = message.find(kMark);
  if (mark == std::string::npos) return "";
  const size_t begin = mark + kMark.size();
  return message.substr(begin, message.find('\'', begin) - begin);
}

// "Conv 'c1', Relu 'r1'": the ops that the kernel of this name covers.
std::string OpsOf(const Placement& placement, const std::string& kernel) {
  std::vector<std::string> ops;
  for (const OpPlacement& op : placement.ops) {
    if (op.kernel == kernel || op.kernel.starts_with(kernel + " (")) ops.push_back(fmt::format("{} '{}'", op.type, op.name));
  }
  return Join(ops);
}

}  // namespace

ONNXTensorElementDataType ToOrt(DataType dtype) {
  for (const TypePair& pair : kTypes) {
    if (pair.ours == dtype) return pair.theirs;
  }
  throw Error(ErrorCode::kUnsupported, fmt::format("ONNX Runtime takes no tensors of {}", ToString(dtype)));
}

DataType FromOrt(ONNXTensorElementDataType type) {
  for (const TypePair& pair : kTypes) {
    if (pair.theirs == type) return pair.ours;
  }
  return DataType::kOther;
}

Signature ReadSignature(const OrtLibrary& library, OrtSession* session) {
  const OrtApi& api = library.api();
  return {.inputs = ReadPorts(library, session, api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo),
          .outputs = ReadPorts(library, session, api.SessionGetOutputCount, api.SessionGetOutputName,
                               api.SessionGetOutputTypeInfo)};
}

OnnxRuntimeProgram::OnnxRuntimeProgram(OrtLibrary& library, OrtHandle<OrtSession> session, std::string name,
                                       Placement placement, bool profiling)
    : library_(library),
      name_(std::move(name)),
      session_(std::move(session)),
      signature_(ReadSignature(library, session_.get())),
      placement_(std::move(placement)),
      profiling_(profiling),
      identity_(std::make_shared<const char>()) {
  const OrtApi& api = library_.api();
  OrtMemoryInfo* host = nullptr;
  library_.Check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &host), OrtPhase::kSetup, "host memory");
  host_memory_ = OrtHandle<OrtMemoryInfo>(host, {api.ReleaseMemoryInfo});
  OrtRunOptions* run_options = nullptr;
  library_.Check(api.CreateRunOptions(&run_options), OrtPhase::kSetup, "run options");
  run_options_ = OrtHandle<OrtRunOptions>(run_options, {api.ReleaseRunOptions});
}

OnnxRuntimeProgram::~OnnxRuntimeProgram() {
  if (!profiling_) return;
  char* file = nullptr;
  OrtStatus* status = library_.api().SessionEndProfiling(session_.get(), library_.allocator(), &file);
  if (status == nullptr) {
    library_.TakeString(file);
  } else {
    library_.api().ReleaseStatus(status);
  }
}

void OnnxRuntimeProgram::Invoke(Binding& binding) {
  Call* call = static_cast<Call*>(binding.slot(identity_.get()));
  if (call == nullptr || call->version != binding.version()) {
    std::shared_ptr<Call> built = BuildCall(binding);
    call = built.get();
    binding.SetSlot(identity_.get(), std::move(built));
  }
  for (int port : call->engine_allocated) LeaveToEngine(*call, port);
  {
    std::lock_guard lock(interrupt_mutex_);
    running_ = &binding;
  }
  OrtStatus* status = library_.api().RunWithBinding(session_.get(), run_options_.get(), call->io.get());
  {
    std::lock_guard lock(interrupt_mutex_);
    running_ = nullptr;
    if (interrupted_) library_.Check(library_.api().RunOptionsUnsetTerminate(run_options_.get()), OrtPhase::kRun, name_);
    interrupted_ = false;
  }
  CheckRun(status);
  if (!call->engine_allocated.empty()) CollectOutputs(binding, *call);
}

// The engine names its own kernels, which the model's author does not know.
void OnnxRuntimeProgram::CheckRun(OrtStatus* status) const {
  try {
    library_.Check(status, OrtPhase::kRun, name_);
  } catch (const Error& error) {
    const std::string kernel = KernelNamedIn(error.what());
    const std::string ops = kernel.empty() ? "" : OpsOf(placement_, kernel);
    if (ops.empty()) throw;
    throw Error(error.code(), fmt::format("{} (it computes {})", error.what(), ops));
  }
}

void OnnxRuntimeProgram::Interrupt(Binding& binding) {
  std::lock_guard lock(interrupt_mutex_);
  if (running_ != &binding) return;
  interrupted_ = true;
  library_.Check(library_.api().RunOptionsSetTerminate(run_options_.get()), OrtPhase::kRun, name_);
}

std::shared_ptr<OnnxRuntimeProgram::Call> OnnxRuntimeProgram::BuildCall(Binding& binding) const {
  const OrtApi& api = library_.api();
  auto call = std::make_shared<Call>();
  call->owner = identity_;
  call->version = binding.version();
  OrtIoBinding* io = nullptr;
  library_.Check(api.CreateIoBinding(session_.get(), &io), OrtPhase::kRun, name_);
  call->io = OrtHandle<OrtIoBinding>(io, {api.ReleaseIoBinding});
  for (int port = 0; port < binding.input_count(); ++port) {
    const std::string& name = signature_.inputs[port].name;
    call->values.push_back(MakeValue(binding.input(port), name));
    library_.Check(api.BindInput(io, name.c_str(), call->values.back().get()), OrtPhase::kRun, name_);
  }
  BindOutputs(binding, *call);
  return call;
}

void OnnxRuntimeProgram::BindOutputs(Binding& binding, Call& call) const {
  for (int port = 0; port < binding.output_count(); ++port) {
    const Port& output = signature_.outputs[port];
    if (!binding.output_is_callers(port)) {
      if (!IsStatic(output.spec.shape)) {
        LeaveToEngine(call, port);
        call.engine_allocated.push_back(port);
        continue;
      }
      if (binding.output(port).empty()) binding.ProvideOutput(port, Buffer::Allocate(output.spec));
    }
    call.values.push_back(MakeValue(binding.output(port), output.name));
    library_.Check(library_.api().BindOutput(call.io.get(), output.name.c_str(), call.values.back().get()), OrtPhase::kRun,
                   name_);
  }
}

// Without a fresh entry the engine would write into the tensor of the call before, which the caller may still hold.
void OnnxRuntimeProgram::LeaveToEngine(Call& call, int port) const {
  library_.Check(library_.api().BindOutputToDevice(call.io.get(), signature_.outputs[port].name.c_str(), host_memory_.get()),
                 OrtPhase::kRun, name_);
}

void OnnxRuntimeProgram::CollectOutputs(Binding& binding, Call& call) const {
  OrtValue** values = nullptr;
  size_t count = 0;
  library_.Check(library_.api().GetBoundOutputValues(call.io.get(), library_.allocator(), &values, &count), OrtPhase::kRun,
                 name_);
  std::vector<OrtHandle<OrtValue>> owned;
  for (size_t i = 0; i < count; ++i) owned.emplace_back(values[i], OrtRelease<OrtValue>{library_.api().ReleaseValue});
  library_.Check(library_.api().AllocatorFree(library_.allocator(), values), OrtPhase::kRun, name_);
  for (int port : call.engine_allocated) {
    binding.ProvideOutput(port, WrapValue(owned.at(port).release(), signature_.outputs[port].name));
  }
}

Buffer OnnxRuntimeProgram::WrapValue(OrtValue* value, const std::string& port) const {
  const OrtApi& api = library_.api();
  const std::shared_ptr<void> owner(value, [&api](void* held) { api.ReleaseValue(static_cast<OrtValue*>(held)); });
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  library_.Check(api.GetTensorTypeAndShape(value, &raw), OrtPhase::kRun, fmt::format("{}: output '{}'", name_, port));
  const OrtHandle<OrtTensorTypeAndShapeInfo> info(raw, {api.ReleaseTensorTypeAndShapeInfo});
  void* data = nullptr;
  library_.Check(api.GetTensorMutableData(value, &data), OrtPhase::kRun, fmt::format("{}: output '{}'", name_, port));
  return Buffer::Wrap(ReadSpec(library_, raw), {}, data, owner);
}

OrtHandle<OrtValue> OnnxRuntimeProgram::MakeValue(const Buffer& buffer, const std::string& port) const {
  static char nothing = 0;  // the engine refuses a null pointer even for no bytes
  void* data = buffer.size_bytes() == 0 ? &nothing : const_cast<void*>(buffer.data());
  const Shape& shape = buffer.spec().shape;
  OrtValue* value = nullptr;
  library_.Check(library_.api().CreateTensorWithDataAsOrtValue(MemoryOf(buffer), data, buffer.size_bytes(), shape.data(),
                                                               shape.size(), ToOrt(buffer.spec().dtype), &value),
                 OrtPhase::kRun, fmt::format("{}: port '{}'", name_, port));
  return OrtHandle<OrtValue>(value, {library_.api().ReleaseValue});
}

const OrtMemoryInfo* OnnxRuntimeProgram::MemoryOf(const Buffer& buffer) const {
  if (buffer.space().host_readable()) return host_memory_.get();
  if (device_memory_ == nullptr) {
    OrtMemoryInfo* memory = nullptr;
    library_.Check(library_.api().CreateMemoryInfo("Cuda", OrtDeviceAllocator, buffer.space().device_index, OrtMemTypeDefault,
                                                   &memory),
                   OrtPhase::kSetup, "CUDA memory");
    device_memory_ = OrtHandle<OrtMemoryInfo>(memory, {library_.api().ReleaseMemoryInfo});
  }
  return device_memory_.get();
}

}  // namespace consort
