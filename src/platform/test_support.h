// What the tests of this folder share: cost models like those of src/cost, a platform that is valid, and the errors of
// one that is not.
#ifndef CONSORT_PLATFORM_TEST_SUPPORT_H_
#define CONSORT_PLATFORM_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <string>

#include "consort/error.h"
#include "platform/platform.h"

namespace consort {

inline ParameterSpec Required(const std::string& name, Dimension dimension) {
  return {name, dimension, true, 0, "of a test"};
}
inline ParameterSpec Optional(const std::string& name, Dimension dimension) {
  return {name, dimension, false, 1, "of a test"};
}

// The parameters that the shipped platforms use.
inline const CostSchemas& TestSchemas() {
  static const CostSchemas schemas = {
      {"edgetpu",
       {{Required("clock", Dimension::kFrequency), Optional("array_rows", Dimension::kCount),
         Optional("array_columns", Dimension::kCount), Optional("fill_drain", Dimension::kCount),
         Required("parameter_cache", Dimension::kBytes), Required("activation_rate", Dimension::kBytesPerCycle),
         Required("weight_rate", Dimension::kBytesPerCycle), Required("instruction_bytes", Dimension::kBytes),
         Required("round_trip", Dimension::kTime), Required("error_low", Dimension::kRatio),
         Required("error_high", Dimension::kRatio)},
        {}}},
      {"roofline",
       {{Optional("peak_fp32", Dimension::kComputeRate), Optional("peak_fp16", Dimension::kComputeRate),
         Optional("peak_int8", Dimension::kComputeRate), Optional("peak_uint8", Dimension::kComputeRate),
         Required("compute_efficiency", Dimension::kRatio), Required("memory_bandwidth", Dimension::kBandwidth),
         Optional("memory_efficiency", Dimension::kRatio), Required("call_overhead", Dimension::kTime),
         Optional("op_overhead", Dimension::kTime), Optional("load_overhead", Dimension::kTime),
         Required("error_low", Dimension::kRatio), Required("error_high", Dimension::kRatio)},
        {}}},
      {"replay",
       {{Optional("error_low", Dimension::kRatio), Optional("error_high", Dimension::kRatio)},
        {Required("macs", Dimension::kCount), Required("time", Dimension::kTime),
         Optional("time_with_load", Dimension::kTime)}}},
  };
  return schemas;
}

// A device at a link of its own. Tests replace single lines.
inline constexpr char kValidPlatform[] =
    R"(name = "bench"
summary = "A machine of the tests"

[[link]]
name = "usb"
bandwidth = { value = "440 MB/s", source = "measured" }
latency = { value = "10 us", source = "measured" }

[[device]]
name = "chip"
kind = "npu"
summary = "A chip"
precisions = ["int8", "fp16"]
link = "usb"
memory = { value = "7.7 MiB", source = "datasheet" }
missing_ops = ["Loop"]

[device.power]
idle = { value = "0.5 W", source = "datasheet" }
active = { value = "2 W", source = "datasheet" }

[device.cost]
model = "roofline"
peak_int8 = { value = "4 TOPS", source = "datasheet" }
compute_efficiency = { value = 0.4, source = "assumed" }
memory_bandwidth = { value = "10 GB/s", source = "datasheet" }
call_overhead = { value = "0.28 ms", source = "measured" }
error_low = { value = "30 %", source = "assumed" }
error_high = { value = "50 %", source = "assumed" }
)";

inline Platform ParseText(const std::string& text) { return ParsePlatform(text, "bench.toml", TestSchemas()); }

// `text` with its one occurrence of `from` replaced.
inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos || text.find(from, at + 1) != std::string::npos) {
    ADD_FAILURE() << "'" << from << "' is not in the text exactly once";
    return text;
  }
  return text.replace(at, from.size(), to);
}

// The message of the error that `call` throws, which must have that code; "" when it throws none.
template <typename Call>
std::string MessageOf(ErrorCode code, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace consort

#endif  // CONSORT_PLATFORM_TEST_SUPPORT_H_
