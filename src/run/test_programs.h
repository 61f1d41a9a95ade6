// Programs whose times and faults tests control.
#ifndef CONSORT_RUN_TEST_PROGRAMS_H_
#define CONSORT_RUN_TEST_PROGRAMS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "consort/backend.h"
#include "run/prepared.h"

namespace consort::test {

inline Port FloatPort(const std::string& name, const Shape& shape = {4}) {
  return {.name = name, .spec = {DataType::kFloat32, shape}, .dim_names = std::vector<std::string>(shape.size())};
}

// One output made from all inputs, element by element: sum over the inputs, times `factor`, plus `offset`. `before`
// runs first in every call and may sleep, throw or hang; `after` may spoil the output. Allocates nothing when its
// outputs are bound.
class ArithmeticProgram : public Program {
 public:
  struct Options {
    std::vector<Port> inputs;
    std::vector<Port> outputs;  // all get the same values
    float factor = 1;
    float offset = 0;
    std::function<void()> before;
    std::function<void(Binding&)> after;
  };
  explicit ArithmeticProgram(Options options)
      : options_(std::move(options)), signature_{.inputs = options_.inputs, .outputs = options_.outputs} {}

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override {
    if (options_.before) options_.before();
    for (int port = 0; port < binding.output_count(); ++port) {
      if (!binding.output_is_callers(port) &&
          (binding.output(port).empty() || binding.output(port).spec() != binding.input(0).spec())) {
        binding.ProvideOutput(port, Buffer::Allocate(binding.input(0).spec()));
      }
      Compute(binding, binding.output(port).as<float>());
    }
    if (options_.after) options_.after(binding);
  }

 private:
  void Compute(Binding& binding, std::span<float> output) const {
    for (size_t i = 0; i < output.size(); ++i) {
      float sum = 0;
      for (int port = 0; port < binding.input_count(); ++port) sum += binding.input(port).as<float>()[i];
      output[i] = sum * options_.factor + options_.offset;
    }
  }

  Options options_;
  Signature signature_;
  Placement placement_;
};

struct ReplicaOptions {
  std::string name = "device";
  Execution execution = Execution::kCaller;
  Clock* clock = nullptr;
};

inline PreparedReplica MakeReplica(ArithmeticProgram::Options program, const ReplicaOptions& options = {}) {
  return {.name = options.name,
          .executable = MakeExecutable(std::make_shared<ArithmeticProgram>(std::move(program)),
                                       {.execution = options.execution, .clock = options.clock})};
}

// A part of a divided stage: it takes `samples` rows of each call, which the ports of the program have.
inline PreparedReplica MakePart(ArithmeticProgram::Options program, int64_t samples,
                                const ReplicaOptions& options = {}) {
  PreparedReplica replica = MakeReplica(std::move(program), options);
  replica.samples = samples;
  return replica;
}

// Stage k of a chain: t<k> → t<k+1> = t<k> * 2 + k.
inline ArithmeticProgram::Options ChainStage(int stage, const Shape& shape = {4}) {
  return {.inputs = {FloatPort("t" + std::to_string(stage), shape)},
          .outputs = {FloatPort("t" + std::to_string(stage + 1), shape)},
          .factor = 2,
          .offset = static_cast<float>(stage)};
}

// What a chain of so many stages makes of a value.
inline float ChainValue(float value, int stages) {
  for (int stage = 0; stage < stages; ++stage) value = value * 2 + static_cast<float>(stage);
  return value;
}

inline Buffer Filled(float value, const Shape& shape = {4}) {
  Buffer buffer = Buffer::Allocate({DataType::kFloat32, shape});
  for (float& element : buffer.as<float>()) element = value;
  return buffer;
}

}  // namespace consort::test

#endif  // CONSORT_RUN_TEST_PROGRAMS_H_
