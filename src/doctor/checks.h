// The checks behind DiagnoseHost, by subject. Each appends its lines.
#ifndef CONSORT_DOCTOR_CHECKS_H_
#define CONSORT_DOCTOR_CHECKS_H_

#include <string>
#include <vector>

#include "consort/registry.h"
#include "doctor/host.h"

namespace consort {

using Diagnoses = std::vector<Diagnosis>;

// Where the program runs: a machine, a container, WSL 2.
struct Surroundings {
  bool container = false;
  bool wsl = false;
};
Surroundings FindSurroundings(const Host& host);

void CheckSystem(const Host& host, Diagnoses& diagnoses);       // kernel, container, WSL
void CheckProcessor(const Host& host, Diagnoses& diagnoses);    // instruction sets, quota, frequency governor
void CheckCoralUsb(const Host& host, Diagnoses& diagnoses);     // presence, speed, permission, holder
void CheckCoralPcie(const Host& host, Diagnoses& diagnoses);    // presence, driver, permission, holder
void CheckNvidia(const Host& host, Diagnoses& diagnoses);       // presence, driver, permission
void CheckRenderNodes(const Host& host, Diagnoses& diagnoses);  // /dev/dri, /dev/accel: GPUs and NPUs

// The device node: whether it is there, may be used, and is free. `subject` names the device; `exclusive` nodes are a
// problem when another process has them open.
struct NodeCheck {
  std::string subject;
  std::string path;
  std::string permission_remedy;
  bool exclusive = false;
};
// True when there was nothing to complain about.
bool CheckNode(const Host& host, const NodeCheck& check, Diagnoses& diagnoses);

// "0x8086" and "0x030000" of every PCI device.
struct PciDevice {
  std::string address;
  std::string vendor;
  std::string device;
  std::string device_class;
};
std::vector<PciDevice> ListPci(const Host& host);

}  // namespace consort

#endif  // CONSORT_DOCTOR_CHECKS_H_
