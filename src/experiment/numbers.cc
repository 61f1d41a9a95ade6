#include "experiment/numbers.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "backends/quantizing/quantizing_backend.h"
#include "bench/compile_on_cpu.h"
#include "bench/subject.h"
#include "io/random_input.h"
#include "quantize/half_precision.h"
#include "quantize/shard_form.h"

namespace consort::experiment {
namespace {

std::vector<NamedTensor> SeededSet(const Signature& signature, uint64_t seed) {
  std::vector<NamedTensor> tensors;
  for (const Port& port : signature.inputs) tensors.push_back({port.name, RandomInput(port.spec, seed, port.name)});
  return tensors;
}

}  // namespace

// Integer forms by float model and precision; ranges of the network they are part of. Thread-safe.
class IntegerForms {
 public:
  // Ranges come from the network at its batch.
  IntegerForms(Testbed& testbed, Network network) : testbed_(testbed), network_(std::move(network)) {}

  Model FormOf(const Model& model, Precision precision) {
    std::lock_guard lock(mutex_);
    if (ranges_.empty()) Measure();
    const std::pair key(model.fingerprint(), precision);
    const auto known = forms_.find(key);
    if (known != forms_.end()) return known->second;
    const ByteType type = precision == Precision::kInt8 ? ByteType::kInt8 : ByteType::kUInt8;
    return forms_.emplace(key, QuantizedForm(model, ranges_, {.format = {.type = type}})).first->second;
  }

 private:
  void Measure() {
    testbed_.Say(fmt::format("{}: calibrating", Describe(network_)));
    const Model whole = testbed_.ModelOf(network_);
    const Signature signature = SignatureOf(whole.graph());
    const Samples samples{.count = kCalibrationSets, .get = [&](int set) {
                            return SeededSet(signature, testbed_.seed() + kCalibrationSeeds + static_cast<uint64_t>(set));
                          }};
    const Registry registry = MakeBuiltinRegistry();
    ranges_ = CalibrateAll(whole, samples, CompileOnCpu(registry), {});
  }

  std::mutex mutex_;
  Testbed& testbed_;
  Network network_;
  Ranges ranges_;
  std::map<std::pair<std::string, Precision>, Model> forms_;
};

namespace {

// Those of the network of late.
std::shared_ptr<IntegerForms> FormsOf(Testbed& testbed, const Network& network) {
  std::map<std::string, std::shared_ptr<IntegerForms>>& known = testbed.integer_forms();
  Network one = network;
  one.make.batch = 1;
  const std::string key = Describe(one);
  if (known.count(key) == 0) known = {{key, std::make_shared<IntegerForms>(testbed, one)}};
  return known.at(key);
}

Model ParsedAs(const onnx::ModelProto& proto, const std::string& name) {
  const std::string bytes = proto.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), name);
}

// The model that computes as a device of that precision would, in its numeric form.
Model NumericForm(Testbed& testbed, const Network& network, Precision precision) {
  const Model model = testbed.ModelOf(network);
  if (precision == Precision::kFp16) return ParsedAs(ConvertToFp16(model).proto, model.name());
  if (precision == Precision::kBf16) return ParsedAs(RoundWeightsToBf16(model).proto, model.name());
  return precision == Precision::kFp32 ? model : FormsOf(testbed, network)->FormOf(model, precision);
}

std::string DescribeForm(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return fmt::format("{}, the reference itself", kQuantizeTarget);
    case Precision::kBf16:
      return fmt::format("{}, weights rounded to bf16", kQuantizeTarget);
    default:
      return fmt::format("{}, the network in {}", kQuantizeTarget, ToString(precision));
  }
}

RunModel RunOn(const Registry& registry, const Target& target, const Model& model) {
  const SubjectOptions options{.compile = {.prove_placement = false}};
  const auto evaluator = std::make_shared<Evaluator>(registry, target, Artifact(model), options);
  return [evaluator](const std::vector<NamedTensor>& inputs) {
    std::vector<Buffer> buffers;
    for (const Port& port : evaluator->signature().inputs) buffers.push_back(FindTensor(inputs, port.name)->Share());
    return evaluator->Evaluate(std::move(buffers));
  };
}

}  // namespace

Registry QuantizingRegistry(Testbed& testbed, const Network& network) {
  const std::shared_ptr<IntegerForms> forms = FormsOf(testbed, network);
  const TestbedOptions& options = testbed.options();
  return MakeQuantizingRegistry({.platform = options.platform, .settings = options.settings},
                                [forms](const Model& model, Precision precision) { return forms->FormOf(model, precision); });
}

NumbersCheck CheckNumbers(Testbed& testbed, const TestDevice& device, const Network& network, int inputs) {
  Network one = network;
  one.make.batch = 1;
  testbed.Say(fmt::format("{}: numbers of {}", device.name, Describe(one)));
  const Registry registry = QuantizingRegistry(testbed, one);
  const CompileModel compile = CompileOnCpu(registry);
  const Model model = testbed.ModelOf(one);
  const RunModel reference = compile(model);
  const RunModel run = device.emulated() ? compile(NumericForm(testbed, one, device.precision))
                                         : RunOn(registry, device.target, model);
  AccuracyTally tally;
  for (int set = 0; set < inputs; ++set) {
    const std::vector<NamedTensor> given = SeededSet(SignatureOf(model.graph()), testbed.seed() + static_cast<uint64_t>(set));
    tally.Add(run(given), reference(given));
  }
  return {tally.Summarise(), device.emulated() ? DescribeForm(device.precision) : device.target.ToString()};
}

}  // namespace consort::experiment
