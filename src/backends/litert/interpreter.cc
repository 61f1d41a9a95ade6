#include "backends/litert/interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "backends/litert/edgetpu_plugin.h"
#include "backends/litert/tflite_check.h"
#include "base/strings.h"
#include "tflite/operator_names.h"

namespace consort::litert {
namespace {

constexpr size_t kLogLimit = 1000;

// The structure of the headers, and room for members that the library's version adds; all zero.
union DelegateBuilder {
  TfLiteOpaqueDelegateBuilder builder;
  unsigned char room[256];
};

bool IsQuantized(const LiteRtLibrary& library, const TfLiteOpaqueTensor* tensor) {
  return library.TensorQuantization(tensor).type == kTfLiteAffineQuantization;
}

// The library's messages name its sources by where they lay when it was built: only the file's name is of use.
std::string WithoutSourceFolders(const std::string& text) {
  std::vector<std::string> words = Split(text, ' ');
  for (std::string& word : words) {
    const bool is_source = word.find(".cc") != std::string::npos || word.find(".h:") != std::string::npos;
    if (is_source && word.front() == '/') word.erase(0, word.rfind('/') + 1);
  }
  return Join(words, " ");
}

// Reasons that lie with the library and not with the model.
bool IsLackOfLibrary(std::string reason) {
  std::transform(reason.begin(), reason.end(), reason.begin(), [](unsigned char c) { return std::tolower(c); });
  return reason.find("unresolved custom op") != std::string::npos ||
         reason.find("didn't find op for builtin opcode") != std::string::npos ||
         reason.find("unsupported builtin op") != std::string::npos;
}

}  // namespace

DataType FromLiteRt(TfLiteType type) {
  switch (type) {
    case kTfLiteFloat32:
      return DataType::kFloat32;
    case kTfLiteFloat16:
      return DataType::kFloat16;
    case kTfLiteFloat64:
      return DataType::kFloat64;
    case kTfLiteInt8:
      return DataType::kInt8;
    case kTfLiteUInt8:
      return DataType::kUInt8;
    case kTfLiteInt16:
      return DataType::kInt16;
    case kTfLiteUInt16:
      return DataType::kUInt16;
    case kTfLiteInt32:
      return DataType::kInt32;
    case kTfLiteUInt32:
      return DataType::kUInt32;
    case kTfLiteInt64:
      return DataType::kInt64;
    case kTfLiteUInt64:
      return DataType::kUInt64;
    case kTfLiteBool:
      return DataType::kBool;
    case kTfLiteString:
      return DataType::kString;
    default:
      return DataType::kOther;
  }
}

void ErrorLog::Report(void* log, const char* format, va_list arguments) {
  char line[300];
  std::vsnprintf(line, sizeof(line), format, arguments);
  std::string& text = static_cast<ErrorLog*>(log)->text_;
  if (text.size() > kLogLimit) return;
  if (!text.empty()) text += "; ";
  text += line;
}

std::string ErrorLog::Take() {
  std::replace(text_.begin(), text_.end(), '\n', ' ');
  while (!text_.empty() && text_.back() == ' ') text_.pop_back();
  std::string text = text_.empty() ? "no reason was given" : WithoutSourceFolders(text_);
  text_.clear();
  return text;
}

Interpreter::Interpreter(std::shared_ptr<const std::string> bytes, const InterpreterOptions& options, std::string place)
    : library_(LiteRtLibrary::Get()),
      bytes_(std::move(bytes)),
      place_(std::move(place)),
      accelerator_(options.accelerator) {
  const std::unique_ptr<TfLiteInterpreterOptions, decltype(library_.OptionsDelete)> engine(library_.OptionsCreate(),
                                                                                           library_.OptionsDelete);
  try {
    LoadModel();
    library_.OptionsSetNumThreads(engine.get(), options.threads);
    library_.OptionsSetErrorReporter(engine.get(), &ErrorLog::Report, &log_);
    library_.OptionsEnableCancellation(engine.get(), true);
    AddDelegates(engine.get(), options);
    interpreter_ = library_.InterpreterCreate(model_, engine.get());
    if (interpreter_ == nullptr) Fail(kTfLiteError, ErrorCode::kInvalidModel, "LiteRT cannot prepare the model");
    const TfLiteStatus status = library_.AllocateTensors(interpreter_);
    if (status != kTfLiteOk) Fail(status, ErrorCode::kInvalidModel, "LiteRT cannot prepare the model");
    ready_ = true;
  } catch (...) {
    Release();
    throw;
  }
}

Interpreter::~Interpreter() { Release(); }

// The interpreter uses the delegates and the model until it is gone.
void Interpreter::Release() {
  if (interpreter_ != nullptr) library_.InterpreterDelete(interpreter_);
  if (xnnpack_ != nullptr) library_.XnnpackDelete(xnnpack_);
  for (Probe* probe : {&before_, &between_, &after_}) {
    if (probe->delegate != nullptr) library_.DelegateDelete(probe->delegate);
  }
  if (model_ != nullptr) library_.ModelDelete(model_);
}

void Interpreter::LoadModel() {
  model_ = library_.ModelCreate(bytes_->data(), bytes_->size(), &ErrorLog::Report, &log_);
  if (model_ == nullptr) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not a valid .tflite model: {}", place_, log_.Take()));
  }
  CheckIndices(*bytes_, place_);
}

void Interpreter::AddDelegates(TfLiteInterpreterOptions* options, const InterpreterOptions& wanted) {
  AddProbe(options, before_);
  if (accelerator_ != nullptr) {
    library_.OptionsAddDelegate(options, reinterpret_cast<TfLiteOpaqueDelegate*>(accelerator_.get()));
    AddProbe(options, between_);
  }
  if (wanted.xnnpack) AddXnnpack(options, wanted);
  if (wanted.prove_placement) AddProbe(options, after_);
}

void Interpreter::AddProbe(TfLiteInterpreterOptions* options, Probe& probe) {
  probe.library = &library_;
  DelegateBuilder builder = {};
  builder.builder.data = &probe;
  builder.builder.Prepare = &Interpreter::Look;
  builder.builder.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  probe.delegate = library_.DelegateCreate(&builder.builder);
  library_.OptionsAddDelegate(options, probe.delegate);
}

void Interpreter::AddXnnpack(TfLiteInterpreterOptions* options, const InterpreterOptions& wanted) {
  XnnpackOptions xnnpack = library_.XnnpackOptionsDefault();
  if (xnnpack.num_threads < 0 || xnnpack.num_threads > 1024) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {} lays out its XNNPACK options in an unknown way; compile with "
                            "optimization none",
                            place_, library_.path()));
  }
  xnnpack.num_threads = wanted.threads;
  xnnpack.flags = wanted.xnnpack_flags.value_or(xnnpack.flags);
  xnnpack_ = library_.XnnpackCreate(&xnnpack);
  if (xnnpack_ == nullptr) throw Error(ErrorCode::kUnsupported, place_ + ": XNNPACK cannot be set up");
  library_.OptionsAddDelegate(options, reinterpret_cast<TfLiteOpaqueDelegate*>(xnnpack_));
}

TfLiteStatus Interpreter::Look(TfLiteOpaqueContext* context, TfLiteOpaqueDelegate* /*delegate*/, void* data) {
  auto& probe = *static_cast<Probe*>(data);
  const LiteRtLibrary& library = *probe.library;
  TfLiteIntArray* plan = nullptr;
  probe.nodes.clear();
  if (library.ExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteOk;
  const std::vector<int> indices(plan->data, plan->data + plan->size);
  for (int index : indices) {
    TfLiteOpaqueNode* node = nullptr;
    TfLiteRegistrationExternal* registration = nullptr;
    if (library.NodeAndRegistration(context, index, &node, &registration) != kTfLiteOk) continue;
    PlanNode& seen = probe.nodes.emplace_back();
    seen.index = index;
    const char* custom = library.OperatorName(registration);
    seen.type = custom != nullptr ? custom : std::string(tflite::BuiltinName(library.OperatorCode(registration)));
    const int* outputs = nullptr;
    int count = 0;
    if (library.NodeOutputs(node, &outputs, &count) != kTfLiteOk || count == 0 || outputs[0] < 0) continue;
    const TfLiteOpaqueTensor* tensor = library.ContextTensor(context, outputs[0]);
    const auto* plain = reinterpret_cast<const TfLiteTensor*>(tensor);
    if (const char* name = library.TensorName(plain)) seen.output = name;
    seen.output_type = FromLiteRt(library.TensorType(plain));
    seen.quantized = IsQuantized(library, tensor);
  }
  return kTfLiteOk;
}

void Interpreter::Fail(TfLiteStatus status, ErrorCode code, const std::string& what) {
  const std::string reason = log_.Take();
  if (status == kTfLiteCancelled) throw Error(ErrorCode::kCancelled, place_ + ": the call was cancelled");
  if (accelerator_ != nullptr) {
    if (code == ErrorCode::kInvalidModel) code = ErrorCode::kUnsupported;
    if (code == ErrorCode::kInternal) code = ErrorCode::kDeviceLost;
    throw Error(code, fmt::format("{}: {}: {} (status {})", place_, what, reason, static_cast<int>(status)));
  }
  if (reason.find(kEdgeTpuOperator) != std::string::npos) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: the model is compiled for the Edge TPU (custom operator edgetpu-custom-op), which no CPU "
                    "computes; use the .tflite file it was compiled from ({})",
                    place_, reason));
  }
  if (status == kTfLiteUnresolvedOps || IsLackOfLibrary(reason)) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: LiteRT lacks an operator of the model: {}", place_, reason));
  }
  throw Error(code, fmt::format("{}: {}: {} (status {})", place_, what, reason, static_cast<int>(status)));
}

void Interpreter::Resize(int input, const Shape& shape) {
  ready_ = false;
  const bool fits = std::all_of(shape.begin(), shape.end(), [](int64_t size) { return size <= INT32_MAX; });
  const std::vector<int> dims(shape.begin(), shape.end());
  const TfLiteStatus status =
      fits ? library_.ResizeInputTensor(interpreter_, input, dims.data(), static_cast<int>(dims.size())) : kTfLiteError;
  if (status == kTfLiteOk) return;
  Fail(status, ErrorCode::kInvalidArgument, fmt::format("input {} does not take {}", input, FormatShape(shape)));
}

void Interpreter::Allocate() {
  if (ready_) return;
  const TfLiteStatus status = library_.AllocateTensors(interpreter_);
  if (status != kTfLiteOk) Fail(status, ErrorCode::kInvalidArgument, "the model does not take these input shapes");
  ready_ = true;
}

void Interpreter::Invoke() {
  const TfLiteStatus status = library_.Invoke(interpreter_);
  if (status != kTfLiteOk) Fail(status, ErrorCode::kInternal, "inference failed");
}

}  // namespace consort::litert
