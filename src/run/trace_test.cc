#include "run/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace consort {
namespace {

TraceEvent Numbered(uint64_t number) {
  return {TraceKind::kRun, 1, 2, number, static_cast<TimeNs>(number * 10), static_cast<TimeNs>(number * 10 + 5)};
}

TEST(Trace, KeepsTheNewestEvents) {
  Trace trace(5);
  for (uint64_t i = 0; i < 20; ++i) trace.Record(Numbered(i));
  const std::vector<TraceEvent> events = trace.Read();
  ASSERT_EQ(events.size(), 8u) << "the next power of two";
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(events[i], Numbered(12 + i));
  EXPECT_EQ(trace.recorded(), 20u);
}

TEST(Trace, OfNoCapacityRecordsNothing) {
  Trace trace(0);
  trace.Record(Numbered(1));
  EXPECT_TRUE(trace.Read().empty());
}

TEST(Trace, IsReadWhileItIsWritten) {
  Trace trace(64);
  std::vector<std::thread> writers;
  std::atomic<bool> stop = false;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 0; !stop; ++i) trace.Record(Numbered(2 * i + static_cast<uint64_t>(writer)));
    });
  }
  while (trace.recorded() < 100) std::this_thread::yield();
  int torn = 0;
  for (int i = 0; i < 2000; ++i) {
    for (const TraceEvent& event : trace.Read()) torn += event == Numbered(event.sample) ? 0 : 1;
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(torn, 0) << "no event is half of another";
}

TEST(Trace, IsWrittenAsPerfettoReadsIt) {
  const std::vector<TraceEvent> events = {{TraceKind::kTransfer, -1, -1, 7, 1000, 3000},
                                          {TraceKind::kWait, 1, 0, 7, 3000, 5000},
                                          {TraceKind::kRun, 1, 0, 7, 5000, 9500},
                                          {TraceKind::kQuarantine, 0, 1, 7, 9500, 9500}};
  const nlohmann::json json = nlohmann::json::parse(TraceJson(events, {{"cpu", "gpu"}, {"npu"}}));
  std::map<int, std::string> tracks;
  std::map<std::string, std::vector<nlohmann::json>> by_phase;
  for (const nlohmann::json& event : json.at("traceEvents")) {
    if (event.at("ph") == "M") tracks[event.at("tid")] = event.at("args").at("name");
    by_phase[event.at("ph")].push_back(event);
  }
  ASSERT_EQ(by_phase["X"].size(), 2u);
  EXPECT_EQ(tracks.at(by_phase["X"][0].at("tid")), "callers");
  EXPECT_EQ(tracks.at(by_phase["X"][1].at("tid")), "stage 1: npu");
  EXPECT_EQ(by_phase["X"][1].at("ts"), 5.0);
  EXPECT_EQ(by_phase["X"][1].at("dur"), 4.5);
  EXPECT_EQ(by_phase["b"].size(), 1u);
  EXPECT_EQ(by_phase["e"][0].at("id"), 7);
  EXPECT_EQ(tracks.at(by_phase["i"][0].at("tid")), "stage 0: gpu");
}

}  // namespace
}  // namespace consort
