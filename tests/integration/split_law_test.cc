// The split law: whatever cuts are chosen, the shards in a row give what the whole model gives. Bit by bit for OpenVINO
// in fp32 and for ONNX Runtime up to its extended optimisations at cuts outside known fusions, within 1e-5 of the
// largest value at its full ones; anywhere at all within 1e-4. Models: those of scripts/models.py (architectures with
// weights from a seed, real ones as they are) and the zoo's.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "bench/chain.h"
#include "consort/error.h"
#include "consort/registry.h"
#include "split_law_subjects.h"
#include "shard/extract.h"
#include "shard/folding.h"
#include "shard/fusions.h"

namespace consort {
namespace {

using law::Choose;
using law::MakeInputs;
using law::Places;
using law::Subject;

constexpr double kFullTolerance = 1e-5;
constexpr double kAnywhereTolerance = 1e-4;

struct Engine {
  std::string name;
  std::string target;
  Optimization optimization = Optimization::kFull;
  bool bitwise = true;
};

const std::vector<Engine>& Engines() {
  static const std::vector<Engine> engines = {{"ort-basic", "cpu@onnxruntime", Optimization::kBasic, true},
                                              {"ort-extended", "cpu@onnxruntime", Optimization::kExtended, true},
                                              {"ort-full", "cpu@onnxruntime", Optimization::kFull, false},
                                              {"openvino", "cpu@openvino", Optimization::kFull, true}};
  return engines;
}

Device& DeviceOf(const Engine& engine) {
  static const Registry registry = MakeBuiltinRegistry();
  static std::map<std::string, std::shared_ptr<Device>> devices;
  std::shared_ptr<Device>& device = devices[engine.target];
  if (!device) device = registry.Open(Target::Parse(engine.target));
  return *device;
}

Chain Compile(const Engine& engine, const std::vector<Model>& shards) {
  Chain chain;
  for (const Model& shard : shards) {
    chain.Add(DeviceOf(engine), shard, {.optimization = engine.optimization, .threads = 1, .prove_placement = false});
  }
  return chain;
}

std::vector<Model> ShardsOf(const Model& model, const std::vector<int>& positions) {
  std::vector<Model> shards;
  for (const Shard& shard : DivideAt(model.graph(), positions).shards) {
    shards.push_back(ShardModel(model, shard, fmt::format("{}-{}", model.name(), shards.size() + 1)));
  }
  return shards;
}

// The worst output.
struct Verdict {
  bool bitwise = true;
  double relative = 0;
  std::string output;
};

Verdict Judge(const Graph& graph, const Tensors& results, const Tensors& wanted) {
  Verdict verdict;
  for (const TensorId id : graph.outputs()) {
    const std::string& name = graph.tensor(id).name;
    const Comparison comparison = Compare(results.at(name), wanted.at(name));
    verdict.bitwise = verdict.bitwise && comparison.bitwise_equal;
    if (comparison.relative() <= verdict.relative) continue;
    verdict.relative = comparison.relative();
    verdict.output = name;
  }
  return verdict;
}

std::string Describe(const Model& model, const std::vector<int>& positions) {
  std::vector<std::string> parts;
  for (const int position : positions)
    parts.push_back(fmt::format("{} (behind {})", position, model.graph().op(position - 1).name));
  return fmt::format("{}", fmt::join(parts, ", "));
}

class SplitLaw : public ::testing::TestWithParam<Subject> {
 protected:
  bool IsRefused(const Engine& engine) const {
    return !GetParam().refused_by.empty() && engine.target.ends_with(GetParam().refused_by);
  }

  // Inputs and what the whole model makes of them; none for an empty batch that the engine does not take.
  struct Case {
    int64_t batch = 1;
    Tensors inputs;
    Tensors wanted;
  };
  std::vector<Case> Cases(Chain& whole, const Model& model) const {
    std::vector<Case> cases;
    for (const int64_t batch : GetParam().batches) {
      Case one{.batch = batch, .inputs = MakeInputs(GetParam(), model, batch, 7)};
      try {
        one.wanted = whole.Run(one.inputs);
      } catch (const Error&) {
        if (batch != 0) throw;
        continue;
      }
      cases.push_back(std::move(one));
    }
    return cases;
  }
};

// A line of what was seen.
void Say(const std::string& name, const Engine& engine, const std::string& what, int divisions, int bitwise,
         double worst) {
  fmt::print("{:24} {:13} {:16} {:3} runs, {:3} bitwise, worst {:.1e}\n", name, engine.name, what, divisions, bitwise,
             worst);
}

TEST_P(SplitLaw, ShardsGiveWhatTheWholeGives) {
  const Model model = GetParam().load();
  const FusionIndex fusions(model.graph());
  const std::vector<int> outside = Places(model.graph(), fusions, true);
  const std::vector<int> anywhere = Places(model.graph(), fusions, false);
  ASSERT_FALSE(anywhere.empty());
  for (const Engine& engine : Engines()) {
    if (IsRefused(engine)) continue;
    std::mt19937_64 random(std::accumulate(model.name().begin(), model.name().end(), uint64_t{1}));
    Chain whole = Compile(engine, {model});
    const std::vector<Case> cases = Cases(whole, model);
    for (const bool is_outside : {true, false}) {
      const std::vector<int>& places = is_outside ? outside : anywhere;
      if (places.empty()) continue;
      int runs = 0;
      int equal = 0;
      double worst = 0;
      const int divisions = is_outside ? 3 : 1;
      for (int division = 0; division < divisions; ++division) {
        const std::vector<int> positions = Choose(places, division == 0 ? 1 : 5, random);
        Chain chain = Compile(engine, ShardsOf(model, positions));
        for (const Case& one : cases) {
          const Verdict verdict = Judge(model.graph(), chain.Run(one.inputs), one.wanted);
          const std::string place =
              fmt::format("{}, batch {}, cuts {}, output {}, relative {:.2g}", engine.name, one.batch,
                          Describe(model, positions), verdict.output, verdict.relative);
          EXPECT_TRUE(verdict.bitwise || !is_outside || !engine.bitwise) << place;
          EXPECT_LE(verdict.relative, is_outside ? kFullTolerance : kAnywhereTolerance) << place;
          ++runs;
          equal += verdict.bitwise ? 1 : 0;
          worst = std::max(worst, verdict.relative);
        }
      }
      Say(GetParam().name, engine, is_outside ? "outside fusions" : "anywhere", runs, equal, worst);
    }
  }
}

// The law would be worth nothing if outputs did not depend on inputs, or on what crosses.
TEST_P(SplitLaw, CanFail) {
  const Model model = GetParam().load();
  const Engine& engine = Engines().front();
  const int64_t batch = GetParam().batches.back();
  const Tensors inputs = MakeInputs(GetParam(), model, batch, 7);
  Chain whole = Compile(engine, {model});
  const Tensors wanted = whole.Run(inputs);
  EXPECT_FALSE(Judge(model.graph(), whole.Run(MakeInputs(GetParam(), model, batch, 8)), wanted).bitwise);

  // Two channels of one floating-point tensor, swapped at a cut in the middle.
  const FusionIndex fusions(model.graph());
  for (const int position : Places(model.graph(), fusions, true)) {
    const std::vector<TensorId> crossing = Folding(model.graph()).CutAt(position).crossing;
    if (position < static_cast<int>(model.graph().ops().size()) / 2 || crossing.empty()) continue;
    const Tensor& tensor = model.graph().tensor(crossing.back());
    if (tensor.spec.dtype != DataType::kFloat32 || tensor.spec.shape.size() < 2) continue;
    const std::vector<Model> shards = ShardsOf(model, {position});
    Chain front = Compile(engine, {shards[0]});
    Tensors carried = front.Run(inputs);
    for (const auto& [name, input] : inputs) carried.emplace(name, input.Share());
    Buffer swapped = carried.at(tensor.name).Clone();
    const Shape& shape = swapped.spec().shape;
    if (shape[1] < 2) continue;
    const int64_t plane = std::accumulate(shape.begin() + 2, shape.end(), int64_t{1}, std::multiplies<>());
    const auto values = swapped.as<float>();
    std::swap_ranges(values.begin(), values.begin() + plane, values.begin() + plane);
    if (Compare(swapped, carried.at(tensor.name)).bitwise_equal) continue;
    carried.insert_or_assign(tensor.name, std::move(swapped));
    Chain back = Compile(engine, {shards[1]});
    Tensors results = back.Run(carried);
    for (auto& [name, value] : carried) results.emplace(name, value.Share());  // outputs of the front
    const Verdict verdict = Judge(model.graph(), results, wanted);
    EXPECT_GT(verdict.relative, kFullTolerance) << "swapped channels of " << tensor.name;
    fmt::print("{:24} two channels of {} swapped: differs by {:.1e}\n", GetParam().name, tensor.name, verdict.relative);
    return;
  }
  GTEST_SKIP() << "no cut in the second half carries channels";
}

INSTANTIATE_TEST_SUITE_P(Default, SplitLaw, ::testing::ValuesIn(law::DefaultSubjects()), law::TestName);
INSTANTIATE_TEST_SUITE_P(Long, SplitLaw, ::testing::ValuesIn(law::LongSubjects()), law::TestName);

}  // namespace
}  // namespace consort
