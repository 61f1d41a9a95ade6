#include "backends/converting/bundle_executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "consort/error.h"

namespace consort {
namespace {

// Where an input or output of the whole, or an input of a link, comes from.
struct Source {
  int link = -1;  // -1: the whole's inputs
  int port = 0;
};

Placement PlacementOf(const std::vector<ExecutablePart>& parts) {
  Placement whole;
  std::vector<std::string> told;
  for (const ExecutablePart& part : parts) {
    for (OpPlacement op : part.placement.ops) {
      op.op = static_cast<int>(whole.ops.size());
      whole.ops.push_back(std::move(op));
    }
    for (const std::string& text : part.placement.inserted) whole.inserted.push_back(part.file + ": " + text);
    told.push_back(fmt::format("{} on {}: {}", part.file, part.target.ToString(), part.placement.evidence));
  }
  whole.evidence = Join(told, "; ");
  return whole;
}

class ChainProgram : public Program {
 public:
  ChainProgram(std::vector<ChainLink> links, const std::vector<std::string>& outputs) : links_(std::move(links)) {
    for (size_t link = 0; link < links_.size(); ++link) AddLink(static_cast<int>(link));
    for (const std::string& output : outputs) AddOutput(output);
    for (const ChainLink& link : links_) parts_.push_back({link.file, link.target, link.executable->placement()});
    placement_ = PlacementOf(parts_);
  }

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  const std::vector<ExecutablePart>& parts() const { return parts_; }

  void Invoke(Binding& binding) override {
    Calls& calls = CallsOf(binding);
    for (size_t link = 0; link < links_.size(); ++link) {
      for (size_t port = 0; port < sources_[link].size(); ++port) {
        const Source& source = sources_[link][port];
        Buffer& from = source.link < 0 ? binding.input(source.port)
                                       : calls.of_link[static_cast<size_t>(source.link)]->output(source.port);
        Buffer& bound = calls.of_link[link]->input(static_cast<int>(port));
        if (bound.empty() || bound.data() != from.data())
          calls.of_link[link]->SetInput(static_cast<int>(port), from.Share());
      }
      Run(*links_[link].executable, calls.of_link[link]);
    }
    for (size_t port = 0; port < outputs_.size(); ++port) Give(calls, static_cast<int>(port), binding);
  }

 private:
  // Of one binding of ours.
  struct Calls {
    std::vector<std::shared_ptr<Binding>> of_link;
  };

  static const Port* Find(const std::vector<Port>& ports, const std::string& name, int& index) {
    for (index = 0; index < static_cast<int>(ports.size()); ++index)
      if (ports[static_cast<size_t>(index)].name == name) return &ports[static_cast<size_t>(index)];
    return nullptr;
  }

  // The newest link that gives it; -1, 0 where none does.
  Source MakerOf(const std::string& name, int before, const Port** made) const {
    for (int link = before; link-- > 0;) {
      Source source{.link = link};
      *made = Find(links_[static_cast<size_t>(link)].executable->signature().outputs, name, source.port);
      if (*made != nullptr) return source;
    }
    return {};
  }

  void AddLink(int link) {
    std::vector<Source>& sources = sources_.emplace_back();
    for (const Port& port : links_[static_cast<size_t>(link)].executable->signature().inputs) {
      const Port* made = nullptr;
      Source source = MakerOf(port.name, link, &made);
      if (made == nullptr) made = Find(signature_.inputs, port.name, source.port);
      if (made == nullptr) {
        source.port = static_cast<int>(signature_.inputs.size());
        signature_.inputs.push_back(port);
      } else if (made->spec.dtype != port.spec.dtype || made->spec.shape != port.spec.shape) {
        throw Error(ErrorCode::kInvalidModel,
                    fmt::format("{}: '{}' is {} there and {} before it; write the bundle anew",
                                links_[static_cast<size_t>(link)].file, port.name, FormatSpec(port.spec),
                                FormatSpec(made->spec)));
      }
      sources.push_back(source);
    }
  }

  void AddOutput(const std::string& name) {
    const Port* made = nullptr;
    const Source source = MakerOf(name, static_cast<int>(links_.size()), &made);
    if (made == nullptr)
      throw Error(ErrorCode::kInvalidModel, fmt::format("no part of the bundle makes the output '{}'", name));
    outputs_.push_back(source);
    signature_.outputs.push_back(*made);
  }

  Calls& CallsOf(Binding& binding) const {
    const void* owner = links_.front().executable.get();
    if (auto* known = static_cast<Calls*>(binding.slot(owner))) return *known;
    auto made = std::make_shared<Calls>();
    for (const ChainLink& link : links_)
      made->of_link.push_back(std::make_shared<Binding>(link.executable->signature()));
    binding.SetSlot(owner, made);
    return *made;
  }

  // A copy: the link's own memory is written again by its next call.
  void Give(const Calls& calls, int port, Binding& binding) const {
    const Source& source = outputs_[static_cast<size_t>(port)];
    const Buffer& made = calls.of_link[static_cast<size_t>(source.link)]->output(source.port);
    Buffer& given = binding.output(port);
    if (given.empty() || given.spec().shape != made.spec().shape) {
      binding.ProvideOutput(port, made.Clone());
    } else if (made.size_bytes() > 0) {
      std::copy_n(static_cast<const char*>(made.data()), made.size_bytes(), static_cast<char*>(given.data()));
    }
  }

  std::vector<ChainLink> links_;
  std::vector<std::vector<Source>> sources_;  // by link, by its input
  std::vector<Source> outputs_;
  std::vector<ExecutablePart> parts_;
  Signature signature_;
  Placement placement_;
};

class ChainExecutable : public Executable, public InParts {
 public:
  ChainExecutable(const std::shared_ptr<ChainProgram>& program, const ExecutableOptions& options)
      : program_(program), executable_(MakeExecutable(program, options)) {}

  const Signature& signature() const override { return executable_->signature(); }
  const Placement& placement() const override { return executable_->placement(); }
  Completion Start(std::shared_ptr<Binding> binding) override { return executable_->Start(std::move(binding)); }
  const std::vector<ExecutablePart>& parts() const override { return program_->parts(); }

 private:
  std::shared_ptr<ChainProgram> program_;
  std::unique_ptr<Executable> executable_;
};

}  // namespace

std::unique_ptr<Executable> MakeChain(std::vector<ChainLink> links, const std::vector<std::string>& outputs,
                                      const ExecutableOptions& options) {
  return std::make_unique<ChainExecutable>(std::make_shared<ChainProgram>(std::move(links), outputs), options);
}

}  // namespace consort
