// An external delegate for the tests, in the place of Coral's runtime: claims every edgetpu-custom-op and computes it as
// y = 2 * x on float32. consort_test_misbehave tells it to do otherwise: "null" makes no delegate, "refuse" makes one that
// does not prepare, "idle" claims nothing, "hang" and "hang-list" do not come back until told another word, "fail" fails
// each call. Without a delegate it tells the options that it was given.
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tensorflow/lite/core/c/common.h"

namespace {

struct RuntimeDevice {
  int type;
  const char* path;
};

std::atomic<const char*> misbehaviour = "";

bool Told(std::string_view word) { return word == misbehaviour.load(); }

void HangWhileTold(std::string_view word) {
  while (Told(word)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

TfLiteStatus Compute(TfLiteContext* context, TfLiteNode* node) {
  if (Told("fail")) {
    context->ReportError(context, "the stick was pulled out");
    return kTfLiteError;
  }
  const TfLiteTensor& x = context->tensors[node->inputs->data[0]];
  const TfLiteTensor& y = context->tensors[node->outputs->data[0]];
  for (size_t i = 0; i < x.bytes / sizeof(float); ++i) y.data.f[i] = 2 * x.data.f[i];
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

// `word` stays valid.
void consort_test_misbehave(const char* word) { misbehaviour = word; }
}
