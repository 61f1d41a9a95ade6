#include "backends/faulty/faulty_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <random>

#include "backends/null/null_program.h"
#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

constexpr TimeNs kSlowCallNs = 50'000'000;

enum class Fault { kCrashCompile, kCrashRun, kHangCompile, kHangRun, kLost, kThrow, kWrong, kSlow };

constexpr std::array<std::pair<std::string_view, Fault>, 8> kFaults = {{{"crash-compile", Fault::kCrashCompile},
                                                                        {"crash-run", Fault::kCrashRun},
                                                                        {"hang-compile", Fault::kHangCompile},
                                                                        {"hang-run", Fault::kHangRun},
                                                                        {"lost", Fault::kLost},
                                                                        {"throw", Fault::kThrow},
                                                                        {"wrong", Fault::kWrong},
                                                                        {"slow", Fault::kSlow}}};

Fault FaultOf(const Target& target) {
  std::vector<std::string> valid;
  for (const auto& [name, fault] : kFaults) {
    if (target.unit == name) return fault;
    valid.emplace_back(name);
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: no such fault; faulty:UNIT takes {}", target.ToString(), Join(valid)));
}

[[noreturn]] void Hang() {
  while (true) Clock::Real().SleepUntil(Clock::Real().NowNs() + 3'600'000'000'000);
}

// A real crash: sanitizers and frameworks that handle the signal do not come between.
void Crash() {
  std::signal(SIGSEGV, SIG_DFL);
  std::raise(SIGSEGV);
}

class FaultyProgram : public NullProgram {
 public:
  FaultyProgram(const Model& model, const Target& target, const CompileOptions& options, Fault fault, Clock& clock)
      : NullProgram(model, target, options), fault_(fault), clock_(clock) {}

  void Invoke(Binding& binding) override {
    switch (fault_) {
      case Fault::kCrashRun:
        Crash();
        break;
      case Fault::kHangRun:
        Hang();
      case Fault::kLost:
        throw Error(ErrorCode::kDeviceLost, "faulty:lost is lost, as asked");
      case Fault::kThrow:
        throw std::runtime_error("faulty:throw throws, as asked");
      case Fault::kSlow:
        clock_.SleepUntil(clock_.NowNs() + kSlowCallNs);
        break;
      default:
        break;
    }
    NullProgram::Invoke(binding);
    if (fault_ == Fault::kWrong) Spoil(binding);
  }

 private:
  void Spoil(Binding& binding) {
    for (int port = 0; port < binding.output_count(); ++port) {
      auto* bytes = static_cast<uint8_t*>(binding.output(port).data());
      std::generate_n(bytes, binding.output(port).size_bytes(), [&] { return static_cast<uint8_t>(noise_()); });
    }
  }

  Fault fault_;
  Clock& clock_;
  std::mt19937 noise_{1};
};

DeviceInfo FaultyInfo(const Target& target) {
  return {.target = target,
          .name = "faulty device",
          .engine = "none",
          .resource = "null",
          .precisions = {Precision::kFp32},
          .accepts = {ArtifactKind::kOnnx},
          .spaces = {MemorySpace{}}};
}

class FaultyDevice : public Device {
 public:
  FaultyDevice(const Target& target, const OpenOptions& options)
      : info_(FaultyInfo(target)),
        fault_(FaultOf(target)),
        clock_(options.clock == nullptr ? Clock::Real() : *options.clock) {}

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<Executable> Compile(const Artifact& artifact, const CompileOptions& options) override {
    if (fault_ == Fault::kCrashCompile) Crash();
    if (fault_ == Fault::kHangCompile) Hang();
    auto program = std::make_shared<FaultyProgram>(artifact.model(), info_.target, options, fault_, clock_);
    return MakeExecutable(std::move(program),
                          {.execution = options.execution, .max_in_flight = options.max_in_flight, .clock = &clock_});
  }

  Buffer Allocate(const TensorSpec& spec, MemorySpace space) override {
    if (space != MemorySpace{}) throw Error(ErrorCode::kUnsupported, "the faulty device has host memory only");
    return Buffer::Allocate(spec);
  }

 private:
  DeviceInfo info_;
  Fault fault_;
  Clock& clock_;
};

class FaultyBackend : public Backend {
 public:
  std::string_view name() const override { return "faulty"; }
  std::vector<std::string> devices() const override { return {"faulty"}; }

  std::vector<DeviceFinding> Find() override {
    std::vector<DeviceFinding> findings;
    for (const auto& [unit, fault] : kFaults) {
      findings.push_back({.info = FaultyInfo({.device = "faulty", .unit = std::string(unit), .backend = "faulty"})});
    }
    return findings;
  }

  std::vector<Diagnosis> Diagnose() override { return {}; }

  std::shared_ptr<Device> Open(const Target& target, const OpenOptions& options) override {
    return std::make_shared<FaultyDevice>(target, options);
  }
};

}  // namespace

std::unique_ptr<Backend> MakeFaultyBackend() { return std::make_unique<FaultyBackend>(); }

}  // namespace consort
