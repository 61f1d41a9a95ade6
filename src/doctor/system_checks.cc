#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "doctor/checks.h"

namespace consort {
namespace {

using Level = Diagnosis::Level;

// Kernel flag → what engines use it for. In the order of value.
constexpr std::array<std::pair<const char*, const char*>, 13> kInstructionSets = {{{"amx_int8", "AMX int8"},
                                                                                   {"amx_bf16", "AMX bf16"},
                                                                                   {"avx512_bf16", "AVX-512 bf16"},
                                                                                   {"avx512_fp16", "AVX-512 fp16"},
                                                                                   {"avx512_vnni", "AVX-512 VNNI"},
                                                                                   {"avx512f", "AVX-512"},
                                                                                   {"avx_vnni", "AVX-VNNI"},
                                                                                   {"avx2", "AVX2"},
                                                                                   {"sve2", "SVE2"},
                                                                                   {"i8mm", "I8MM"},
                                                                                   {"bf16", "BF16"},
                                                                                   {"asimddp", "dot product"},
                                                                                   {"asimd", "NEON"}}};

// The value of the first "key : value" line of /proc/cpuinfo.
std::string CpuInfo(const std::string& text, const std::string& key) {
  for (const std::string& line : Split(text, '\n')) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(' ', colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

bool AnyContains(const std::optional<std::string>& text, const std::vector<std::string>& words) {
  return text && std::any_of(words.begin(), words.end(),
                             [&](const std::string& word) { return text->find(word) != std::string::npos; });
}

// A quota makes the kernel stop every thread for the rest of a period: fatal for measurements, easy to miss.
void CheckQuota(const Host& host, Diagnoses& diagnoses) {
  const std::vector<std::string> parts = Split(host.Read("/sys/fs/cgroup/cpu.max").value_or("max"), ' ');
  if (parts.size() != 2 || parts[0] == "max") return;
  const std::optional<int64_t> quota = ParseInteger(parts[0]);
  const std::optional<int64_t> period = ParseInteger(parts[1]);
  if (!quota || !period || *period <= 0) return;
  diagnoses.push_back({Level::kNote, "cpu",
                       fmt::format("a quota of {:.2f} CPUs stops threads in the middle of a run; times will scatter",
                                   static_cast<double>(*quota) / static_cast<double>(*period)),
                       "give whole cores instead, for example docker run --cpuset-cpus 0-3 without --cpus"});
}

void CheckGovernor(const Host& host, Diagnoses& diagnoses) {
  const std::string governor = host.Read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").value_or("");
  if (governor != "powersave" && governor != "ondemand" && governor != "conservative") return;
  diagnoses.push_back({Level::kNote, "cpu",
                       fmt::format("the frequency governor is '{}'; short runs see a slow clock", governor),
                       "sudo cpupower frequency-set -g performance"});
}

}  // namespace

Surroundings FindSurroundings(const Host& host) {
  Surroundings found;
  found.wsl = AnyContains(host.Read("/proc/sys/kernel/osrelease"), {"microsoft", "Microsoft", "WSL"});
  found.container = host.Exists("/.dockerenv") || host.Exists("/run/.containerenv") ||
                    host.Exists("/run/systemd/container") ||
                    AnyContains(host.Read("/proc/1/cgroup"), {"docker", "kubepods", "lxc", "containerd"});
  return found;
}

void CheckSystem(const Host& host, Diagnoses& diagnoses) {
  const std::string release = host.Read("/proc/sys/kernel/osrelease").value_or("of unknown version");
  diagnoses.push_back({Level::kOk, "system", "Linux " + release, ""});
  const Surroundings found = FindSurroundings(host);
  if (found.wsl) {
    diagnoses.push_back(
        {Level::kNote, "system", "WSL 2: USB devices belong to Windows until usbipd attaches them",
         "in Windows, as administrator: usbipd bind --busid BUSID; then usbipd attach --wsl --busid BUSID "
         "(docs/devices.md)"});
  }
  if (found.container) {
    diagnoses.push_back({Level::kNote, "system", "a container: it sees only the devices that it was started with",
                         "docker run --device /dev/NODE … (docs/devices.md)"});
  }
}

void CheckProcessor(const Host& host, Diagnoses& diagnoses) {
  const std::string info = host.Read("/proc/cpuinfo").value_or("");
  std::string flags = CpuInfo(info, "flags");
  if (flags.empty()) flags = CpuInfo(info, "Features");
  const std::vector<std::string> words = Split(flags, ' ');
  std::vector<std::string> sets;
  for (const auto& [flag, name] : kInstructionSets) {
    if (std::find(words.begin(), words.end(), flag) != words.end()) sets.emplace_back(name);
  }
  std::string model = CpuInfo(info, "model name");
  if (model.empty()) model = "processor";
  if (sets.empty()) {
    diagnoses.push_back({Level::kNote, "cpu", model + " has no vector unit that the engines use well", ""});
  } else {
    diagnoses.push_back({Level::kOk, "cpu", model + ": " + Join(sets), ""});
  }
  CheckQuota(host, diagnoses);
  CheckGovernor(host, diagnoses);
}

}  // namespace consort
