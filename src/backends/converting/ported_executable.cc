#include "backends/converting/ported_executable.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "consort/error.h"
#include "device/native_ports.h"
#include "io/convert.h"

namespace consort {
namespace {

std::vector<Conversion> Conversions(const std::vector<Port>& from, const std::vector<Port>& to) {
  if (from.size() != to.size()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("{} ports stand for {}: a file has other ports than its model", from.size(), to.size()));
  }
  std::vector<Conversion> conversions;
  for (size_t port = 0; port < from.size(); ++port)
    conversions.emplace_back(from[port].spec, to[port].spec, from[port].name);
  return conversions;
}

// Converts, calls, converts.
class PortedProgram : public Program {
 public:
  PortedProgram(std::shared_ptr<Executable> inner, Signature ports, Placement placement)
      : inner_(std::move(inner)),
        ports_(std::move(ports)),
        placement_(std::move(placement)),
        inputs_(Conversions(ports_.inputs, inner_->signature().inputs)),
        outputs_(Conversions(inner_->signature().outputs, ports_.outputs)) {}

  const Signature& signature() const override { return ports_; }
  const Placement& placement() const override { return placement_; }

  void Invoke(Binding& binding) override {
    const std::shared_ptr<Binding>& inner = InnerOf(binding).binding;
    for (size_t port = 0; port < inputs_.size(); ++port) {
      const int index = static_cast<int>(port);
      inputs_[port].Apply(binding.input(index).data(), inner->input(index).data());
    }
    Run(*inner_, inner);
    for (size_t port = 0; port < outputs_.size(); ++port) {
      const int index = static_cast<int>(port);
      if (binding.output(index).empty()) binding.ProvideOutput(index, Buffer::Allocate(ports_.outputs[port].spec));
      outputs_[port].Apply(inner->output(index).data(), binding.output(index).data());
    }
  }

 private:
  // Of one binding of ours; it keeps `executable`, the slot's owner.
  struct InnerCall {
    std::shared_ptr<Executable> executable;
    std::shared_ptr<Binding> binding;
  };

  InnerCall& InnerOf(Binding& binding) const {
    if (auto* known = static_cast<InnerCall*>(binding.slot(inner_.get()))) return *known;
    const Signature& signature = inner_->signature();
    auto made = std::make_shared<InnerCall>(InnerCall{inner_, std::make_shared<Binding>(signature)});
    for (size_t port = 0; port < signature.inputs.size(); ++port)
      made->binding->SetInput(static_cast<int>(port), Buffer::Allocate(signature.inputs[port].spec));
    binding.SetSlot(inner_.get(), made);
    return *made;
  }

  std::shared_ptr<Executable> inner_;
  Signature ports_;
  Placement placement_;
  std::vector<Conversion> inputs_;
  std::vector<Conversion> outputs_;
};

class PortedExecutable : public Executable, public NativePorts {
 public:
  PortedExecutable(std::shared_ptr<Executable> inner, Signature ports, Placement placement,
                   const ExecutableOptions& options)
      : native_(inner),
        outer_(MakeExecutable(std::make_shared<PortedProgram>(std::move(inner), std::move(ports), std::move(placement)),
                              options)) {}

  const Signature& signature() const override { return outer_->signature(); }
  const Placement& placement() const override { return outer_->placement(); }
  Completion Start(std::shared_ptr<Binding> binding) override { return outer_->Start(std::move(binding)); }
  std::shared_ptr<Executable> native() const override { return native_; }

 private:
  std::shared_ptr<Executable> native_;
  std::unique_ptr<Executable> outer_;
};

class RetoldExecutable : public Executable {
 public:
  RetoldExecutable(std::shared_ptr<Executable> inner, Signature ports, Placement placement)
      : inner_(std::move(inner)), ports_(std::move(ports)), placement_(std::move(placement)) {}

  const Signature& signature() const override { return ports_; }
  const Placement& placement() const override { return placement_; }
  Completion Start(std::shared_ptr<Binding> binding) override { return inner_->Start(std::move(binding)); }

 private:
  std::shared_ptr<Executable> inner_;
  Signature ports_;
  Placement placement_;
};

}  // namespace

std::unique_ptr<Executable> MakePorted(std::shared_ptr<Executable> inner, Signature ports, Placement placement,
                                       const ExecutableOptions& options) {
  return std::make_unique<PortedExecutable>(std::move(inner), std::move(ports), std::move(placement), options);
}

std::shared_ptr<Executable> MakeRetold(std::shared_ptr<Executable> inner, Signature ports, Placement placement) {
  return std::make_shared<RetoldExecutable>(std::move(inner), std::move(ports), std::move(placement));
}

}  // namespace consort
