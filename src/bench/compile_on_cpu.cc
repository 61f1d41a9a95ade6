#include "bench/compile_on_cpu.h"

#include <memory>
#include <utility>
#include <vector>

#include "bench/accuracy.h"
#include "consort/error.h"

namespace consort {

CompileModel CompileOnCpu(const Registry& registry) {
  return [&registry](const Model& model) -> RunModel {
    const SubjectOptions options{.compile = {.prove_placement = false}};
    const Target target = registry.Resolve(Target::Parse(kQuantizeTarget));
    const auto evaluator = std::make_shared<Evaluator>(registry, target, Artifact(model), options);
    return [evaluator](const std::vector<NamedTensor>& inputs) {
      std::vector<Buffer> buffers;
      for (const Port& port : evaluator->signature().inputs) {
        const Buffer* input = FindTensor(inputs, port.name);
        if (input == nullptr) throw Error(ErrorCode::kInternal, "there is no sample of input '" + port.name + "'");
        buffers.push_back(input->Share());
      }
      return evaluator->Evaluate(std::move(buffers));
    };
  };
}

}  // namespace consort
