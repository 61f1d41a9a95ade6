#include "emulate/emulated_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "consort/backend.h"
#include "consort/error.h"
#include "cost/fits.h"
#include "emulate/emulated_program.h"

namespace consort {
namespace {

// MakeExecutable's, and what its program knows.
class EmulatedExecutable : public Executable, public Emulated {
 public:
  EmulatedExecutable(std::shared_ptr<EmulatedProgram> program, const ExecutableOptions& options)
      : program_(program), executable_(MakeExecutable(std::move(program), options)) {}

  const Signature& signature() const override { return executable_->signature(); }
  const Placement& placement() const override { return executable_->placement(); }
  Completion Start(std::shared_ptr<Binding> binding) override { return executable_->Start(std::move(binding)); }
  EmulationReport emulation() const override { return program_->report(); }

 private:
  std::shared_ptr<EmulatedProgram> program_;
  std::unique_ptr<Executable> executable_;
};

// "seed.gtx1650", or the platform's name alone where the device has the same.
std::string FullName(const std::string& platform, const PlatformDevice& device) {
  return platform == device.name || platform.empty() ? device.name : platform + "." + device.name;
}

}  // namespace

DeviceInfo EmulatedInfo(const Target& target, const std::string& platform, const PlatformDevice& device) {
  return {.target = target,
          .name = fmt::format("emulated {}{}", FullName(platform, device),
                              device.summary.empty() ? "" : fmt::format(" ({})", device.summary)),
          .engine = fmt::format("cost model {}", device.cost.model),
          // Of another machine: the same name elsewhere is another thing.
          .resource = fmt::format("emulated:{}.{}", platform, device.resource.empty() ? device.name : device.resource),
          .memory_bytes = static_cast<int64_t>(device.memory.value),
          .precisions = device.precisions,
          .accepts = {ArtifactKind::kOnnx},
          .provenance = Provenance::kEmulated,
          .warning = device.warning};
}

EmulatedDevice::EmulatedDevice(EmulatedDeviceOptions options)
    : options_(std::move(options)), info_(EmulatedInfo(options_.target, options_.platform, options_.device)) {
  if (options_.clock == nullptr) options_.clock = &Clock::Real();
  if (options_.resource == nullptr) options_.resource = std::make_shared<ResourceTime>();
  const DeviceInfo& host = options_.host->info();
  if (quantizes_itself()) {
    info_.engine += ", numbers of its integer form";
  } else {
    info_.engine += options_.exact ? ", numbers from " + host.engine : ", no numbers";
  }
  info_.cores = host.cores;
  info_.spaces = host.spaces;
  const std::vector<Precision>& offered = options_.device.precisions;
  if (!options_.target.precision) return;
  if (std::find(offered.begin(), offered.end(), *options_.target.precision) != offered.end()) return;
  std::vector<std::string> names;
  for (const Precision one : offered) names.emplace_back(ToString(one));
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: the device computes in {} only", options_.target.ToString(), Join(names)));
}

Precision EmulatedDevice::precision() const { return PrecisionOn(options_.device, options_.target.precision); }

// An Edge TPU knows no floats.
bool EmulatedDevice::quantizes_itself() const {
  return options_.integers && options_.exact && options_.device.kind == DeviceKind::kEdgeTpu;
}

// The host's own placement is no proof of anything here.
IntegerNumbers EmulatedDevice::CompileForHost(const Artifact& artifact, bool quantized, CompileOptions options) const {
  options.execution = Execution::kCaller;
  options.prove_placement = false;
  options.max_in_flight = 1;
  if (quantizes_itself() && !quantized)
    return options_.integers(artifact.model(), *options_.host, options, options_.open);
  const std::string host = options_.host->info().target.ToString();
  return {.executable = options_.host->Compile(artifact, options),
          .from = options_.exact ? host + (quantized ? "" : ", in fp32") : "none: zeros of the right shapes"};
}

EmulationReport EmulatedDevice::Describe(const ModelledTime& time, std::string numbers) const {
  return {
      .cost_model = fmt::format("{} of {}", options_.device.cost.model, FullName(options_.platform, options_.device)),
      .precision = precision(),
      .numbers = std::move(numbers),
      .exact = options_.exact,
      .modelled_s = time.whole().seconds,
      .modelled_joules = time.whole().joules,
      .low = time.whole().low,
      .high = time.whole().high,
      .notes = time.whole().notes,
      .warning = options_.device.warning};
}

PlacementTexts EmulatedDevice::TextsOf(const EmulationReport& report) const {
  Target asked = options_.target;
  asked.backend.clear();
  asked.precision = precision();
  const std::string notes = report.notes.empty() ? "" : fmt::format(" ({})", Join(report.notes, "; "));
  return {.asked = asked.ToString(),
          .got = fmt::format("cost model {}/{}", options_.device.cost.model, ToString(precision())),
          .why = "emulated",
          .evidence = fmt::format(
              "emulated: {}{}, time from cost model {}{}", options_.exact ? "numbers from " : "no numbers, ",
              options_.exact ? report.numbers : "zeros of the right shapes", report.cost_model, notes)};
}

ModelledTime EmulatedDevice::TimeOf(const Model& model) const {
  const bool one_by_one = options_.device.kind == DeviceKind::kEdgeTpu;
  return {model,
          {.cost = options_.cost,
           .query = {.precision = precision(), .weights_resident = options_.weights_resident},
           .order = one_by_one ? SampleOrder::kOneByOne : SampleOrder::kTogether,
           .shared = options_.shared}};
}

std::unique_ptr<Executable> EmulatedDevice::Compile(const Artifact& artifact, const CompileOptions& options) {
  const Model& model = artifact.model();
  const std::string who = options_.target.ToString();
  RequireOps(options_.device, who, model.graph());
  RequireMemory(options_.device, who, WorkOf(model.graph()), precision());
  ModelledTime time = TimeOf(model);
  IntegerNumbers numbers = CompileForHost(artifact, time.works().quantized, options);
  EmulationReport report = Describe(time, std::move(numbers.from));
  const PlacementTexts texts = TextsOf(report);
  Placement placement = options.prove_placement
                            ? EmulatedPlacement(model.graph(), time.works(), time.estimate(), texts)
                            : UnaskedPlacement(model.graph(), texts);
  auto program = std::make_shared<EmulatedProgram>(
      EmulatedProgramOptions{.host = std::move(numbers.executable),
                             .time = std::move(time),
                             .placement = std::move(placement),
                             .report = std::move(report),
                             .clock = *options_.clock,
                             .resource = options_.resource,
                             .shared = options_.shared,
                             .jitter = Jitter(options_.jitter, options_.jitter_seed + executables_++)});
  // The host's part sees to the cores.
  return std::make_unique<EmulatedExecutable>(std::move(program),
                                              ExecutableOptions{.execution = options.execution,
                                                                .flush_denormals = options.flush_denormals,
                                                                .max_in_flight = options.max_in_flight,
                                                                .clock = options_.clock});
}

}  // namespace consort
