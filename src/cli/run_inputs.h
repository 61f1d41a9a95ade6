// The inputs of a model: files read once, then fitted to the ports of each target.
#ifndef CONSORT_CLI_RUN_INPUTS_H_
#define CONSORT_CLI_RUN_INPUTS_H_

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/model_options.h"
#include "consort/device.h"
#include "io/image.h"
#include "io/named_tensor.h"

namespace consort {

// What is bound to one input port. `tensor` fits the port, but for a sequence, whose axis 0 is time.
struct PortInput {
  Buffer tensor;
  std::string origin;  // "page.jpg", "seed 0", "zeros"
  bool sequence = false;
};

// Pairs of (input port, output port): what the signature declares and what --state adds. Throws kInvalidArgument for a
// name that no port has.
std::vector<std::pair<int, int>> StatePorts(const Signature& signature, const InputArguments& options);

// The number of steps of the sequences among the inputs, which must agree (else kInvalidArgument); 0 without any.
int64_t CountSteps(const std::vector<PortInput>& inputs);

// The index of a port, or kInvalidArgument listing the ports. `what` is "input" or "output".
int RequirePort(const std::vector<Port>& ports, const std::string& name, const std::string& what);

// The input files of a command.
class RunInputs {
 public:
  // Reads every file; `options` must outlive this. Throws as the parsers of src/io do.
  explicit RunInputs(const InputArguments& options);

  // One entry per input port: from its file, zeros for a state, else from the seed. Throws kInvalidArgument naming file
  // and port where they do not fit, or a port that has neither a file nor a static shape.
  std::vector<PortInput> For(const Signature& signature) const;
  // The tensors alone: what an InputSource gives.
  std::vector<Buffer> BuffersFor(const Signature& signature) const;

 private:
  struct Source {
    NamedFile file;
    bool archive = false;  // .npz: its members are named after inputs
    std::vector<NamedTensor> tensors;
    std::optional<Image> image;
  };

  int PortOf(const Signature& signature, const Source& source, const std::string& tensor_name) const;
  Buffer FromImage(const Port& port, const Image& image, const std::string& place) const;
  void Assign(const Source& source, const Signature& signature, std::vector<PortInput>& inputs) const;
  void Place(PortInput input, const Port& port, PortInput& slot) const;
  PortInput WithoutFile(const Port& port, bool state) const;

  const InputArguments& options_;
  std::vector<Source> sources_;
};

}  // namespace consort

#endif  // CONSORT_CLI_RUN_INPUTS_H_
