#include "experiment/precision.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "experiment/numbers.h"
#include "experiment/present.h"
#include "experiment/timing.h"

namespace consort::experiment {
namespace {

constexpr Precision kPrecisions[] = {Precision::kFp32, Precision::kFp16, Precision::kBf16, Precision::kInt8,
                                     Precision::kUInt8};

// Those that it is asked for: of a platform's device those that its platform lists; a target of this machine says for
// each whether it has it.
std::vector<Precision> PrecisionsOf(const TestDevice& device) {
  std::vector<Precision> asked;
  for (const Precision one : kPrecisions) {
    const std::vector<Precision>& offered = device.precisions;
    if (!device.emulated() || std::find(offered.begin(), offered.end(), one) != offered.end()) asked.push_back(one);
  }
  return asked;
}

// A device of the testbed, or, of a platform's, one that a shipped platform has beside.
TestDevice DeviceOf(const Testbed& testbed, const std::string& name) {
  for (const TestDevice& device : testbed.devices()) {
    if (device.name == name) return device;
  }
  return testbed.Shipped(name);
}

std::vector<TestDevice> DevicesOf(const Testbed& testbed, const Settings& settings) {
  std::vector<TestDevice> devices = testbed.devices();
  if (testbed.platform() == nullptr) return devices;
  for (const std::string& name : settings.Words("also")) {
    const auto known = std::find_if(devices.begin(), devices.end(), [&name](const TestDevice& one) { return one.name == name; });
    if (known == devices.end()) devices.push_back(testbed.Shipped(name));
  }
  return devices;
}

// Outputs that are equal have an infinite ratio of signal to noise, which JSON cannot hold: null.
Json FieldsOf(const NumbersCheck& check) {
  const Accuracy& accuracy = check.accuracy;
  return {{"cosine", NumberOrNull(accuracy.cosine)},
          {"max_error", NumberOrNull(accuracy.error)},
          {"sqnr_db", NumberOrNull(accuracy.sqnr_db)},
          {"top1", accuracy.top1 ? NumberOrNull(*accuracy.top1) : Json()},
          {"numbers_from", check.from}};
}

// For a platform's devices the same whatever the device.
Json NumbersOf(Testbed& testbed, const TestDevice& device, const Network& network, int inputs) {
  const std::string key = fmt::format("numbers of {} in {} on {}", Describe(network), ToString(device.precision),
                                      device.emulated() ? "the host" : device.name);
  return testbed.Once(key, [&] { return FieldsOf(CheckNumbers(testbed, device, network, inputs)); });
}

// The row's time over the device's in fp32, inverted: how many times faster. NaN where either is not there or unstable.
double GainOf(const std::vector<Row>& rows, const Row& row, const std::string& field) {
  const Row* base = FindRow(rows, {{"model", TextOf(row, "model")}, {"device", TextOf(row, "device")}, {"precision", "fp32"}});
  return base == nullptr ? report::kNothing : StableNumberOf(*base, field) / StableNumberOf(row, field);
}

std::vector<Row> WithGains(std::vector<Row> rows) {
  const std::vector<Row> given = rows;
  for (Row& row : rows) row["gain"] = NumberOrNull(GainOf(given, row, "mean_ms"));
  return rows;
}

report::Chart ChartOf(const std::vector<Row>& rows) {
  report::Chart chart{.id = "precision-speed",
                      .caption = "Accuracy (signal over quantization noise against fp32) and speed of every precision.",
                      .mark = report::Mark::kPoints,
                      .x = {.title = "time of a call", .unit = "ms", .logarithmic = true},
                      .y = {.title = "signal over noise", .unit = "dB"}};
  for (const std::string& device : ValuesOf(rows, "device")) {
    for (const std::string& precision : ValuesOf(rows, "precision")) {
      report::Series series = SeriesOf(fmt::format("{} {}", device, precision),
                                       Select(rows, {{"device", device}, {"precision", precision}}), "mean_ms", "sqnr_db");
      if (!series.x.empty()) chart.series.push_back(std::move(series));
    }
  }
  return chart;
}

// How many times faster than fp32 over the models that ran in both; NaN for none.
double MeanGain(const std::vector<Row>& rows, const std::string& device, const std::string& precision) {
  double sum = 0;
  int count = 0;
  for (const Row* row : Select(rows, {{"device", device}, {"precision", precision}})) {
    const double gain = GainOf(rows, *row, "mean_ms");
    if (std::isnan(gain)) continue;
    sum += std::log(gain);
    ++count;
  }
  return count == 0 ? report::kNothing : std::exp(sum / count);
}

// What each device gains by each precision that it has beside fp32.
std::string VerdictOf(const std::vector<Row>& rows) {
  std::vector<std::string> parts;
  for (const std::string& device : ValuesOf(rows, "device")) {
    std::vector<std::string> gains;
    for (const std::string& precision : ValuesOf(rows, "precision")) {
      const double gain = MeanGain(rows, device, precision);
      if (precision != "fp32" && !std::isnan(gain)) gains.push_back(fmt::format("{} {:.3g}", precision, gain));
    }
    if (!gains.empty()) parts.push_back(fmt::format("{} {}", device, Join(gains)));
  }
  return parts.empty() ? "No device runs a model in fp32 and in another precision."
                       : fmt::format("Times as fast as fp32, in the geometric mean of the models: {}.", Join(parts, "; "));
}

Precision PrecisionOf(const Cell& cell) { return ParsePrecision(TextOf(cell.key, "precision")); }

}  // namespace

std::string PrecisionExperiment::summary() const {
  return "speed, accuracy and energy of fp32, fp16, bf16, int8 and uint8 on every device";
}

std::vector<Parameter> PrecisionExperiment::parameters() const {
  return {{"models", "lenet,seed-cnn,mobilenet-v2,resnet-50,bert-tiny", "lenet,seed-cnn,bert-tiny", "networks of the zoo"},
          {"also", "rtx2060", "", "with a platform: devices of shipped platforms that are asked as well"},
          {"batch", "1", "", "samples of a call"},
          {"inputs", "4", "2", "seeded inputs that numbers are compared on"},
          {"trials", "20", "", "calls by the virtual clock, each cell's mean is of"}};
}

std::vector<Cell> PrecisionExperiment::Cells(Testbed& testbed, const Settings& settings) const {
  settings.Number("trials");  // refuses what is no number
  settings.Number("batch");
  settings.Number("inputs");
  std::vector<Cell> cells;
  for (const std::string& model : settings.Words("models")) {
    zoo::CostsOf(model, {});  // refuses a name that is none
    for (const TestDevice& device : DevicesOf(testbed, settings)) {
      for (const Precision precision : PrecisionsOf(device)) {
        cells.push_back({fmt::format("{}/{}/{}", model, device.name, ToString(precision)),
                         {{"model", model}, {"device", device.name}, {"kind", device.kind}, {"precision", ToString(precision)}}});
      }
    }
  }
  return cells;
}

Row PrecisionExperiment::Run(Testbed& testbed, const Settings& settings, const Cell& cell) const {
  const Network network{TextOf(cell.key, "model"), {.batch = settings.Number("batch"), .seed = testbed.seed()}};
  try {
    const TestDevice device =
        testbed.InPrecision(DeviceOf(testbed, TextOf(cell.key, "device")), PrecisionOf(cell));
    const CallTiming timing =
        TimeCalls(testbed, device, network, {.trials = static_cast<int>(settings.Number("trials"))});
    Row row = ToJson(timing);
    if (timing.refused.empty()) row.update(NumbersOf(testbed, device, network, static_cast<int>(settings.Number("inputs"))));
    return row;
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    return Refused(error);
  }
}

namespace {

// What ran, and what a device does not have: "gtx1650: fp32; rtx2060: fp32, fp16, int8".
std::string OfferedText(const std::vector<Row>& rows) {
  std::vector<std::string> parts;
  for (const std::string& device : ValuesOf(rows, "device")) {
    std::vector<std::string> ran;
    for (const Row* row : Select(rows, {{"device", device}})) {
      const std::string precision = TextOf(*row, "precision");
      const bool known = std::find(ran.begin(), ran.end(), precision) != ran.end();
      if (TextOf(*row, "refused").empty() && !known) ran.push_back(precision);
    }
    parts.push_back(fmt::format("{}: {}", device, ran.empty() ? "none" : Join(ran)));
  }
  return fmt::format("Precisions that ran, by device: {}.", Join(parts, "; "));
}

std::string NumbersText(const std::vector<Row>& rows) {
  std::vector<std::string> computed;
  for (const std::string& from : ValuesOf(rows, "numbers_from")) {
    if (!from.empty()) computed.push_back(from);
  }
  return fmt::format("Numbers were computed on seeded inputs by: {}. Weights of the zoo are seeded, not trained: how "
                     "precisions rank holds, accuracy on a task does not follow.",
                     Join(computed, "; "));
}

std::vector<Row> ThatRan(const std::vector<Row>& rows) {
  std::vector<Row> ran;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(ran), [](const Row& row) { return TextOf(row, "refused").empty(); });
  return ran;
}

}  // namespace

Outcome PrecisionExperiment::Report(const Findings& findings) const {
  const std::vector<Row> rows = WithGains(findings.rows);
  Outcome outcome{.verdict = VerdictOf(rows), .section = {.id = "precision", .title = "What a precision gains and costs"}};
  std::vector<report::Block>& blocks = outcome.section.blocks;
  blocks.push_back(LongTable("precision-cells",
                             "Every precision that ran: time, gain over the device's fp32, energy, and its numbers against "
                             "fp32.",
                             ThatRan(rows), {{"model", "model", ""}, {"device", "device", ""}, {"precision", "in", ""}},
                             {{"mean_ms", "call", "ms"},
                              {"gain", "gain", ""},
                              {"joules", "energy", "J"},
                              {"cosine", "cosine", ""},
                              {"sqnr_db", "SQNR", "dB"},
                              {"top1", "top-1", ""}}));
  blocks.push_back(report::Paragraph{OfferedText(rows)});
  blocks.push_back(report::Paragraph{NumbersText(rows)});
  blocks.push_back(ChartOf(rows));
  AddRemarks(rows, blocks);
  return outcome;
}

}  // namespace consort::experiment
