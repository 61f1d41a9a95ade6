#include "doctor/doctor.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "doctor/checks.h"

namespace consort {

std::vector<Diagnosis> DiagnoseHost(const Host& host) {
  Diagnoses diagnoses;
  CheckSystem(host, diagnoses);
  CheckProcessor(host, diagnoses);
  CheckCoralUsb(host, diagnoses);
  CheckCoralPcie(host, diagnoses);
  CheckNvidia(host, diagnoses);
  CheckRenderNodes(host, diagnoses);
  return diagnoses;
}

bool CheckNode(const Host& host, const NodeCheck& check, Diagnoses& diagnoses) {
  const auto problem = [&](const std::string& message, const std::string& remedy) {
    diagnoses.push_back({Diagnosis::Level::kProblem, check.subject, message, remedy});
    return false;
  };
  if (!host.Exists(check.path)) {
    const bool container = FindSurroundings(host).container;
    return problem(
        check.path + " does not exist",
        container ? fmt::format("start the container with: --device {}", check.path) : "sudo udevadm trigger");
  }
  if (!host.MayUse(check.path)) {
    return problem(fmt::format("no permission to use {} (group {})", check.path, host.GroupOf(check.path)),
                   check.permission_remedy);
  }
  const std::vector<Holder> holders = host.HoldersOf(check.path);
  if (holders.empty() || !check.exclusive) return true;
  const Holder& first = holders.front();
  return problem(fmt::format("{} is held by process {} ({})", check.path, first.pid, first.command),
                 fmt::format("end that process: kill {}", first.pid));
}

std::vector<PciDevice> ListPci(const Host& host) {
  const std::string root = "/sys/bus/pci/devices/";
  std::vector<PciDevice> devices;
  for (const std::string& address : host.List(root)) {
    const std::string folder = root + address + "/";
    devices.push_back({address, host.Read(folder + "vendor").value_or(""), host.Read(folder + "device").value_or(""),
                       host.Read(folder + "class").value_or("")});
  }
  return devices;
}

}  // namespace consort
