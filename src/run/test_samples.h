// Sends samples through what tests run.
#ifndef CONSORT_RUN_TEST_SAMPLES_H_
#define CONSORT_RUN_TEST_SAMPLES_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

#include "consort/error.h"
#include "run/session.h"
#include "run/test_programs.h"

namespace consort::test {

// `Runner` is a Session or an Ensemble that has one input and one output of floats, all elements alike.
template <typename Runner>
Ticket SubmitOne(Runner& runner, float value, const SubmitOptions& options = {}) {
  const Buffer input = Filled(value, runner.inputs()[0].spec.shape);
  return runner.Submit({&input, 1}, options);
}

template <typename Runner>
float WaitFor(Runner& runner, Ticket ticket) {
  Buffer output;
  runner.Wait(ticket, {&output, 1});
  EXPECT_THAT(output.as<float>(), testing::Each(output.as<float>()[0]));
  return output.as<float>()[0];
}

template <typename Runner>
float RunOne(Runner& runner, float value, const SubmitOptions& options = {}) {
  return WaitFor(runner, SubmitOne(runner, value, options));
}

// What became of samples 0, 1, … through a chain of stages.
struct Outcome {
  int right = 0;
  std::vector<int> wrong;
  int failed = 0;
};

// With as many samples under way as the runner takes.
template <typename Runner>
Outcome RunMany(Runner& runner, int samples, int stages) {
  std::deque<std::pair<Ticket, int>> under_way;
  Outcome outcome;
  const auto finish = [&] {
    const auto [ticket, i] = under_way.front();
    under_way.pop_front();
    Buffer output;
    try {
      runner.Wait(ticket, {&output, 1});
    } catch (const Error&) {
      ++outcome.failed;
      return;
    }
    bool right = true;
    for (float value : output.as<float>()) right = right && value == ChainValue(static_cast<float>(i), stages);
    if (right) {
      ++outcome.right;
    } else {
      outcome.wrong.push_back(i);
    }
  };
  for (int i = 0; i < samples; ++i) {
    if (static_cast<int>(under_way.size()) == runner.max_in_flight()) finish();
    under_way.emplace_back(SubmitOne(runner, static_cast<float>(i)), i);
  }
  while (!under_way.empty()) finish();
  return outcome;
}

}  // namespace consort::test

#endif  // CONSORT_RUN_TEST_SAMPLES_H_
