#include "cli/simulate_trace.h"

#include <fmt/format.h>

#include <exception>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock_thread.h"
#include "consort/artifact.h"
#include "consort/emulation.h"
#include "consort/registry.h"
#include "emulate/device_options.h"
#include "emulate/emulated_device.h"
#include "emulate/virtual_clock.h"

namespace consort {
namespace {

using Json = nlohmann::ordered_json;

// The devices, by one clock. Their models are compiled before time begins to pass.
class Stream {
 public:
  Stream(const Platform& platform, const Model& model)
      : platform_(std::make_shared<const Platform>(platform)),
        model_(model),
        registry_(MakeBuiltinRegistry()),
        host_(registry_.Open(registry_.Resolve(Target::Parse("null")))) {}

  void Add(const TracedDevice& traced) {
    const NamedDevice named{platform_, &platform_->device(traced.device)};
    const Target target{.device = "emulated", .unit = traced.device, .backend = "null", .precision = traced.precision};
    EmulatedDeviceOptions made = OptionsOf(named, target, clock_, times_);
    made.host = host_;
    made.exact = false;
    auto emulated = std::make_unique<EmulatedDevice>(std::move(made));
    CompileOptions options;
    options.execution = Execution::kCaller;
    options.prove_placement = false;
    runs_.push_back({.device = traced.device});
    executables_.push_back(emulated->Compile(Artifact(model_), options));
    devices_.push_back(std::move(emulated));
  }

  std::vector<TracedRun> Run(int iterations) {
    const ClockMember member(clock_, "simulate");
    std::vector<std::exception_ptr> failures(runs_.size());
    std::vector<std::unique_ptr<ClockThread>> threads;
    for (size_t i = 0; i < runs_.size(); ++i) {
      threads.push_back(
          std::make_unique<ClockThread>(clock_, runs_[i].device, ThreadRole::kDriver, [this, i, iterations, &failures] {
            try {
              Infer(*executables_[i], iterations, runs_[i]);
            } catch (...) {
              failures[i] = std::current_exception();
            }
          }));
    }
    for (const auto& thread : threads) thread->Join();
    for (const std::exception_ptr& failure : failures) {
      if (failure != nullptr) std::rethrow_exception(failure);
    }
    return std::move(runs_);
  }

 private:
  void Infer(Executable& executable, int iterations, TracedRun& run) const {
    auto binding = std::make_shared<Binding>(executable.signature());
    for (int port = 0; port < binding->input_count(); ++port) {
      binding->SetInput(port, host_->Allocate(executable.signature().inputs[port].spec, host_->info().spaces.front()));
    }
    for (int i = 0; i < iterations; ++i) {
      const TimeNs start_ns = clock_.NowNs();
      consort::Run(executable, binding);
      run.inferences.emplace_back(start_ns, clock_.NowNs());
    }
    const EmulationReport report = AsEmulated(executable)->emulation();
    run.notes = report.notes;
    run.warning = report.warning;
  }

  std::shared_ptr<const Platform> platform_;
  const Model& model_;
  Registry registry_;
  std::shared_ptr<Device> host_;
  VirtualClock clock_;
  ResourceTimes times_;
  std::vector<TracedRun> runs_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<std::unique_ptr<Executable>> executables_;
};

// Microseconds with three decimals: exact.
std::string Microseconds(TimeNs ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); }

std::string NameEvent(const char* what, size_t thread, const std::string& name) {
  return Json{{"name", what}, {"ph", "M"}, {"pid", 1}, {"tid", thread}, {"args", {{"name", name}}}}.dump();
}

Json OtherData(const std::vector<TracedRun>& runs, const std::string& model, const std::string& platform) {
  Json json = {{"provenance", "emulated"}, {"model", model}, {"platform", platform}};
  json["notes"] = Json::object();  // by device
  json["warning"] = Json::object();
  for (const TracedRun& run : runs) {
    if (!run.notes.empty()) json["notes"][run.device] = run.notes;
    if (!run.warning.empty()) json["warning"][run.device] = run.warning;
  }
  return json;
}

}  // namespace

std::vector<TracedRun> RunOnVirtualClock(const Platform& platform, const std::vector<TracedDevice>& devices,
                                         const Model& model, int iterations) {
  Stream stream(platform, model);
  for (const TracedDevice& device : devices) stream.Add(device);
  return stream.Run(iterations);
}

std::string ChromeTrace(const std::vector<TracedRun>& runs, const std::string& model, const std::string& platform) {
  std::string text = "{\"otherData\":" + OtherData(runs, model, platform).dump();
  text += ",\"traceEvents\":[\n" + NameEvent("process_name", 0, platform + " (emulated, virtual clock)");
  for (size_t i = 0; i < runs.size(); ++i) {
    text += ",\n" + NameEvent("thread_name", i + 1, runs[i].device);
    const std::string name = Json(model).dump();
    for (size_t k = 0; k < runs[i].inferences.size(); ++k) {
      const auto [start_ns, end_ns] = runs[i].inferences[k];
      fmt::format_to(
          std::back_inserter(text),
          ",\n{{\"name\":{},\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{},\"dur\":{},\"args\":{{\"inference\":{}}}}}",
          name, i + 1, Microseconds(start_ns), Microseconds(end_ns - start_ns), k);
    }
  }
  return text + "\n]}\n";
}

}  // namespace consort
