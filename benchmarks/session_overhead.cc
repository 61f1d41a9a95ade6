// What a session costs beside what cannot be avoided, on null devices and tensors of four floats:
//   one stage in the caller    against the bare executable                    goal: at most 2 us more
//   one stage in a thread      against a bare round trip through two queues   goal: at most 1.5 times
//   a pipeline of four stages  against a bare chain of queues and threads     goal: at least 0.5 times its rate
// Blocks of both kinds alternate; medians over the blocks.
//
//   session_overhead [blocks]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/null/null_backend.h"
#include "base/bounded_queue.h"
#include "consort/error.h"
#include "model/test_models.h"
#include "run/session.h"

namespace consort {
namespace {

constexpr int kInlineCalls = 5000;
constexpr int kRoundTrips = 1000;
constexpr int kPipelineSamples = 2000;
constexpr int kStages = 4;
constexpr int kQueueDepth = 2;
constexpr int kInFlight = kStages + kStages * kQueueDepth;

using Microseconds = std::chrono::duration<double, std::micro>;

template <typename Work>
double MicrosecondsPer(int count, Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Microseconds(std::chrono::steady_clock::now() - start).count() / count;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Pair {
  double bare = 0;
  double ours = 0;
};

// Medians of both, and of what `compare` makes of each pair of blocks.
template <typename Bare, typename Ours, typename Compare>
double Alternate(int blocks, Bare&& bare, Ours&& ours, Compare&& compare, Pair& medians) {
  std::vector<double> of_bare, of_ours, compared;
  bare(), ours();
  for (int block = 0; block < blocks; ++block) {
    Pair pair;
    if (block % 2 == 0) pair.bare = bare();
    pair.ours = ours();
    if (block % 2 != 0) pair.bare = bare();
    of_bare.push_back(pair.bare);
    of_ours.push_back(pair.ours);
    compared.push_back(compare(pair));
  }
  medians = {Median(of_bare), Median(of_ours)};
  return Median(compared);
}

// t<k> → Identity → t<k+1>.
std::shared_ptr<Executable> NullStage(Device& device, int stage) {
  onnx::ModelProto model = test::EmptyModel("stage");
  test::GraphWriter writer(model.mutable_graph());
  const std::string input = "t" + std::to_string(stage);
  const std::string output = "t" + std::to_string(stage + 1);
  writer.Input(input, {"1", "4"}).Output(output, {"1", "4"}).Node("Identity", {input}, {output});
  return device.Compile(Artifact(Model::Parse(test::AsBytes(test::Bytes(model)), "stage.onnx")), {});
}

PreparedPlan NullPlan(Device& device, int stages) {
  PreparedPlan plan;
  for (int stage = 0; stage < stages; ++stage) {
    plan.stages.push_back(
        {.replicas = {{.name = "null", .executable = NullStage(device, stage)}}, .queue_depth = kQueueDepth});
  }
  return plan;
}

double RunCalls(Session& session, int calls) {
  const Buffer input = Buffer::Allocate({DataType::kFloat32, {1, 4}});
  Buffer output = Buffer::Allocate({DataType::kFloat32, {1, 4}});
  return MicrosecondsPer(calls, [&] {
    for (int i = 0; i < calls; ++i) session.Run({&input, 1}, {&output, 1});
  });
}

bool MeasureInline(Device& device, int blocks) {
  const auto executable = NullStage(device, 0);
  const auto binding = std::make_shared<Binding>(executable->signature());
  binding->SetInput(0, Buffer::Allocate({DataType::kFloat32, {1, 4}}));
  binding->SetOutput(0, Buffer::Allocate({DataType::kFloat32, {1, 4}}));
  Session session(NullPlan(device, 1));
  const auto bare = [&] {
    return MicrosecondsPer(kInlineCalls, [&] {
      for (int i = 0; i < kInlineCalls; ++i) Run(*executable, binding);
    });
  };
  Pair medians;
  const double more = Alternate(
      blocks, bare, [&] { return RunCalls(session, kInlineCalls); },
      [](const Pair& pair) { return pair.ours - pair.bare; }, medians);
  std::printf("one stage in the caller: executable %.3f us, Session::Run %.3f us: %.3f us more; goal 2 us: %s\n",
              medians.bare, medians.ours, more, more <= 2 ? "kept" : "missed");
  return more <= 2;
}

bool MeasureThreaded(Device& device, int blocks) {
  BoundedQueue<int> there(kQueueDepth), back(kQueueDepth);
  std::thread echo([&] {
    while (std::optional<int> value = there.Pop()) back.Push(*value);
  });
  Session session(NullPlan(device, 1), {.inline_single = false});
  const auto bare = [&] {
    return MicrosecondsPer(kRoundTrips, [&] {
      for (int i = 0; i < kRoundTrips; ++i) {
        there.Push(i);
        back.Pop();
      }
    });
  };
  Pair medians;
  const double ratio = Alternate(
      blocks, bare, [&] { return RunCalls(session, kRoundTrips); },
      [](const Pair& pair) { return pair.ours / pair.bare; }, medians);
  there.Close();
  echo.join();
  std::printf("one stage in a thread: two queues %.3f us, Session::Run %.3f us: %.3f times; goal 1.5 times: %s\n",
              medians.bare, medians.ours, ratio, ratio <= 1.5 ? "kept" : "missed");
  return ratio <= 1.5;
}

// Threads and queues alone: as many, as deep, with as many values under way.
class BareChain {
 public:
  BareChain() {
    for (int i = 0; i <= kStages; ++i) {
      queues_.push_back(std::make_unique<BoundedQueue<int>>(i == 0 || i == kStages ? kInFlight : kQueueDepth));
    }
    for (int i = 0; i < kStages; ++i) {
      threads_.emplace_back([from = queues_[i].get(), to = queues_[i + 1].get()] {
        while (std::optional<int> value = from->Pop()) to->Push(*value);
      });
    }
  }
  ~BareChain() {
    for (const auto& queue : queues_) queue->Close();
    for (std::thread& thread : threads_) thread.join();
  }
  double Run() {
    return MicrosecondsPer(kPipelineSamples, [&] {
      for (int i = 0; i < kPipelineSamples + kInFlight; ++i) {
        if (i >= kInFlight) queues_.back()->Pop();
        if (i < kPipelineSamples) queues_.front()->Push(i);
      }
    });
  }

 private:
  std::vector<std::unique_ptr<BoundedQueue<int>>> queues_;
  std::vector<std::thread> threads_;
};

double RunPipeline(Session& session) {
  const Buffer input = Buffer::Allocate({DataType::kFloat32, {1, 4}});
  Buffer output = Buffer::Allocate({DataType::kFloat32, {1, 4}});
  std::array<Ticket, kInFlight> tickets;
  return MicrosecondsPer(kPipelineSamples, [&] {
    for (int i = 0; i < kPipelineSamples + kInFlight; ++i) {
      Ticket& ticket = tickets[i % kInFlight];
      if (i >= kInFlight) session.Wait(ticket, {&output, 1});
      if (i < kPipelineSamples) ticket = session.Submit({&input, 1});
    }
  });
}

bool MeasurePipeline(Device& device, int blocks) {
  BareChain chain;
  Session session(NullPlan(device, kStages), {.max_in_flight = kInFlight});
  Pair medians;
  const double rate = Alternate(
      blocks, [&] { return chain.Run(); }, [&] { return RunPipeline(session); },
      [](const Pair& pair) { return pair.bare / pair.ours; }, medians);
  std::printf(
      "four stages: chain of queues %.3f us per value, session %.3f us per sample: %.3f times its rate; goal 0.5: %s\n",
      medians.bare, medians.ours, rate, rate >= 0.5 ? "kept" : "missed");
  return rate >= 0.5;
}

}  // namespace
}  // namespace consort

int main(int argc, char** argv) {
  const int blocks = argc > 1 ? std::max(4, std::atoi(argv[1])) : 40;
  try {
    const auto device = consort::MakeNullBackend()->Open(consort::Target::Parse("null@null"), {});
    std::printf("measured: medians of %d pairs of blocks\n", blocks);
    const bool in_caller = consort::MeasureInline(*device, blocks);
    const bool threaded = consort::MeasureThreaded(*device, blocks);
    const bool pipeline = consort::MeasurePipeline(*device, blocks);
    return in_caller && threaded && pipeline ? 0 : 1;
  } catch (const consort::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
