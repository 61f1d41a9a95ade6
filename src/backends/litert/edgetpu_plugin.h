// Coral's runtime, libedgetpu, as a TensorFlow Lite external delegate.
#ifndef CONSORT_BACKENDS_LITERT_EDGETPU_PLUGIN_H_
#define CONSORT_BACKENDS_LITERT_EDGETPU_PLUGIN_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/dynamic_library.h"
#include "tensorflow/lite/core/c/common.h"

namespace consort::litert {

// The custom operator that Coral's compiler leaves in a model: what an Edge TPU executes.
inline constexpr char kEdgeTpuOperator[] = "edgetpu-custom-op";

// One that the runtime sees.
struct EdgeTpu {
  std::string link;  // "usb" or "pci"
  std::string path;  // of the device, as the runtime writes it: "/sys/bus/usb/devices/2-2"
};

// A shared library that makes delegates through tflite_plugin_create_delegate, the entry points of TensorFlow Lite's
// external delegates; libedgetpu's own functions (edgetpu_c.h: edgetpu_list_devices, edgetpu_version) are used where it
// has them. A value; thread-safe. The library stays loaded.
class EdgeTpuPlugin {
 public:
  // Loads `file`; when empty the file named by CONSORT_EDGETPU_LIBRARY, else libedgetpu.so.1. Throws kUnsupported with
  // the remedy when there is none or it lacks the entry points.
  static EdgeTpuPlugin Load(const std::string& file = "");

  const std::string& path() const { return library_.path(); }
  // "BuildLabel(…), RuntimeVersion(14)"; empty when the library does not tell.
  std::string version() const;
  // False: the library cannot enumerate, and List() is empty.
  bool lists_devices() const { return list_devices_ != nullptr && free_devices_ != nullptr; }
  // In the order that the runtime numbers them.
  std::vector<EdgeTpu> List() const;

  // A delegate for a unit: "" any, "0" the first of all, "usb:0", "pci:1". `options` are the runtime's own (Performance,
  // Usb.AlwaysDfu, Usb.MaxBulkInQueueLength), which it heeds for a numbered unit only. It opens the device, which takes
  // seconds at first (firmware), and can hang where the device does. Throws kUnsupported, begun by `place`, with the
  // plugin's own words when it makes none.
  using Options = std::vector<std::pair<std::string, std::string>>;
  std::shared_ptr<TfLiteDelegate> MakeDelegate(const std::string& unit, const Options& options,
                                               const std::string& place) const;

 private:
  using ReportError = void (*)(const char* message);
  struct RuntimeDevice {  // edgetpu_c.h: struct edgetpu_device
    int type;             // 0: PCI, 1: USB
    const char* path;
  };

  explicit EdgeTpuPlugin(DynamicLibrary library);

  DynamicLibrary library_;
  TfLiteDelegate* (*create_)(char** keys, char** values, size_t count, ReportError report_error);
  void (*destroy_)(TfLiteDelegate* delegate);
  RuntimeDevice* (*list_devices_)(size_t* count);
  void (*free_devices_)(RuntimeDevice* devices);
  const char* (*version_)();
};

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_EDGETPU_PLUGIN_H_
