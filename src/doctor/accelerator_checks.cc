#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "doctor/checks.h"

namespace consort {
namespace {

using Level = Diagnosis::Level;

bool IsDisplay(const PciDevice& device) { return device.device_class.starts_with("0x03"); }

bool HasPci(const Host& host, const std::string& vendor) {
  const std::vector<PciDevice> devices = ListPci(host);
  return std::any_of(devices.begin(), devices.end(),
                     [&](const PciDevice& device) { return device.vendor == vendor && IsDisplay(device); });
}

std::string JoinGroup(const std::string& group) {
  return fmt::format("sudo usermod -aG {} \"$USER\", then log in again", group);
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu …" → "550.54.14".
std::string NvidiaVersion(const std::string& text) {
  for (const std::string& word : Split(Split(text, '\n').front(), ' ')) {
    if (!word.empty() && word.find('.') != std::string::npos &&
        word.find_first_not_of("0123456789.") == std::string::npos) {
      return word;
    }
  }
  return "of unknown version";
}

void CheckNvidiaOnWsl(const Host& host, Diagnoses& diagnoses) {
  if (!host.Exists("/dev/dxg")) return;
  if (host.Exists("/usr/lib/wsl/lib/libcuda.so.1")) {
    diagnoses.push_back({Level::kOk, "nvidia", "CUDA through WSL (/usr/lib/wsl/lib/libcuda.so.1)", ""});
  }
}

// Nodes of one kind in a folder: usable, or the reason why not.
void CheckNodes(const Host& host, const std::string& folder, const std::string& prefix, const std::string& what,
                Diagnoses& diagnoses) {
  for (const std::string& name : host.List(folder)) {
    if (!name.starts_with(prefix)) continue;
    const std::string path = folder + "/" + name;
    if (CheckNode(host, {what, path, JoinGroup(host.GroupOf(path)), false}, diagnoses)) {
      diagnoses.push_back({Level::kOk, what, path + " may be used", ""});
    }
  }
}

}  // namespace

void CheckNvidia(const Host& host, Diagnoses& diagnoses) {
  if (FindSurroundings(host).wsl) return CheckNvidiaOnWsl(host, diagnoses);
  const std::optional<std::string> version = host.Read("/proc/driver/nvidia/version");
  if (!version) {
    if (!HasPci(host, "0x10de")) return;
    diagnoses.push_back({Level::kProblem, "nvidia", "an NVIDIA GPU, but its driver is not loaded",
                         "sudo apt-get install nvidia-driver (Debian: section non-free), then restart"});
    return;
  }
  diagnoses.push_back({Level::kOk, "nvidia", "driver " + NvidiaVersion(*version), ""});
  const std::string remedy = "sudo chmod a+rw /dev/nvidia*, or in a container: docker run --gpus all …";
  CheckNode(host, {"nvidia", "/dev/nvidiactl", remedy, false}, diagnoses);
  CheckNode(host, {"nvidia", "/dev/nvidia0", remedy, false}, diagnoses);
}

void CheckRenderNodes(const Host& host, Diagnoses& diagnoses) {
  CheckNodes(host, "/dev/dri", "renderD", "gpu", diagnoses);
  CheckNodes(host, "/dev/accel", "accel", "npu", diagnoses);
  if (HasPci(host, "0x8086") && host.List("/dev/dri").empty()) {
    const bool container = FindSurroundings(host).container;
    diagnoses.push_back({Level::kNote, "gpu", "an Intel GPU, but no /dev/dri",
                         container ? "start the container with: --device /dev/dri" : "sudo modprobe i915"});
  }
}

}  // namespace consort
