#include "bench/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "backends/null/null_backend.h"
#include "consort/error.h"
#include "io/random_input.h"
#include "model/test_models.h"

namespace consort {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr TimeNs kMillisecond = 1'000'000;
constexpr NoiseLimits kAnything{.probe_excess = 1e9, .delay_share = 1e9};
constexpr NoiseLimits kNothing{.probe_excess = -1, .delay_share = -1};

// A gate that lets everything or nothing through, so that results do not depend on the machine.
struct OpenGate : NoiseGate {
  OpenGate() : NoiseGate(CoreSet({CoreSet::Available().cores().front()}), kAnything) {}
};
struct ClosedGate : NoiseGate {
  ClosedGate() : NoiseGate(CoreSet({CoreSet::Available().cores().front()}), kNothing) {}
};

// A side that pretends to take `latency_ns()` per query, three queries to a block.
Side Pretend(std::function<TimeNs()> latency_ns) {
  return {.run = [latency_ns](TimeNs, int64_t, BlockSamples& samples) {
    const TimeNs latency = latency_ns();
    samples.latencies_ns.assign(3, latency);
    samples.inferences = 3;
    samples.wall_ns = 3 * latency;
  }};
}

Side Steady(TimeNs latency_ns) {
  return Pretend([latency_ns] { return latency_ns; });
}

PairedOptions Short() { return {.time_ns = 300 * kMillisecond}; }

TEST(ComparePairedTest, RatiosAreTimesOverTheFirstSides) {
  OpenGate gate;
  const PairedResult result = ComparePaired(
      gate,
      [](int) {
        return std::vector<Side>{Steady(2'000'000), Steady(1'000'000), Steady(6'000'000), Steady(2'010'000)};
      },
      Short());
  EXPECT_THAT(result.unstable, IsEmpty());
  EXPECT_EQ(result.discarded_rounds, 0);
  ASSERT_THAT(result.sides, SizeIs(4));
  EXPECT_EQ(result.sides[0].ratio.estimate, 1);
  EXPECT_NEAR(result.sides[1].ratio.estimate, 0.5, 1e-12);
  EXPECT_NEAR(result.sides[2].ratio.estimate, 3, 1e-12);
  EXPECT_EQ(result.sides[0].verdict, Verdict95::kTie);
  EXPECT_EQ(result.sides[1].verdict, Verdict95::kFaster);
  EXPECT_EQ(result.sides[2].verdict, Verdict95::kSlower);
  EXPECT_EQ(result.sides[3].verdict, Verdict95::kTie);
  EXPECT_NEAR(result.sides[2].median_ns.estimate, 6e6, 6e6 / 2048);
  for (const SideResult& side : result.sides) {
    EXPECT_EQ(side.latencies.count(), 3 * result.rounds);
    EXPECT_THAT(side.load_ratios, SizeIs(3));
  }
}

TEST(ComparePairedTest, WhatBothSidesShareCancels) {
  OpenGate gate;
  int rounds = 0;
  TimeNs speed = 1;
  const auto load = [&](int) {
    // The first to run in a round finds the machine slower or faster than it was in the round before.
    const auto next = [&](TimeNs latency_ns) {
      return Pretend([&, latency_ns] {
        if (rounds++ % 2 == 0) speed = 1 + rounds % 7;
        return speed * latency_ns;
      });
    };
    return std::vector<Side>{next(1'000'000), next(1'200'000)};
  };
  const PairedResult result = ComparePaired(gate, load, Short());
  EXPECT_NEAR(result.sides[1].ratio.estimate, 1.2, 1e-12);
  EXPECT_NEAR(result.sides[1].ratio.high - result.sides[1].ratio.low, 0, 1e-12);
  EXPECT_GT(result.sides[1].median_ns.relative_half_width(), 0.1);
}

// Rounds of one load agree to the last digit here; only between loads does the ratio change.
TEST(ComparePairedTest, LoadsThatDifferWidenTheInterval) {
  OpenGate gate;
  const auto load = [](int number) {
    return std::vector<Side>{Steady(1'000'000), Steady(1'060'000 + 30'000 * number)};
  };
  const PairedResult result = ComparePaired(gate, load, Short());
  EXPECT_NEAR(result.sides[1].ratio.estimate, 1.09, 1e-9);
  EXPECT_THAT(result.sides[1].load_ratios,
              ::testing::ElementsAre(::testing::DoubleNear(1.06, 1e-9), ::testing::DoubleNear(1.09, 1e-9),
                                     ::testing::DoubleNear(1.12, 1e-9)));
  // Student with two degrees of freedom: 4.303 · 0.0275 / √3 in logarithms around ln 1.0897.
  EXPECT_NEAR(result.sides[1].ratio.low, 1.0177, 2e-4);
  EXPECT_NEAR(result.sides[1].ratio.high, 1.1669, 2e-4);
  EXPECT_EQ(result.sides[1].verdict, Verdict95::kSlower);
}

// Loads that differ by 3 % and rounds that differ by 2 %, both normal: 95 % intervals hold the truth at least that
// often, and those that know a single load do not.
TEST(ComparePairedTest, IntervalsHoldTheTruthAsOftenAsTheySay) {
  OpenGate gate;
  std::mt19937_64 random(17);
  std::normal_distribution<double> of_loads(0, 0.03), of_rounds(0, 0.02);
  const auto held = [&](int loads) {
    int count = 0;
    for (int trial = 0; trial < 100; ++trial) {
      const auto load = [&](int) {
        const double effect = of_loads(random);
        return std::vector<Side>{Steady(10'000'000), Pretend([&, effect] {
                                   return static_cast<TimeNs>(12'000'000 * std::exp(effect + of_rounds(random)));
                                 })};
      };
      const PairedResult result = ComparePaired(gate, load, {.time_ns = 1, .loads = loads, .min_rounds = 12});
      count += result.sides[1].ratio.low <= 1.2 && 1.2 <= result.sides[1].ratio.high;
    }
    return count;
  };
  EXPECT_GE(held(3), 93);
  EXPECT_LT(held(1), 70);
}

TEST(ComparePairedTest, AnUndecidedRatioIsUnstableAndADecidedOneIsNot) {
  OpenGate gate;
  const auto spread = [](TimeNs least) {
    return [least](int number) { return std::vector<Side>{Steady(1'000'000), Steady(least * (number + 2) / 2)}; };
  };
  const PairedResult undecided = ComparePaired(gate, spread(600'000), Short());
  EXPECT_EQ(undecided.sides[1].verdict, Verdict95::kTie);
  EXPECT_THAT(undecided.unstable, HasSubstr("too far from 1 to call it a tie"));
  const PairedResult decided = ComparePaired(gate, spread(20'000'000), Short());
  EXPECT_EQ(decided.sides[1].verdict, Verdict95::kSlower);
  EXPECT_THAT(decided.unstable, IsEmpty());
}

TEST(ComparePairedTest, NoCleanRoundIsUnstableAndEnds) {
  ClosedGate gate;
  const PairedResult result = ComparePaired(
      gate,
      [](int) {
        return std::vector<Side>{Steady(kMillisecond), Steady(kMillisecond)};
      },
      Short());
  EXPECT_THAT(result.unstable, HasSubstr("none of"));
  EXPECT_EQ(result.rounds, 0);
  EXPECT_GT(result.discarded_rounds, 0);
  EXPECT_EQ(result.discarded_share(), 1);
  EXPECT_EQ(result.sides[1].latencies.count(), 0);
}

TEST(ComparePairedTest, ADirtyBlockIsRunAgainAndPaysForIt) {
  ClosedGate gate;
  int blocks = 0;
  const auto counting = [&blocks] {
    return Pretend([&blocks] {
      ++blocks;
      return kMillisecond;
    });
  };
  const PairedResult result = ComparePaired(gate,
                                            [&](int) {
                                              return std::vector<Side>{counting(), counting()};
                                            },
                                            {.time_ns = kMillisecond, .loads = 1});
  EXPECT_EQ(blocks, 3 * result.discarded_rounds);  // the first side's, three times; the second is not reached
  EXPECT_EQ(result.discarded_ns, 3 * kMillisecond * blocks);
  EXPECT_EQ(result.clean_ns, 0);
}

TEST(ComparePairedTest, SlowSidesGetTheirRounds) {
  OpenGate gate;
  int loads = 0, settled = 0;
  const auto load = [&](int number) {
    EXPECT_EQ(number, loads++);
    std::vector<Side> sides = {Steady(1'000'000 * kMillisecond), Steady(kMillisecond)};
    sides[1].settle = [&settled] { ++settled; };
    return sides;
  };
  const PairedResult result = ComparePaired(gate, load, {.time_ns = kMillisecond, .loads = 2, .min_rounds = 5});
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(result.rounds, 6);  // three per load
  EXPECT_EQ(settled, 6);
}

TEST(ComparePairedTest, OneSideIsNoComparison) {
  OpenGate gate;
  EXPECT_THROW(ComparePaired(gate, [](int) { return std::vector<Side>{Steady(1)}; }), Error);
}

TEST(RoundOrderTest, EverySideStandsAtEveryPlaceEquallyOften) {
  RoundOrder order(4, 7);
  std::map<std::pair<int, int>, int> times;
  std::set<std::vector<int>> seen;
  for (int round = 0; round < 40; ++round) {
    const std::vector<int> next = order.Next();
    seen.insert(next);
    for (int place = 0; place < 4; ++place) ++times[{next[static_cast<size_t>(place)], place}];
  }
  ASSERT_THAT(times, SizeIs(16));
  for (const auto& [where, count] : times) EXPECT_EQ(count, 10);
  EXPECT_GT(seen.size(), 8U);  // not one permutation and its rotations only
}

TEST(RoundOrderTest, FollowsFromTheSeed) {
  RoundOrder one(5, 1), same(5, 1), other(5, 2);
  bool differs = false;
  for (int round = 0; round < 20; ++round) {
    const std::vector<int> order = one.Next();
    EXPECT_EQ(order, same.Next());
    differs |= order != other.Next();
  }
  EXPECT_TRUE(differs);
}

std::vector<Buffer> SeededInputs(const Signature& signature) {
  std::vector<Buffer> inputs;
  for (const Port& port : signature.inputs) inputs.push_back(RandomInput(port.spec, 0, port.name));
  return inputs;
}

TEST(SubjectLoaderTest, LoadsAnewAndRunsTheModel) {
  Registry registry;
  registry.Add(MakeNullBackend());
  const Artifact artifact(Model::Parse(test::AsBytes(test::ConvReluModel()), "conv.onnx"));
  const Target target = registry.Resolve(Target::Parse("null"));
  const std::vector<Entrant> entrants = {{target, &artifact, {}}, {target, &artifact, {}}};
  const InputSource inputs = SeededInputs;
  SubjectLoader loader(registry, entrants, inputs);
  EXPECT_THAT(loader.subjects(), IsEmpty());
  OpenGate gate;
  int loads = 0;
  const PairedResult result =
      ComparePaired(gate,
                    [&](int) {
                      ++loads;
                      return loader.Load(gate);
                    },
                    {.time_ns = kMillisecond, .loads = 2, .block_ns = kMillisecond / 10, .min_rounds = 4});
  EXPECT_EQ(loads, 2);
  EXPECT_GE(result.rounds, 4);
  EXPECT_THAT(loader.subjects(), SizeIs(2));
  for (const SideResult& side : result.sides) {
    EXPECT_GE(side.latencies.count(), result.rounds);
    EXPECT_GT(side.median_ns.estimate, 0);
  }
}

TEST(SubjectLoaderTest, StrictNamesTheTargetThatIsRefused) {
  Registry registry;
  registry.Add(MakeNullBackend());
  const Artifact artifact(Model::Parse(test::AsBytes(test::ConvReluModel()), "conv.onnx"));
  const Target target = registry.Resolve(Target::Parse("null"));
  const std::vector<Entrant> entrants = {{target, &artifact, {.compile = {.prove_placement = false}, .strict = true}}};
  const InputSource inputs = SeededInputs;
  OpenGate gate;
  try {
    SubjectLoader(registry, entrants, inputs).Load(gate);
    FAIL() << "what is not known was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInfeasible);
    EXPECT_THAT(error.what(), HasSubstr("null@null"));
  }
}

}  // namespace
}  // namespace consort
