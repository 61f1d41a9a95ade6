// Every way in which a platform file can be wrong: the line, what is wrong, and the way out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "platform/document.h"
#include "platform/test_support.h"

namespace consort {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Refusal(const std::string& text) {
  return MessageOf(ErrorCode::kInvalidModel, [&] { ParseText(text); });
}

// The valid platform with one change.
struct Bad {
  const char* from;
  const char* to;
  int line;
  const char* problem;
  const char* way_out;
};

void PrintTo(const Bad& bad, std::ostream* stream) { *stream << bad.to; }

class BadPlatform : public testing::TestWithParam<Bad> {};

TEST_P(BadPlatform, IsRefusedWithLineAndWayOut) {
  const Bad& bad = GetParam();
  EXPECT_THAT(Refusal(Replaced(kValidPlatform, bad.from, bad.to)),
              AllOf(StartsWith("bench.toml:" + std::to_string(bad.line) + ": "), HasSubstr(bad.problem),
                    HasSubstr(bad.way_out)));
}

constexpr char kBandwidth[] = "bandwidth = { value = \"440 MB/s\", source = \"measured\" }";
constexpr char kPeak[] = "peak_int8 = { value = \"4 TOPS\", source = \"datasheet\" }";
constexpr char kEfficiency[] = "compute_efficiency = { value = 0.4, source = \"assumed\" }";

INSTANTIATE_TEST_SUITE_P(
    Keys, BadPlatform,
    testing::Values(
        Bad{"summary = \"A machine of the tests\"", "sumary = \"A\"", 2, "unknown key 'sumary' in the platform",
            "did you mean 'summary'?"},
        Bad{kBandwidth, "bandwith = { value = \"440 MB/s\", source = \"s\" }", 6,
            "unknown key 'bandwith' in link 'usb'", "did you mean 'bandwidth'?"},
        Bad{"missing_ops", "colour", 16, "unknown key 'colour' in device 'chip'", "its keys are name, base, kind"},
        Bad{"idle = {", "resting = {", 19, "unknown key 'resting' in the power of device 'chip'",
            "its keys are idle, active"},
        Bad{"peak_int8", "peak_int4", 24, "unknown key 'peak_int4' in the cost of device 'chip'",
            "did you mean 'peak_int8'?"},
        Bad{"{ value = 0.4, source", "{ value = 0.4, sorce", 25, "unknown key 'sorce' in figure 'compute_efficiency'",
            "did you mean 'source'?"},
        Bad{kPeak,
            "peak_int8 = { value = \"4 TOPS\", source = \"a\" }\npeak_int8 = { value = \"5 TOPS\", source = \"b\" }",
            25, "not TOML", "peak_int8"},
        Bad{"name = \"chip\"", "name = \"usb\"", 10, "the name 'usb' is used in line 5 already", "its own"},
        Bad{"name = \"chip\"\n", "", 9, "a device has no 'name'", "add name ="},
        Bad{"name = \"bench\"\n", "", 1, "the platform has no 'name'", "add name ="},
        Bad{"summary = \"A chip\"\n", "", 9, "device 'chip' has no 'summary'", "add summary ="},
        Bad{"kind = \"npu\"\n", "", 9, "device 'chip' has no 'kind'", "add kind ="},
        Bad{"precisions = [\"int8\", \"fp16\"]\n", "", 9, "device 'chip' has no precisions",
            "add precisions = [\"fp32\"]"},
        Bad{"latency = { value = \"10 us\", source = \"measured\" }\n", "", 4, "link 'usb' has no 'latency'",
            "add latency = { value"},
        Bad{"bandwidth = { value = \"440 MB/s\", source = \"measured\" }\n", "", 4, "link 'usb' has no 'bandwidth'",
            "add bandwidth = { value"},
        Bad{"idle = { value = \"0.5 W\", source = \"datasheet\" }\n", "", 18,
            "the power of device 'chip' has no 'idle'", "add idle = { value"},
        Bad{"call_overhead = { value = \"0.28 ms\", source = \"measured\" }\n", "", 22,
            "has no 'call_overhead' (of a test), which the cost model 'roofline' needs",
            "add call_overhead = { value = \"0.28 ms\""}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

INSTANTIATE_TEST_SUITE_P(
    Figures, BadPlatform,
    testing::Values(
        Bad{"440 MB/s", "440", 6, "'bandwidth' of link 'usb': '440' has no unit", "as in '440 MB/s'"},
        Bad{kBandwidth, "bandwidth = { value = 440, source = \"s\" }", 6, "'440' has no unit", "B/s, kB/s, MB/s"},
        Bad{"440 MB/s", "440 MHz", 6, "'MHz' does not fit", "units of a bandwidth are B/s"},
        Bad{"440 MB/s", "0 MB/s", 6, "a bandwidth must be above zero", "0 is not"},
        Bad{"440 MB/s", "-3 MB/s", 6, "a bandwidth must be above zero", "-3e+06 is not"},
        Bad{"440 MB/s", "nan MB/s", 6, "'bandwidth' of link 'usb'", "a finite number"},
        Bad{kBandwidth, "bandwidth = { value = nan, source = \"s\" }", 6, "'bandwidth' of link 'usb'",
            "a finite number"},
        Bad{kEfficiency, "compute_efficiency = { value = inf, source = \"s\" }", 25, "'compute_efficiency'",
            "a finite number"},
        Bad{"440 MB/s", "1e99 MB/s", 6, "beyond any machine", "at most"},
        Bad{"440 MB/s", "1e999 MB/s", 6, "out of range", "a smaller number"},
        Bad{kEfficiency, "compute_efficiency = { value = 0, source = \"s\" }", 25, "a ratio must be above zero",
            "0 is not"},
        Bad{"10 us", "-10 us", 7, "a time must be zero or more", "is not"},
        Bad{"7.7 MiB", "0 B", 15, "'memory' of device 'chip' is zero", "leave the key out"},
        Bad{kBandwidth, "bandwidth = \"440 MB/s\"", 6, "'bandwidth' of link 'usb' has no source",
            "write bandwidth = { value = \"440 MB/s\", source = "},
        Bad{kBandwidth, "bandwidth = { value = \"440 MB/s\" }", 6, "'bandwidth' of link 'usb' has no source",
            "write bandwidth = { value = \"440 MB/s\", source = "},
        Bad{kBandwidth, "bandwidth = { value = \"440 MB/s\", source = \" \" }", 6,
            "'bandwidth.source' of link 'usb' is empty", "write something"},
        Bad{kBandwidth, "bandwidth = { source = \"s\" }", 6, "'bandwidth' of link 'usb' has no value",
            "write bandwidth = { value"},
        Bad{kBandwidth, "bandwidth = true", 6, "is a boolean, date or time", "write a bandwidth, as in { value"},
        Bad{kBandwidth, "bandwidth = [\"440 MB/s\"]", 6, "is a list", "write a bandwidth, as in { value"},
        Bad{"value = \"0.5 W\"", "value = \"5 W\"", 19, "takes more power idle than active", "swap the two"}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

INSTANTIATE_TEST_SUITE_P(
    Words, BadPlatform,
    testing::Values(
        Bad{"kind = \"npu\"", "kind = \"tpu\"", 11, "unknown kind 'tpu' of device 'chip'",
            "one of cpu, gpu, edgetpu, npu"},
        Bad{"\"fp16\"", "\"fp8\"", 13, "'fp8' of device 'chip'", "fp32"},
        Bad{"\"fp16\"", "\"int8\"", 13, "'int8' is listed twice", "remove one"},
        Bad{"model = \"roofline\"", "model = \"rooflin\"", 23, "unknown cost model 'rooflin'",
            "there are edgetpu, replay, roofline"},
        Bad{"model = \"roofline\"\n", "", 22, "the cost of device 'chip' has no 'model'", "add model ="},
        Bad{"model = \"roofline\"", "model = \"replay\"", 24, "unknown key 'peak_int8' in the cost of device 'chip'",
            "its keys are error_low, error_high, model, row"},
        Bad{"link = \"usb\"", "link = \"usb3\"", 14, "hangs on the link 'usb3', which is not in this file",
            "did you mean 'usb'?"},
        Bad{"link = \"usb\"", "link = \"pcie\"", 14, "hangs on the link 'pcie', which is not in this file",
            "there are usb"},
        Bad{"name = \"usb\"", "name = \"usb\"\nvia = \"hub\"", 6,
            "link 'usb' hangs on the link 'hub', which is not in this file", "there are usb"},
        Bad{"name = \"usb\"", "name = \"usb\"\nvia = \"usb\"", 6, "link 'usb' hangs on itself, by way of usb",
            "leave 'via' out"},
        Bad{"name = \"chip\"", "name = \"a/b\"", 10, "'a/b' is no name", "letters, digits"},
        Bad{"name = \"chip\"", "name = 3", 10, "'name' of a device is a number", "a text in double quotes"},
        Bad{"summary = \"A chip\"", "summary = \"\"", 12, "'summary' of device 'chip' is empty", "leave the key out"},
        Bad{"summary = \"A chip\"", "summary = \"a\\u001b[2Jb\"", 12, "holds a control character", "plain text"},
        Bad{"missing_ops = [\"Loop\"]", "missing_ops = \"Loop\"", 16, "must be a list", "[\"a\", \"b\"]"},
        Bad{"missing_ops = [\"Loop\"]", "missing_ops = [1]", 16, "'missing_ops' of device 'chip' is a number",
            "double quotes"},
        Bad{"[[link]]", "[link]", 4, "'link' of the platform is not a list of tables", "write [[link]] above each"},
        Bad{"[device.cost]", "[[device.cost]]", 22, "'cost' of device 'chip' is a list", "write it as a table"},
        Bad{"model = \"roofline\"", "model = \"roofline\"\nrow = [{ macs = 1 }]", 24,
            "the cost model 'roofline' takes no rows", "remove [[device.cost.row]]"}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadPlatform,
    testing::Values(Bad{"[device.power]", "[device.power", 18, "not TOML", "toml.io"},
                    Bad{"summary = \"A chip\"", "summary = \"A chip", 12, "not TOML", "toml.io"},
                    Bad{"latency = { value = \"10 us\"", "latency = { value = 10 µs", 7, "not TOML", "toml.io"},
                    Bad{"summary = \"A chip\"", "µ = \"A chip\"", 12, "not TOML", "toml.io"},
                    Bad{"summary = \"A chip\"", "summary = \"\xff\xfe\"", 12, "not TOML", "toml.io"},
                    Bad{"summary = \"A chip\"", "summary = \"\x01\"", 12,
                        "not TOML: the line holds a control character", "plain text"}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

constexpr char kLinkFigures[] =
    "bandwidth = { value = \"1 GB/s\", source = \"s\" }\nlatency = { value = \"0 ms\", source = \"s\" }\n";

std::string LinkVia(const std::string& name, const std::string& via) {
  return "[[link]]\nname = \"" + name + "\"\nvia = \"" + via + "\"\n" + kLinkFigures;
}

TEST(BadPlatforms, ARingOfLinks) {
  const std::string text = kValidPlatform + LinkVia("a", "b") + LinkVia("b", "c") + LinkVia("c", "a");
  EXPECT_THAT(Refusal(text),
              AllOf(StartsWith("bench.toml:32: "), HasSubstr("link 'a' hangs on itself, by way of a, b, c"),
                    HasSubstr("leave 'via' out")));
}

TEST(BadPlatforms, ALinkThatLeadsIntoARing) {
  const std::string text = kValidPlatform + LinkVia("tail", "b") + LinkVia("b", "c") + LinkVia("c", "b");
  EXPECT_THAT(Refusal(text), AllOf(StartsWith("bench.toml:37: "), HasSubstr("link 'b' hangs on itself")));
}

TEST(BadPlatforms, NoDevices) {
  EXPECT_THAT(Refusal("name = \"a\"\nsummary = \"b\"\n"),
              AllOf(StartsWith("bench.toml:1: "), HasSubstr("no devices"), HasSubstr("add a table [[device]]")));
}

TEST(BadPlatforms, NoPower) {
  const std::string text = Replaced(Replaced(Replaced(kValidPlatform, "[device.power]\n", ""),
                                             "idle = { value = \"0.5 W\", source = \"datasheet\" }\n", ""),
                                    "active = { value = \"2 W\", source = \"datasheet\" }\n", "");
  EXPECT_THAT(Refusal(text),
              AllOf(StartsWith("bench.toml:9: "), HasSubstr("has no power"), HasSubstr("add [device.power]")));
}

TEST(BadPlatforms, NoCost) {
  const std::string text = std::string(kValidPlatform).substr(0, std::string(kValidPlatform).find("[device.cost]"));
  EXPECT_THAT(Refusal(text),
              AllOf(StartsWith("bench.toml:9: "), HasSubstr("has no cost model"), HasSubstr("add [device.cost]")));
}

TEST(BadPlatforms, AModelOfRowsWithoutRows) {
  const std::string text = std::string(kValidPlatform).substr(0, std::string(kValidPlatform).find("[device.cost]")) +
                           "[device.cost]\nmodel = \"replay\"\n";
  EXPECT_THAT(Refusal(text), AllOf(StartsWith("bench.toml:22: "), HasSubstr("has no rows"),
                                   HasSubstr("add [[device.cost.row]] with macs, time")));
}

TEST(BadPlatforms, ARowWithoutItsTime) {
  const std::string text = std::string(kValidPlatform).substr(0, std::string(kValidPlatform).find("[device.cost]")) +
                           "[device.cost]\nmodel = \"replay\"\n[[device.cost.row]]\nsource = \"s\"\nmacs = 4096\n";
  EXPECT_THAT(Refusal(text), AllOf(StartsWith("bench.toml:24: "), HasSubstr("a row of device 'chip' has no 'time'"),
                                   HasSubstr("add time =")));
}

TEST(BadPlatforms, TooManyDevices) {
  std::string text = "name = \"a\"\nsummary = \"b\"\n";
  for (int i = 0; i < 65; ++i) text += "[[device]]\n";
  EXPECT_THAT(Refusal(text),
              AllOf(StartsWith("bench.toml:3: "), HasSubstr("more than 64 of 'device'"), HasSubstr("leave some out")));
}

TEST(BadPlatforms, AFileThatIsTooBig) {
  EXPECT_THAT(Refusal(std::string(kLargestPlatformFile + 1, '\n')),
              AllOf(StartsWith("bench.toml:1: "), HasSubstr("larger than 1.0 MiB"), HasSubstr("a page of text")));
}

TEST(BadPlatforms, ALineThatIsTooLong) {
  EXPECT_THAT(Refusal("# a\n# b\n#" + std::string(1000, 'x') + "\n"),
              AllOf(StartsWith("bench.toml:3: "), HasSubstr("more than 1000 characters"), HasSubstr("break it")));
}

// What could exhaust the stack: values in values, headers and dotted keys, and each within the other.
TEST(BadPlatforms, DeepNesting) {
  std::string dots = "a";
  for (int i = 0; i < 480; ++i) dots += ".a";
  std::string both;
  for (int i = 0; i < 300; ++i) both += "{" + dots + " = [\n";
  EXPECT_THAT(Refusal("a = " + std::string(900, '[') + "\n"), HasSubstr("bench.toml:1: not TOML"));
  EXPECT_THAT(Refusal("[" + dots + "]\nb = 1\n"),
              AllOf(HasSubstr("nested too deep"), HasSubstr("[[device.cost.row]]")));
  EXPECT_THAT(Refusal(dots + " = 1\n"), HasSubstr("nested too deep"));
  EXPECT_THAT(Refusal("[" + dots + "]\n" + dots + " = [\n" + both), HasSubstr("bench.toml:6: not TOML"));
}

TEST(BadPlatforms, NoBytesAtAll) { EXPECT_THAT(Refusal(""), HasSubstr("bench.toml:1: the platform has no 'name'")); }

}  // namespace
}  // namespace consort
