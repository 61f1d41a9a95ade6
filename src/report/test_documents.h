// For tests: a report with every kind of block, and texts that would like to be more than texts.
#ifndef CONSORT_REPORT_TEST_DOCUMENTS_H_
#define CONSORT_REPORT_TEST_DOCUMENTS_H_

#include <string>

#include "report/document.h"

namespace consort::report::test {

// What a file could hold in the name of a layer.
inline const std::string kHostile = "</script><script>alert('1')</script><!-- \"' `touch x` %s $HOME \n \\ & |";

inline Table LatencyTable() {
  return {.id = "latency",
          .caption = "Latency of one sample: " + kHostile,
          .columns = {{.title = "device", .filters = true, .is_key = true},
                      {.title = "batch", .is_key = true},
                      {.title = "median", .unit = "ms"},
                      {.title = "note"}},
          .rows = {{{"cpu", 1.0, 12.5, std::monostate()}, Origin::kMeasured},
                   {{"coral-usb3", 1.0, 2.25, kHostile}, Origin::kModelled}}};
}

inline Chart LatencyChart(Mark mark = Mark::kLine) {
  return {.id = "latency-by-batch",
          .caption = "Latency against the batch.",
          .mark = mark,
          .x = {.title = "batch", .logarithmic = mark == Mark::kLine},
          .y = {.title = "latency", .unit = "ms"},
          .series = {{.name = "cpu", .origin = Origin::kMeasured, .x = {1, 2, 4}, .y = {10, 18, kNothing},
                      .low = {9, 17, kNothing}, .high = {11, 19, kNothing}},
                     {.name = kHostile, .origin = Origin::kModelled, .x = {1, 2, 4}, .y = {11, 17, 30}}}};
}

inline HeatMap StrategyMap() {
  return {.id = "strategies",
          .caption = "Time by strategy and batch.",
          .x = {.title = "strategy", .categories = {"0", "1", kHostile}},
          .y = {.title = "batch", .categories = {"1", "4"}},
          .value_title = "time",
          .value_unit = "ms",
          .logarithmic = true,
          .surface = true,
          .origin = Origin::kEmulated,
          .values = {{1, 2, 3}, {4, kNothing, 6}},
          .texts = {{"a", "b", kHostile}, {"", "", "f"}}};
}

inline TimeLine DeviceLine() {
  return {.id = "devices",
          .caption = "What devices did.",
          .lanes = {"cpu", kHostile},
          .origin = Origin::kModelled,
          .spans = {{0, 0, 0.001, "run", "stage 0, sample 0"}, {1, 0.001, 0.003, kHostile, kHostile}}};
}

inline Document SampleDocument() {
  return {.title = "A report " + kHostile,
          .verdict = "One is faster than the other.",
          .date = "2026-11-24T15:20:03Z",
          .command = "consort bench -m net.onnx",
          .environment = {{"processor", "AMD EPYC"}, {"hostile", kHostile}},
          .sections = {{"tables", "Tables", {Paragraph{"In words. " + kHostile}, LatencyTable()}},
                       {"plots",
                        "Plots",
                        {LatencyChart(), StrategyMap(), DeviceLine(),
                         Drawing{"plan", "The plan.", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "a > b"}}}}};
}

}  // namespace consort::report::test

#endif  // CONSORT_REPORT_TEST_DOCUMENTS_H_
