#include "edgetpu/compiler_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "edgetpu/test_logs.h"

namespace consort {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CompilerLog, ReadsWhatACompletedCompilationSays) {
  const CompilerLog log = ParseCompilerLog(test::kPartlyMapped);
  EXPECT_EQ(log.version, "16.0.384591198");
  EXPECT_EQ(log.compile_ms, 1524);
  EXPECT_EQ(log.operators, 108);
  EXPECT_EQ(log.edgetpu_operators, 105);
  EXPECT_EQ(log.cpu_operators, 3);
  EXPECT_EQ(log.subgraphs, 1);
  EXPECT_EQ(log.on_chip_bytes, int64_t{7340032});
  EXPECT_EQ(log.on_chip_free_bytes, int64_t{1792});
  EXPECT_EQ(log.off_chip_bytes, int64_t{0});
  EXPECT_TRUE(log.partly);
  EXPECT_THAT(log.table, ElementsAre(CompiledOperators{"CONV_2D", 104, "Mapped to Edge TPU"},
                                     CompiledOperators{"RESHAPE", 1, "Mapped to Edge TPU"},
                                     CompiledOperators{"CONV_2D", 2, "More than one subgraph is not supported"},
                                     CompiledOperators{"QUANTIZE", 1,
                                                       "Operation is otherwise supported, but not mapped due to some "
                                                       "unspecified limitation"}));
  EXPECT_TRUE(log.table[0].mapped());
  EXPECT_FALSE(log.table[2].mapped());
  EXPECT_THAT(log.other, IsEmpty());
}

TEST(CompilerLog, KeepsLinesThatItDoesNotKnow) {
  const CompilerLog log = ParseCompilerLog(test::kInvalidModel);
  EXPECT_EQ(log.version, "16.0.384591198");
  EXPECT_THAT(log.other, ElementsAre("ERROR: Invalid model: edgetpu.tflite", "Model not quantized",
                                     "Compilation failed!"));
  EXPECT_FALSE(log.on_chip_bytes);
}

// Every beginning of a log, and each with a byte changed, is read without an error.
TEST(CompilerLog, TakesAnyText) {
  const std::string whole = test::kPartlyMapped;
  for (size_t length = 0; length < whole.size(); ++length) {
    ParseCompilerLog(std::string_view(whole).substr(0, length));
    std::string changed = whole;
    changed[length] = static_cast<char>(changed[length] ^ 0x55);
    ParseCompilerLog(changed);
  }
  const CompilerLog half = ParseCompilerLog(std::string_view(whole).substr(0, whole.find("Number of operations that")));
  EXPECT_EQ(half.operators, 108);
  EXPECT_FALSE(half.cpu_operators);
  EXPECT_THAT(half.table, IsEmpty());
}

TEST(CompilerLog, DoesNotBelieveFiguresThatAreNone) {
  const CompilerLog log = ParseCompilerLog(
      "Number of operations that will run on CPU: -3\n"
      "Total number of operations: 99999999999999999999\n"
      "On-chip memory used for caching model parameters: 1e300MiB\n"
      "Off-chip memory used for streaming uncached model parameters: nanMiB\n"
      "CONV_2D  many  Mapped to Edge TPU\n");
  EXPECT_FALSE(log.cpu_operators);
  EXPECT_FALSE(log.operators);
  EXPECT_FALSE(log.on_chip_bytes);
  EXPECT_FALSE(log.off_chip_bytes);
  EXPECT_THAT(log.table, IsEmpty());
  EXPECT_EQ(log.other.size(), 5U);
}

TEST(CompilerLog, ReadsBytes) {
  EXPECT_EQ(ParseCompilerBytes("0.00B"), int64_t{0});
  EXPECT_EQ(ParseCompilerBytes("80.00KiB"), int64_t{81920});
  EXPECT_EQ(ParseCompilerBytes("1.5 GiB"), int64_t{1610612736});
  EXPECT_FALSE(ParseCompilerBytes("12"));
  EXPECT_FALSE(ParseCompilerBytes("MiB"));
  EXPECT_FALSE(ParseCompilerBytes(""));
}

}  // namespace
}  // namespace consort
