// What this machine offers inference engines, what it lacks, and the command that mends it.
#ifndef CONSORT_DOCTOR_DOCTOR_H_
#define CONSORT_DOCTOR_DOCTOR_H_

#include <filesystem>
#include <vector>

#include "consort/registry.h"
#include "doctor/host.h"

namespace consort {

// Every check of the host: kernel, container, WSL, processor, CPU limits, Coral devices, GPUs, NPUs. What is absent and
// not expected yields no line. Reads files of the host only; opens no device. Never throws for what the host holds.
std::vector<Diagnosis> DiagnoseHost(const Host& host);

}  // namespace consort

#endif  // CONSORT_DOCTOR_DOCTOR_H_
