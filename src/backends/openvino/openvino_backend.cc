#include "backends/openvino/openvino_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "backends/openvino/core.h"
#include "backends/openvino/device.h"
#include "base/strings.h"
#include "consort/error.h"
#include "device/isolated.h"

namespace consort {
namespace {

using openvino::SharedCore;

// Intel hardware that the kernel shows, whether OpenVINO can use it or not.
struct Accelerator {
  std::string device;         // "gpu"
  std::string engine_device;  // "GPU"
  std::string kernel_class;   // folder with its nodes' entries
  std::string node_prefix;    // "renderD"
  std::string node_folder;    // "/dev/dri"
  std::string driver;         // what to install
};

const Accelerator kAccelerators[] = {
    {"gpu", "GPU", "/sys/class/drm", "renderD", "/dev/dri", "apt install intel-opencl-icd"},
    {"npu", "NPU", "/sys/class/accel", "accel", "/dev/accel",
     "install Intel's linux-npu-driver (level-zero and the NPU compiler)"},
};

// The device node of the first Intel unit of this kind; empty when there is none.
std::string IntelNode(const Accelerator& accelerator) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(accelerator.kernel_class, ignored)) {
    const std::string node = entry.path().filename();
    std::string vendor;
    if (node.starts_with(accelerator.node_prefix) && std::ifstream(entry.path() / "device/vendor") >> vendor &&
        vendor == "0x8086") {
      return accelerator.node_folder + "/" + node;
    }
  }
  return "";
}

std::vector<std::string> EngineDevices() {
  try {
    return SharedCore().get_available_devices();
  } catch (...) {
    openvino::RethrowAs(ErrorCode::kInternal, "OpenVINO's devices");
  }
}

// The units of "GPU" in OpenVINO's list: "GPU" alone is unit 0, "GPU.1" is unit 1.
std::vector<std::string> Units(const std::vector<std::string>& engine_devices, const std::string& kind) {
  std::vector<std::string> units;
  for (const std::string& name : engine_devices) {
    if (name == kind) units.emplace_back("0");
    if (name.starts_with(kind + ".")) units.push_back(name.substr(kind.size() + 1));
  }
  return units;
}

DeviceFinding Finding(const std::string& engine_device, Target target) {
  DeviceFinding finding;
  finding.info.target = target;
  try {
    finding.info = openvino::Describe(engine_device, target, CoreSet::Available());
  } catch (const Error& error) {
    finding.usable = false;
    finding.problem = error.what();
    finding.remedy = "consort doctor";
  }
  return finding;
}

// What stands between the process and a unit that the kernel shows but OpenVINO does not.
std::pair<std::string, std::string> WhyUnusable(const Accelerator& accelerator, const std::string& node) {
  if (!std::filesystem::exists(node)) {
    return {fmt::format("the kernel knows {}, but the device file is absent (a container?)", node),
            fmt::format("docker run --device {} …", accelerator.node_folder)};
  }
  if (!std::ifstream(node)) {
    return {fmt::format("no permission for {}", node), "sudo usermod -aG render $USER, then log in again"};
  }
  return {fmt::format("OpenVINO's {} plugin finds no driver for {}", accelerator.engine_device, node),
          accelerator.driver};
}

class OpenVinoBackend : public Backend {
 public:
  OpenVinoBackend() { CoreSet::Available(); }

  std::string_view name() const override { return "openvino"; }
  std::vector<std::string> devices() const override { return {"cpu", "gpu", "npu"}; }
  std::vector<DeviceFinding> Find() override;
  std::vector<Diagnosis> Diagnose() override;
  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override;
};

std::vector<DeviceFinding> OpenVinoBackend::Find() {
  std::vector<DeviceFinding> findings;
  const std::vector<std::string> available = EngineDevices();
  if (!Units(available, "CPU").empty()) findings.push_back(Finding("CPU", {"cpu", "", "openvino", {}}));
  for (const Accelerator& accelerator : kAccelerators) {
    const std::vector<std::string> units = Units(available, accelerator.engine_device);
    for (const std::string& unit : units) {
      findings.push_back(Finding(accelerator.engine_device + "." + unit, {accelerator.device, unit, "openvino", {}}));
    }
    const std::string node = IntelNode(accelerator);
    if (!units.empty() || node.empty()) continue;
    DeviceFinding& finding = findings.emplace_back();
    finding.info.target = {accelerator.device, "0", "openvino", {}};
    finding.info.engine = openvino::EngineName();
    finding.usable = false;
    std::tie(finding.problem, finding.remedy) = WhyUnusable(accelerator, node);
  }
  return findings;
}

std::vector<Diagnosis> OpenVinoBackend::Diagnose() {
  using Level = Diagnosis::Level;
  std::vector<Diagnosis> lines;
  std::vector<std::string> available;
  try {
    available = EngineDevices();
  } catch (const Error& error) {
    return {{Level::kProblem, "openvino", error.what(), "make setup"}};
  }
  lines.push_back({Level::kOk, "openvino",
                   fmt::format("{} ({}), devices {}", openvino::EngineName(), ov::get_openvino_version().buildNumber,
                               Join(available)),
                   ""});
  for (const Accelerator& accelerator : kAccelerators) {
    const std::string subject = "openvino " + accelerator.device;
    if (!Units(available, accelerator.engine_device).empty()) {
      lines.push_back({Level::kOk, subject, "available", ""});
    } else if (const std::string node = IntelNode(accelerator); node.empty()) {
      lines.push_back(
          {Level::kNote, subject, fmt::format("the kernel shows no Intel {}", accelerator.engine_device), ""});
    } else {
      const auto [problem, remedy] = WhyUnusable(accelerator, node);
      lines.push_back({Level::kProblem, subject, problem, remedy});
    }
  }
  return lines;
}

// A CPU device on a part of the process's cores, in a process that has only these; its info says so.
class ConfinedDevice : public Device {
 public:
  ConfinedDevice(const Target& target, const CoreSet& cores, const OpenOptions& options)
      : device_(OpenIsolated(target, options)), info_(device_->info()) {
    info_.engine += fmt::format(", in a process of its own, confined to cores {}", cores.ToString());
  }

  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    return device_->Compile(artifact, options);
  }
  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override { return device_->Allocate(spec, space); }

 private:
  std::shared_ptr<Device> device_;
  DeviceInfo info_;
};

std::shared_ptr<Device> OpenCpu(const Target& target, const OpenOptions& options) {
  const CoreSet& process = CoreSet::Available();
  const CoreSet cores = target.unit.empty() ? process : CoreSet::Parse(target.unit);
  if (cores.empty() || !process.Contains(cores)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: this process may use cores {}, not {}", target.ToString(),
                                                         process.ToString(), target.unit));
  }
  if (cores != process) return std::make_shared<ConfinedDevice>(target, cores, options);
  return std::make_shared<openvino::OpenVinoDevice>("CPU", openvino::Describe("CPU", target, cores), options.clock);
}

std::shared_ptr<Device> OpenAccelerator(const Accelerator& accelerator, Target target, Clock* clock) {
  if (target.unit.empty()) target.unit = "0";
  const std::vector<std::string> units = Units(EngineDevices(), accelerator.engine_device);
  if (std::find(units.begin(), units.end(), target.unit) == units.end()) {
    const std::string node = IntelNode(accelerator);
    const auto [problem, remedy] =
        node.empty() ? std::pair<std::string, std::string>("the kernel shows no such Intel device", "consort devices")
                     : WhyUnusable(accelerator, node);
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: OpenVINO has {}; {}; try: {}", target.ToString(),
                            units.empty() ? "no such unit" : "only the units " + Join(units), problem, remedy));
  }
  const std::string engine_device = accelerator.engine_device + "." + target.unit;
  const DeviceInfo info = openvino::Describe(engine_device, target, {});
  return std::make_shared<openvino::OpenVinoDevice>(engine_device, info, clock);
}

std::shared_ptr<Device> OpenVinoBackend::Open(const Target& target, const OpenOptions& options) {
  if (!options.plugin.empty()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: OpenVINO is linked and finds its plugins itself; '{}' cannot be loaded",
                            target.ToString(), options.plugin));
  }
  if (target.device == "cpu") return OpenCpu(target, options);
  for (const Accelerator& accelerator : kAccelerators) {
    if (target.device == accelerator.device) return OpenAccelerator(accelerator, target, options.clock);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: the openvino backend serves {}", target.ToString(), Join(devices())));
}

}  // namespace

std::unique_ptr<Backend> MakeOpenVinoBackend() { return std::make_unique<OpenVinoBackend>(); }

}  // namespace consort
