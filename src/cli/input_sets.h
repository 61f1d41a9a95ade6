// Inputs for what is computed several times, each time with others.
#ifndef CONSORT_CLI_INPUT_SETS_H_
#define CONSORT_CLI_INPUT_SETS_H_

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bench/chain.h"
#include "cli/run_inputs.h"
#include "cli/run_plan_flow.h"

namespace consort {

// Sets of inputs: the files that are given, and for ports without one a seed of each set's own.
class InputSets {
 public:
  static constexpr int kDefaultInputSets = 8;

  // `arguments` outlive it. No count: 8, or 1 with files.
  InputSets(const InputArguments& arguments, std::optional<int> count)
      : count_(count.value_or(arguments.inputs.empty() ? kDefaultInputSets : 1)), first_(arguments) {
    for (int set = 1; set < count_; ++set) {
      arguments_.push_back(std::make_unique<InputArguments>(arguments));
      arguments_.back()->seed += static_cast<uint64_t>(set);
      others_.emplace_back(*arguments_.back());
    }
  }

  int count() const { return count_; }
  std::vector<Buffer> Get(int set, const Signature& signature) const { return At(set).BuffersFor(signature); }
  // The same by name; of a sequence its first step.
  Tensors Named(int set, const Signature& signature) const {
    std::vector<PortInput> inputs = At(set).For(signature);
    Tensors tensors;
    for (size_t port = 0; port < inputs.size(); ++port) {
      Buffer& tensor = inputs[port].tensor;
      if (inputs[port].sequence) tensor = StepOf(tensor, 0, signature.inputs[port].spec.shape.size()).Clone();
      tensors.emplace(signature.inputs[port].name, std::move(tensor));
    }
    return tensors;
  }

 private:
  const RunInputs& At(int set) const { return set == 0 ? first_ : others_[static_cast<size_t>(set) - 1]; }

  int count_;
  RunInputs first_;
  std::vector<std::unique_ptr<InputArguments>> arguments_;  // what `others_` refer to
  std::vector<RunInputs> others_;
};

}  // namespace consort

#endif  // CONSORT_CLI_INPUT_SETS_H_
