#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "doctor/checks.h"

namespace consort {
namespace {

using Level = Diagnosis::Level;

constexpr int64_t kUsb3MegabitsPerSecond = 5000;
constexpr char kUsbRemedy[] =
    "printf '%s\\n' 'SUBSYSTEM==\"usb\", ATTRS{idVendor}==\"1a6e\", GROUP=\"plugdev\", MODE=\"0660\"' "
    "'SUBSYSTEM==\"usb\", ATTRS{idVendor}==\"18d1\", GROUP=\"plugdev\", MODE=\"0660\"' | "
    "sudo tee /etc/udev/rules.d/65-edgetpu.rules && sudo udevadm control --reload-rules && sudo udevadm trigger && "
    "sudo usermod -aG plugdev \"$USER\", then log in again";
constexpr char kApexRemedy[] =
    "echo 'SUBSYSTEM==\"apex\", MODE=\"0660\", GROUP=\"apex\"' | sudo tee /etc/udev/rules.d/65-apex.rules && "
    "sudo groupadd -f apex && sudo usermod -aG apex \"$USER\" && sudo udevadm control --reload-rules && sudo udevadm "
    "trigger, "
    "then log in again";
constexpr char kRuntimeRemedy[] =
    "install Coral's libedgetpu1-std package, or put libedgetpu.so.1 into a folder that the loader searches "
    "(docs/devices.md)";

// Before its first use the accelerator shows its boot loader, afterwards itself.
bool IsCoralUsb(const std::string& vendor, const std::string& product) {
  return (vendor == "1a6e" && product == "089a") || (vendor == "18d1" && product == "9302");
}

void CheckSpeed(const std::string& subject, const std::string& speed, Diagnoses& diagnoses) {
  const std::optional<int64_t> megabits = ParseInteger(speed);
  if (!megabits) {
    diagnoses.push_back({Level::kNote, subject, "the kernel does not tell its USB speed", ""});
  } else if (*megabits < kUsb3MegabitsPerSecond) {
    diagnoses.push_back(
        {Level::kNote, subject,
         fmt::format("connected at {} Mbit/s: transfers take several times as long as on USB 3", *megabits),
         "use a USB 3 port (blue, or marked SS) and the cable that came with it"});
  }
}

void CheckRuntime(const Host& host, const std::string& subject, Diagnoses& diagnoses) {
  for (const char* folder :
       {"/usr/lib/x86_64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/"}) {
    if (host.Exists(std::string(folder) + "libedgetpu.so.1")) return;
  }
  diagnoses.push_back({Level::kProblem, subject, "libedgetpu.so.1 is in none of the usual folders", kRuntimeRemedy});
}

// "/dev/bus/usb/001/004".
std::string UsbNode(const Host& host, const std::string& folder) {
  const std::optional<int64_t> bus = ParseInteger(host.Read(folder + "busnum").value_or(""));
  const std::optional<int64_t> device = ParseInteger(host.Read(folder + "devnum").value_or(""));
  return fmt::format("/dev/bus/usb/{:03}/{:03}", bus.value_or(0), device.value_or(0));
}

}  // namespace

void CheckCoralUsb(const Host& host, Diagnoses& diagnoses) {
  const std::string root = "/sys/bus/usb/devices/";
  for (const std::string& name : host.List(root)) {
    const std::string folder = root + name + "/";
    if (!IsCoralUsb(host.Read(folder + "idVendor").value_or(""), host.Read(folder + "idProduct").value_or("")))
      continue;
    const std::string subject = "edgetpu usb " + name;
    CheckSpeed(subject, host.Read(folder + "speed").value_or(""), diagnoses);
    CheckRuntime(host, subject, diagnoses);
    const NodeCheck node{subject, UsbNode(host, folder), kUsbRemedy, true};
    if (CheckNode(host, node, diagnoses)) {
      diagnoses.push_back({Level::kOk, subject, "Coral USB Accelerator at " + node.path, ""});
    }
  }
}

void CheckCoralPcie(const Host& host, Diagnoses& diagnoses) {
  const std::vector<PciDevice> devices = ListPci(host);
  const auto boards = std::count_if(devices.begin(), devices.end(), [](const PciDevice& device) {
    return device.vendor == "0x1ac1" && device.device == "0x089a";
  });
  std::vector<std::string> nodes;
  for (const std::string& name : host.List("/dev")) {
    if (name.starts_with("apex_")) nodes.push_back(name);
  }
  if (boards > 0 && nodes.empty()) {
    diagnoses.push_back({Level::kProblem, "edgetpu pcie",
                         fmt::format("{} Coral board(s), but no /dev/apex_*: the gasket driver is not loaded", boards),
                         "sudo apt-get install gasket-dkms && sudo modprobe apex"});
  }
  for (const std::string& name : nodes) {
    const std::string subject = "edgetpu pcie " + name;
    CheckRuntime(host, subject, diagnoses);
    if (CheckNode(host, {subject, "/dev/" + name, kApexRemedy, true}, diagnoses)) {
      diagnoses.push_back({Level::kOk, subject, "Coral PCIe or M.2 accelerator at /dev/" + name, ""});
    }
  }
}

}  // namespace consort
