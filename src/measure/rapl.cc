// RAPL: running average power limits, whose counters Linux shows as files.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"
#include "measure/energy.h"

namespace consort {
namespace {

namespace fs = std::filesystem;

constexpr char kZonePrefix[] = "intel-rapl:";
constexpr double kMicrojoule = 1e-6;

// The first line of a small file of the kernel's; nothing where it cannot be read.
std::optional<std::string> LineOf(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<int64_t> NumberOf(const fs::path& path) {
  const std::optional<std::string> line = LineOf(path);
  return line ? ParseInteger(*line) : std::nullopt;
}

struct Zone {
  std::string name;
  fs::path counter;
  int64_t range = 0;  // the counter's largest value
  int64_t last = 0;
  int64_t used = 0;  // microjoules since the first reading

  int64_t Read() const {
    const std::optional<int64_t> now = NumberOf(counter);
    if (!now) throw Error(ErrorCode::kUnsupported, fmt::format("{} cannot be read any more", counter.string()));
    return *now;
  }
  void Update() {
    const int64_t now = Read();
    used += now >= last ? now - last : range - last + now;
    last = now;
  }
};

class RaplMeter : public EnergyMeter {
 public:
  explicit RaplMeter(std::vector<Zone> zones) : zones_(std::move(zones)) {
    std::vector<std::string> names;
    for (const Zone& zone : zones_) names.push_back(zone.name);
    name_ = fmt::format("RAPL ({})", Join(names));
  }

  const std::string& name() const override { return name_; }

  double ReadJoules() override {
    int64_t microjoules = 0;
    for (Zone& zone : zones_) {
      zone.Update();
      microjoules += zone.used;
    }
    return kMicrojoule * static_cast<double>(microjoules);
  }

 private:
  std::vector<Zone> zones_;
  std::string name_;
};

// Packages, and the memory beside them. Parts of packages (core, uncore) are counted there already.
bool Counts(const std::string& name) { return name.starts_with("package") || name == "dram"; }

std::vector<fs::path> ZoneFolders(const fs::path& root) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, ignored)) {
    if (entry.path().filename().string().starts_with(kZonePrefix)) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

FoundMeter FindRaplMeter(const fs::path& root) {
  std::vector<Zone> zones;
  for (const fs::path& folder : ZoneFolders(root)) {
    const std::optional<std::string> name = LineOf(folder / "name");
    if (!name || !Counts(*name)) continue;
    Zone zone{.name = *name, .counter = folder / "energy_uj"};
    const std::optional<int64_t> now = NumberOf(zone.counter);
    if (!now)
      return {nullptr, fmt::format("{} cannot be read (Linux shows it to root only; 'sudo chmod a+r {}' allows it until "
                                   "the next start)",
                                   zone.counter.string(), (root / "intel-rapl:*" / "energy_uj").string())};
    zone.last = *now;
    zone.range = NumberOf(folder / "max_energy_range_uj").value_or(0);
    zones.push_back(std::move(zone));
  }
  if (zones.empty())
    return {nullptr, fmt::format("{} has no RAPL counters (virtual machines rarely have)", root.string())};
  return {std::make_unique<RaplMeter>(std::move(zones)), ""};
}

FoundMeter FindRaplMeter() {
  const char* given = std::getenv("CONSORT_POWERCAP");
  return FindRaplMeter(given != nullptr ? given : "/sys/class/powercap");
}

}  // namespace consort
