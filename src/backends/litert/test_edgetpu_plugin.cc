// An external delegate for the tests, in the place of Coral's runtime: claims every edgetpu-custom-op and computes it as
// the model that test_edgetpu_compiler.cc put into its options, by LiteRT's kernels; without one as y = 2 * x, on float32
// or int8. consort_test_misbehave tells it to do otherwise: "null" makes no delegate, "refuse" makes one that
// does not prepare, "idle" claims nothing, "hang" and "hang-list" do not come back until told another word, "fail" fails
// each call. Without a delegate it tells the options that it was given.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "backends/litert/litert_library.h"
#include "tensorflow/lite/core/c/common.h"

namespace {

struct RuntimeDevice {
  int type;
  const char* path;
};

std::atomic<const char*> misbehaviour = "";
std::atomic<int> calls = 0;

bool Told(std::string_view word) { return word == misbehaviour.load(); }

void HangWhileTold(std::string_view word) {
  while (Told(word)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

// What the operators of one claim compute: LiteRT on the model in the options. Claimed operators are few, and have one
// each.
class Chip {
 public:
  explicit Chip(std::string bytes)
      : bytes_(std::move(bytes)),
        model_(library().ModelCreate(bytes_.data(), bytes_.size(), nullptr, nullptr)),
        interpreter_(library().InterpreterCreate(model_, nullptr)) {
    library().AllocateTensors(interpreter_);
  }
  ~Chip() {
    library().InterpreterDelete(interpreter_);
    library().ModelDelete(model_);
  }
  Chip(const Chip&) = delete;
  Chip& operator=(const Chip&) = delete;

  TfLiteStatus Run(TfLiteContext* context, TfLiteNode* node) {
    int32_t port = 0;
    for (int i = 0; i < node->inputs->size; ++i) {
      const TfLiteTensor& given = context->tensors[node->inputs->data[i]];
      if (given.allocation_type == kTfLiteMmapRo) continue;
      std::memcpy(library().TensorData(library().InputTensor(interpreter_, port++)), given.data.raw, given.bytes);
    }
    if (const TfLiteStatus status = library().Invoke(interpreter_); status != kTfLiteOk) return status;
    for (int i = 0; i < node->outputs->size; ++i) {
      const TfLiteTensor& wanted = context->tensors[node->outputs->data[i]];
      std::memcpy(wanted.data.raw, library().TensorData(library().OutputTensor(interpreter_, i)), wanted.bytes);
    }
    return kTfLiteOk;
  }

 private:
  static const consort::litert::LiteRtLibrary& library() { return consort::litert::LiteRtLibrary::Get(); }

  std::string bytes_;
  TfLiteModel* model_;
  TfLiteInterpreter* interpreter_;
};

// 2 * x of int8 is another number where the output's scale and zero point are others.
void Double(const TfLiteTensor& x, const TfLiteTensor& y) {
  for (size_t i = 0; x.type == kTfLiteFloat32 && i < x.bytes / sizeof(float); ++i) y.data.f[i] = 2 * x.data.f[i];
  for (size_t i = 0; x.type == kTfLiteInt8 && i < x.bytes; ++i) {
    const float real = 2 * x.params.scale * static_cast<float>(x.data.int8[i] - x.params.zero_point);
    const float stored = std::nearbyint(real / y.params.scale) + static_cast<float>(y.params.zero_point);
    y.data.int8[i] = static_cast<int8_t>(std::clamp(stored, -128.0F, 127.0F));
  }
}

// Of the first operator that is claimed.
void* Prepare(TfLiteContext* context, const char* buffer, size_t /*length*/) {
  const auto* claim = reinterpret_cast<const TfLiteDelegateParams*>(buffer);
  TfLiteNode* node = nullptr;
  TfLiteRegistration* registration = nullptr;
  context->GetNodeAndRegistration(context, claim->nodes_to_replace->data[0], &node, &registration);
  if (node->custom_initial_data_size == 0) return nullptr;
  return new Chip({static_cast<const char*>(node->custom_initial_data), static_cast<size_t>(node->custom_initial_data_size)});
}

void Forget(TfLiteContext* /*context*/, void* chip) { delete static_cast<Chip*>(chip); }

TfLiteStatus Compute(TfLiteContext* context, TfLiteNode* node) {
  if (Told("fail")) {
    context->ReportError(context, "the stick was pulled out");
    return kTfLiteError;
  }
  ++calls;
  if (node->user_data != nullptr) return static_cast<Chip*>(node->user_data)->Run(context, node);
  Double(context->tensors[node->inputs->data[0]], context->tensors[node->outputs->data[0]]);
  return kTfLiteOk;
}

TfLiteStatus Claim(TfLiteContext* context, TfLiteDelegate* delegate) {
  if (Told("refuse")) {
    context->ReportError(context, "the executable is for another chip");
    return kTfLiteDelegateError;
  }
  TfLiteIntArray* plan = nullptr;
  if (const TfLiteStatus status = context->GetExecutionPlan(context, &plan); status != kTfLiteOk) return status;
  std::vector<int> claimed = {0};  // a TfLiteIntArray: its size, then its elements
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    context->GetNodeAndRegistration(context, plan->data[i], &node, &registration);
    const char* name = registration->custom_name;
    if (!Told("idle") && name != nullptr && std::strcmp(name, "edgetpu-custom-op") == 0) claimed.push_back(plan->data[i]);
  }
  claimed[0] = static_cast<int>(claimed.size()) - 1;
  if (claimed[0] == 0) return kTfLiteOk;
  TfLiteRegistration kernel = {};
  kernel.custom_name = "TestEdgeTpu";
  kernel.init = &Prepare;
  kernel.free = &Forget;
  kernel.invoke = &Compute;
  return context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel,
                                                        reinterpret_cast<const TfLiteIntArray*>(claimed.data()), delegate);
}

RuntimeDevice devices[] = {{1, "/sys/bus/usb/devices/test"}, {0, "/dev/apex_test"}};

}  // namespace

extern "C" {

TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t count,
                                              void (*report_error)(const char*)) {
  HangWhileTold("hang");
  if (Told("null")) {
    report_error("no firmware");
    for (size_t i = 0; i < count; ++i) report_error((std::string(keys[i]) + "=" + values[i]).c_str());
    return nullptr;
  }
  auto* delegate = new TfLiteDelegate();
  delegate->Prepare = &Claim;
  delegate->flags = kTfLiteDelegateFlagsAllowDynamicTensors;  // as Coral's: else LiteRT prepares the operator first
  return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { delete delegate; }

RuntimeDevice* edgetpu_list_devices(size_t* count) {
  HangWhileTold("hang-list");
  *count = 2;
  return devices;
}

void edgetpu_free_devices(RuntimeDevice* /*listed*/) {}

const char* edgetpu_version() { return "test runtime 1"; }

// Calls that were computed so far.
int consort_test_calls() { return calls; }

// `word` stays valid.
void consort_test_misbehave(const char* word) { misbehaviour = word; }
}
