// The split law for whole sessions: random plans — one to four stages at random cuts outside known fusions, one to
// three replicas each, some stages divided by samples and some by calls, several samples under way — give what the
// unsplit model gives. Bit by bit where every sample takes the same way through one engine (ONNX Runtime up to its
// basic optimisations, OpenVINO in fp32), within 1e-5 of the largest value at ONNX Runtime's full ones and where a
// batch is divided, within 1e-4 and a cosine of 0.99999 across engines. Where it is known which replica computes which
// rows, the session equals these replicas called one after the other, bit by bit.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>

#include "bench/chain.h"
#include "consort/error.h"
#include "consort/registry.h"
#include "run/prepare.h"
#include "run/session.h"
#include "split_law_subjects.h"

namespace consort {
namespace {

using law::Choose;
using law::MakeInputs;
using law::Places;
using law::Subject;

constexpr double kSameEngineTolerance = 1e-5;
constexpr double kAcrossEnginesTolerance = 1e-4;
constexpr double kLeastCosine = 0.99999;
constexpr int kSamples = 5;
constexpr char kOnnxRuntime[] = "cpu@onnxruntime";
constexpr char kOpenVino[] = "cpu@openvino";

// Targets that replicas are drawn from.
struct Kind {
  std::string name;
  std::vector<std::string> targets;
  Optimization optimization = Optimization::kBasic;
  bool bitwise = true;  // whole calls give the bits of the unsplit model
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {{"ort-basic", {kOnnxRuntime}},
                                          {"ort-full", {kOnnxRuntime}, Optimization::kFull, false},
                                          {"openvino", {kOpenVino}},
                                          {"mixed", {kOnnxRuntime, kOpenVino}, Optimization::kBasic, false}};
  return kinds;
}

const Registry& Engines() {
  static const Registry registry = MakeBuiltinRegistry();
  return registry;
}

CompileOptions CompileFor(const Kind& kind) {
  return {.optimization = kind.optimization, .threads = 1, .prove_placement = false};
}

// --- Random plans
// ------------------------------------------------------------------------------------------------

// `parts` numbers of at least 1 that add up to `sum`.
std::vector<int64_t> Divide(int64_t sum, int64_t parts, std::mt19937_64& random) {
  std::vector<int64_t> numbers(static_cast<size_t>(parts), 1);
  for (int64_t i = parts; i < sum; ++i) ++numbers[random() % numbers.size()];
  return numbers;
}

class PlanMaker {
 public:
  PlanMaker(const Graph& graph, const Kind& kind, uint64_t seed)
      : kind_(kind), ops_(static_cast<int>(graph.ops().size())), random_(seed) {
    places_ = Places(graph, FusionIndex(graph), /*outside_fusions=*/true);
  }

  Plan Next(int64_t batch, bool may_divide) {
    Plan plan{.batch = batch};
    std::vector<int> ends;
    const int cuts = static_cast<int>(random_() % 4);
    if (cuts > 0 && !places_.empty()) ends = Choose(places_, cuts, random_);
    ends.push_back(ops_);
    int begin = 0;
    for (const int end : ends) {
      plan.stages.push_back({.begin = begin, .end = end, .queue_depth = 1 + static_cast<int>(random_() % 2)});
      AddReplicas(plan.stages.back(), batch, may_divide);
      begin = end;
    }
    return plan;
  }

 private:
  void AddReplicas(Stage& stage, int64_t batch, bool may_divide) {
    const auto count = static_cast<int64_t>(1 + random_() % 3);
    const bool divides = may_divide && count > 1 && batch >= count && random_() % 2 == 0;
    const std::vector<int64_t> samples = divides ? Divide(batch, count, random_) : std::vector<int64_t>(count, 0);
    for (const int64_t part : samples) {
      stage.replicas.push_back({.target = Target::Parse(kind_.targets[random_() % kind_.targets.size()]),
                                .threads = 1,
                                .share = 1.0 / static_cast<double>(count),
                                .samples = part});
    }
  }

  const Kind& kind_;
  int ops_;
  std::vector<int> places_;
  std::mt19937_64 random_;
};

bool IsDivided(const Stage& stage) { return stage.replicas[0].samples > 0; }
bool IsDivided(const Plan& plan) {
  return std::any_of(plan.stages.begin(), plan.stages.end(), [](const Stage& stage) { return IsDivided(stage); });
}

// Whether each sample takes the same way: replicas that take parts of one size (all, of a stage that is not divided) are
// on the same target, so that it does not matter which of them is free first.
bool IsDetermined(const Stage& stage) {
  std::map<int64_t, Target> by_size;
  return std::all_of(stage.replicas.begin(), stage.replicas.end(), [&](const Replica& replica) {
    return by_size.try_emplace(replica.samples, replica.target).first->second == replica.target;
  });
}
bool IsDetermined(const Plan& plan) {
  return std::all_of(plan.stages.begin(), plan.stages.end(), [](const Stage& stage) { return IsDetermined(stage); });
}

std::string Describe(const Plan& plan) {
  std::string text = fmt::format("batch {}:", plan.batch);
  for (const Stage& stage : plan.stages) {
    std::vector<std::string> replicas;
    for (const Replica& replica : stage.replicas) {
      replicas.push_back(replica.samples > 0 ? fmt::format("{} of {}", replica.target.ToString(), replica.samples)
                                             : replica.target.ToString());
    }
    text += fmt::format(" [ops {}-{} on {}]", stage.begin, stage.end, fmt::join(replicas, ", "));
  }
  return text;
}

// --- What is wanted
// ----------------------------------------------------------------------------------------------

// Rows of a tensor, or all of it (count 0).
Buffer Rows(const Buffer& tensor, int64_t begin, int64_t count) {
  if (count == 0) return tensor.Clone();
  TensorSpec spec = tensor.spec();
  const size_t row = tensor.size_bytes() / static_cast<size_t>(spec.shape[0]);
  spec.shape[0] = count;
  Buffer rows = Buffer::Allocate(spec);
  std::memcpy(rows.data(), static_cast<const char*>(tensor.data()) + row * static_cast<size_t>(begin),
              rows.size_bytes());
  return rows;
}

void Append(const Buffer& rows, Buffer& tensor) {
  if (tensor.empty()) {
    tensor = rows.Clone();
    return;
  }
  TensorSpec spec = tensor.spec();
  spec.shape[0] += rows.spec().shape[0];
  Buffer longer = Buffer::Allocate(spec);
  std::memcpy(longer.data(), tensor.data(), tensor.size_bytes());
  std::memcpy(static_cast<char*>(longer.data()) + tensor.size_bytes(), rows.data(), rows.size_bytes());
  tensor = std::move(longer);
}

// The plan's own executables, called one after the other: of a divided stage each for its rows, else the first.
Tensors CallOneByOne(const PreparedPlan& prepared, const Tensors& inputs) {
  Tensors tensors;
  for (const auto& [name, input] : inputs) tensors.emplace(name, input.Share());
  for (const PreparedStage& stage : prepared.stages) {
    std::map<std::string, Buffer> made;
    int64_t begin = 0;
    for (const PreparedReplica& replica : stage.replicas) {
      const auto binding = std::make_shared<Binding>(replica.executable->signature());
      for (int port = 0; port < binding->input_count(); ++port) {
        binding->SetInput(port, Rows(tensors.at(binding->signature().inputs[port].name), begin, replica.samples));
      }
      consort::Run(*replica.executable, binding);
      for (int port = 0; port < binding->output_count(); ++port) {
        Append(binding->output(port), made[binding->signature().outputs[port].name]);
      }
      begin += replica.samples;
      if (replica.samples == 0) break;
    }
    for (auto& [name, tensor] : made) tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

struct Verdict {
  bool bitwise = true;
  double relative = 0;
  double cosine = 1;
};

Verdict Judge(const Session& session, const std::vector<Buffer>& outputs, const Tensors& wanted) {
  Verdict verdict;
  for (size_t port = 0; port < outputs.size(); ++port) {
    const Comparison comparison = Compare(outputs[port], wanted.at(session.outputs()[port].name));
    verdict.bitwise = verdict.bitwise && comparison.bitwise_equal;
    verdict.relative = std::max(verdict.relative, comparison.relative());
    verdict.cosine = std::min(verdict.cosine, comparison.cosine);
  }
  return verdict;
}

std::vector<Buffer> InOrder(const Session& session, const Tensors& inputs) {
  std::vector<Buffer> ordered;
  for (const Port& port : session.inputs()) ordered.push_back(inputs.at(port.name).Share());
  return ordered;
}

// All at once; delivered in the opposite order.
std::vector<std::vector<Buffer>> RunAll(Session& session, const std::vector<Tensors>& samples) {
  std::vector<Ticket> tickets;
  for (const Tensors& inputs : samples) tickets.push_back(session.Submit(InOrder(session, inputs)));
  std::vector<std::vector<Buffer>> results(samples.size());
  for (size_t i = samples.size(); i-- > 0;) {
    results[i].resize(session.outputs().size());
    session.Wait(tickets[i], results[i]);
  }
  return results;
}

// --- The law
// -----------------------------------------------------------------------------------------------------

class SessionLaw : public ::testing::TestWithParam<Subject> {
 protected:
  std::vector<Kind> KindsHere() const {
    std::vector<Kind> kinds = Kinds();
    std::erase_if(kinds, [](const Kind& kind) {
      return std::any_of(kind.targets.begin(), kind.targets.end(),
                         [](const std::string& target) { return GetParam().IsRefusedBy(target); });
    });
    return kinds;
  }
  static std::vector<int64_t> Batches() {
    return GetParam().has_batches() ? std::vector<int64_t>{1, 3, 5, 7} : std::vector<int64_t>{1};
  }
  static int Rounds() { return GetParam().has_batches() ? 1 : 3; }
  static uint64_t SeedOf(const Kind& kind) {
    const std::string text = GetParam().name + kind.name;
    return std::accumulate(text.begin(), text.end(), uint64_t{7}, [](uint64_t a, char c) { return a * 31 + c; });
  }
  static Chain Whole(const Kind& kind, const Model& model) {
    Chain chain;
    chain.Add(*Engines().Open(Engines().Resolve(Target::Parse(kind.targets[0]))), model, CompileFor(kind));
    return chain;
  }
  static PreparedPlan PrepareAll(const Plan& plan, const Model& model, const Kind& kind) {
    const ShardSource shards = ShardsOf([](int64_t batch) { return GetParam().load_at(batch); }, plan);
    return Prepare(plan, model.graph(), shards, Engines(), {.compile = CompileFor(kind)});
  }

  void Try(const Kind& kind, Chain& whole, const Model& model, const Plan& plan);

  int plans_ = 0;
  int divided_ = 0;
  int bitwise_ = 0;
  double worst_ = 0;
};

void SessionLaw::Try(const Kind& kind, Chain& whole, const Model& model, const Plan& plan) {
  const std::string what = kind.name + ", " + Describe(plan);
  const PreparedPlan prepared = PrepareAll(plan, model, kind);
  std::vector<Tensors> samples;
  std::vector<Tensors> one_by_one;
  for (int i = 0; i < kSamples; ++i) {
    samples.push_back(MakeInputs(GetParam(), model, plan.batch, static_cast<uint64_t>(i)));
    if (IsDetermined(plan)) one_by_one.push_back(CallOneByOne(prepared, samples.back()));
  }
  Session session(prepared, {.max_in_flight = kSamples});
  const std::vector<std::vector<Buffer>> results = RunAll(session, samples);
  bool all_bitwise = true;
  for (int i = 0; i < kSamples; ++i) {
    if (IsDetermined(plan)) {
      EXPECT_TRUE(Judge(session, results[i], one_by_one[i]).bitwise) << what;
    }
    const Verdict verdict = Judge(session, results[i], whole.Run(samples[i]));
    EXPECT_TRUE(verdict.bitwise || !kind.bitwise || IsDivided(plan)) << what << ", sample " << i;
    const bool is_mixed = kind.targets.size() > 1;
    EXPECT_LE(verdict.relative, is_mixed ? kAcrossEnginesTolerance : kSameEngineTolerance) << what;
    EXPECT_GE(verdict.cosine, kLeastCosine) << what;
    all_bitwise = all_bitwise && verdict.bitwise;
    worst_ = std::max(worst_, verdict.relative);
  }
  ++plans_;
  divided_ += IsDivided(plan) ? 1 : 0;
  bitwise_ += all_bitwise ? 1 : 0;
}

TEST_P(SessionLaw, RandomPlansGiveWhatTheWholeGives) {
  for (const Kind& kind : KindsHere()) {
    plans_ = divided_ = bitwise_ = 0;
    worst_ = 0;
    std::optional<PlanMaker> maker;
    for (const int64_t batch : Batches()) {
      const Model model = GetParam().load_at(batch);
      if (!maker) maker.emplace(model.graph(), kind, SeedOf(kind));
      Chain whole = Whole(kind, model);
      for (int round = 0; round < Rounds(); ++round) {
        const Plan plan = maker->Next(batch, GetParam().has_batches());
        try {
          Try(kind, whole, model, plan);
        } catch (const Error& error) {
          // Only for a tensor that is not made of samples.
          if (error.code() != ErrorCode::kUnsupported || !IsDivided(plan)) throw;
          fmt::print("{}: refused: {}\n", Describe(plan), error.what());
        }
      }
    }
    fmt::print("{:24} {:10} {:3} plans, {:2} divide batches, {:3} bitwise, worst {:.1e}\n", GetParam().name, kind.name,
               plans_, divided_, bitwise_, worst_);
  }
}

// Sizes that are open until the sample comes: an empty batch gives empty outputs, or is refused with a reason; what
// comes behind it is right.
TEST_P(SessionLaw, AnEmptyBatchIsAnsweredOrRefused) {
  if (!GetParam().has_batches()) GTEST_SKIP() << "its batch is fixed";
  const Model model = GetParam().load();
  for (const Kind& kind : KindsHere()) {
    const Plan plan = PlanMaker(model.graph(), kind, SeedOf(kind)).Next(1, /*may_divide=*/false);
    Chain whole = Whole(kind, model);
    Session session(PrepareAll({.batch = kDynamic, .stages = plan.stages}, model, kind), {.max_in_flight = 2});
    std::string answer;
    for (const int64_t batch : {3, 0, 1, 0, 5}) {
      const Tensors inputs = MakeInputs(GetParam(), model, batch, 7);
      std::vector<Buffer> outputs(session.outputs().size());
      try {
        session.Run(InOrder(session, inputs), outputs);
      } catch (const Error& error) {
        if (batch != 0) throw;
        EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
        answer = error.what();
        continue;
      }
      if (batch != 0) {
        const Verdict verdict = Judge(session, outputs, whole.Run(inputs));
        EXPECT_LE(verdict.relative, kAcrossEnginesTolerance) << kind.name << ", " << Describe(plan);
        continue;
      }
      answer = "empty outputs";
      for (size_t port = 0; port < outputs.size(); ++port) {
        EXPECT_EQ(outputs[port].size_bytes(), 0u) << session.outputs()[port].name;
        EXPECT_EQ(outputs[port].spec().shape.size(), session.outputs()[port].spec.shape.size());
      }
    }
    fmt::print("{:24} {:10} {}\n", GetParam().name, kind.name, answer);
  }
}

// Swaps the first two channels of an output after each call.
class SwapsChannels : public Executable {
 public:
  SwapsChannels(std::shared_ptr<Executable> inner, int port) : inner_(std::move(inner)), port_(port) {}
  const Signature& signature() const override { return inner_->signature(); }
  const Placement& placement() const override { return inner_->placement(); }
  Completion Start(std::shared_ptr<Binding> binding) override {
    Completion completion = inner_->Start(binding);
    completion.Wait();
    Buffer& output = binding->output(port_);
    const Shape& shape = output.spec().shape;
    const int64_t plane = std::accumulate(shape.begin() + 2, shape.end(), int64_t{1}, std::multiplies<>());
    const auto values = output.as<float>();
    std::swap_ranges(values.begin(), values.begin() + plane, values.begin() + plane);
    return completion;
  }

 private:
  std::shared_ptr<Executable> inner_;
  int port_;
};

// An output with channels that a swap would change; -1: none.
int PortWithChannels(const Signature& signature) {
  for (size_t port = 0; port < signature.outputs.size(); ++port) {
    const TensorSpec& spec = signature.outputs[port].spec;
    if (spec.dtype == DataType::kFloat32 && spec.shape.size() >= 2 && spec.shape[1] >= 2)
      return static_cast<int>(port);
  }
  return -1;
}

// The law would be worth nothing if outputs did not depend on inputs, or on what crosses.
TEST_P(SessionLaw, CanFail) {
  const Kind& kind = Kinds().front();
  const Model model = GetParam().load_at(1);
  std::vector<int> places = Places(model.graph(), FusionIndex(model.graph()), /*outside_fusions=*/true);
  // The back first: nearer to the outputs.
  std::reverse(places.begin(), places.end());
  const std::vector<Tensors> samples = [&] {
    std::vector<Tensors> made;
    for (uint64_t seed = 0; seed < 2; ++seed) made.push_back(MakeInputs(GetParam(), model, 1, seed));
    return made;
  }();
  const Replica replica{.target = Target::Parse(kOnnxRuntime), .threads = 1};
  for (const int place : places) {
    Plan plan{.stages = {{.begin = 0, .end = place, .replicas = {replica}},
                         {.begin = place, .end = static_cast<int>(model.graph().ops().size()), .replicas = {replica}}}};
    PreparedPlan prepared = PrepareAll(plan, model, kind);
    std::shared_ptr<Executable>& front = prepared.stages[0].replicas[0].executable;
    const int port = PortWithChannels(front->signature());
    if (port < 0) continue;
    Session right(prepared);
    const auto results = RunAll(right, samples);
    Tensors wanted;
    for (size_t i = 0; i < results[0].size(); ++i) wanted.emplace(right.outputs()[i].name, results[0][i].Share());
    EXPECT_FALSE(Judge(right, results[1], wanted).bitwise) << "two inputs";
    front = std::make_shared<SwapsChannels>(front, port);
    Session wrong(prepared);
    const Verdict verdict = Judge(wrong, RunAll(wrong, samples)[0], wanted);
    if (verdict.bitwise) continue;  // two channels of the same values
    EXPECT_GT(verdict.relative, kSameEngineTolerance) << "swapped channels";
    fmt::print("{:24} two channels swapped: differs by {:.1e}\n", GetParam().name, verdict.relative);
    return;
  }
  GTEST_SKIP() << "no cut carries channels whose swap makes a difference";
}

std::vector<Subject> Chosen(const std::vector<Subject>& subjects, const std::vector<std::string>& names) {
  std::vector<Subject> chosen;
  for (const Subject& subject : subjects) {
    if (std::count(names.begin(), names.end(), subject.name) > 0) chosen.push_back(subject);
  }
  return chosen;
}

// Quick ones of each sort; the long part takes all.
const std::vector<std::string> kQuick = {"magika", "silero_vad_op18", "zoo-lenet", "zoo-gpt-tiny", "zoo-mobilenet-v1"};

std::vector<Subject> TheOthers() {
  std::vector<Subject> subjects = law::DefaultSubjects();
  std::erase_if(subjects, [](const Subject& subject) {
    return std::count(kQuick.begin(), kQuick.end(), subject.name) > 0;
  });
  const std::vector<Subject> large = law::LongSubjects();
  subjects.insert(subjects.end(), large.begin(), large.end());
  return subjects;
}

INSTANTIATE_TEST_SUITE_P(Default, SessionLaw, ::testing::ValuesIn(Chosen(law::DefaultSubjects(), kQuick)),
                         law::TestName);
INSTANTIATE_TEST_SUITE_P(Long, SessionLaw, ::testing::ValuesIn(TheOthers()),
                         [](const ::testing::TestParamInfo<Subject>& info) {
                           return law::TestName(info) + "_" + std::to_string(info.index);
                         });

}  // namespace
}  // namespace consort
