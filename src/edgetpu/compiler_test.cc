#include "edgetpu/compiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "consort/error.h"
#include "edgetpu/test_logs.h"
#include "tflite/test_tflite.h"

namespace consort {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kPreamble[] = "#!/bin/sh\n";

// A script in place of the compiler. It is called as `edgetpu_compiler -s -o FOLDER edgetpu.tflite`, in FOLDER.
class FakeCompiler : public ::testing::Test {
 protected:
  Compilation Compile(const std::string& script, TimeNs timeout_ns = 60'000'000'000) {
    const fs::path program = folder_.path() / kEdgeTpuCompiler;
    WriteFile(program, kPreamble + script);
    fs::permissions(program, fs::perms::owner_all);
    return CompileForEdgeTpu(source_, {.program = program, .timeout_ns = timeout_ns});
  }
  // A file that a script can copy.
  std::string Keep(const std::string& name, const std::string& bytes) {
    WriteFile(folder_.path() / name, bytes);
    return (folder_.path() / name).string();
  }

  const TemporaryFolder folder_;
  const std::string source_ = test::CustomTfLite("other-op");
};

TEST_F(FakeCompiler, TakesWhatTheCompilerWrites) {
  const std::string compiled = test::CustomTfLite("edgetpu-custom-op");
  const std::string log = Keep("log", test::kPartlyMapped);
  const Compilation result =
      Compile("cmp edgetpu.tflite " + Keep("source", source_) + " && test \"$1 $2 $4\" = '-s -o edgetpu.tflite' && " +
              "test \"$3\" -ef . && cp " + Keep("result", compiled) + " edgetpu_edgetpu.tflite && cat " + log);
  EXPECT_TRUE(result.compiled) << result.why_not;
  EXPECT_EQ(result.bytes, compiled);
  EXPECT_EQ(result.audit.edgetpu_operators, 1);
  EXPECT_EQ(result.log.edgetpu_operators, 105);
  EXPECT_EQ(result.log.table.size(), 4U);
}

TEST_F(FakeCompiler, TakesTheTableFromTheLogFile) {
  const std::string log = Keep("log", "Edge TPU Compiler version 16.0.1\nADD   2      Mapped to Edge TPU\n");
  const Compilation result = Compile("cp " + log + " edgetpu_edgetpu.log; cp " +
                                     Keep("result", test::CustomTfLite("edgetpu-custom-op")) +
                                     " edgetpu_edgetpu.tflite");
  EXPECT_TRUE(result.compiled);
  EXPECT_EQ(result.log.version, "16.0.1");
  ASSERT_EQ(result.log.table.size(), 1U);
  EXPECT_EQ(result.log.table[0].name, "ADD");
}

TEST_F(FakeCompiler, SaysWhenItCrashes) {
  const Compilation result = Compile("kill -SEGV $$");
  EXPECT_FALSE(result.compiled);
  EXPECT_THAT(result.why_not, StartsWith("it was ended by signal 11 (SIGSEGV)"));
}

TEST_F(FakeCompiler, SaysWhatItSaidWhenItFails) {
  const Compilation result = Compile("cat " + Keep("log", test::kInvalidModel) + "; exit 1");
  EXPECT_EQ(result.why_not, "it ended with exit code 1: Compilation failed!");
  EXPECT_EQ(result.log.version, "16.0.384591198");
  EXPECT_EQ(result.log.other.at(1), "Model not quantized");
}

TEST_F(FakeCompiler, StopsItWhenItHangs) {
  EXPECT_EQ(Compile("sleep 600", 200'000'000).why_not, "it did not end within 0.2 s and was stopped");
}

TEST_F(FakeCompiler, SaysWhenItWritesNothing) {
  EXPECT_EQ(Compile("echo Internal compiler error. Aborting!").why_not,
            "it wrote no compiled file: Internal compiler error. Aborting!");
  EXPECT_EQ(Compile("exit 0").why_not, "it wrote no compiled file");
}

TEST_F(FakeCompiler, DoesNotBelieveAFileThatIsNotCompiled) {
  EXPECT_THAT(Compile("cp edgetpu.tflite edgetpu_edgetpu.tflite").why_not, HasSubstr("mapped nothing to the Edge TPU"));
  EXPECT_THAT(Compile("echo rubbish > edgetpu_edgetpu.tflite").why_not, StartsWith("it wrote a file that is no model"));
  const std::string other = Keep("other", test::AddMulTfLite());
  EXPECT_THAT(Compile("cp " + other + " edgetpu_edgetpu.tflite").why_not, HasSubstr("mapped nothing"));
}

TEST_F(FakeCompiler, RefusesOtherPorts) {
  test::TfLiteWriter writer;
  const int x = writer.Tensor("x", {1, 5}, test::TfLiteElement::kFloat32);
  const int y = writer.Tensor("y", {1, 4}, test::TfLiteElement::kFloat32);
  writer.Operator(test::TfLiteOp::kCustom, {x}, {y}, test::TfLiteOptionsTable::kNone, "edgetpu-custom-op");
  const std::string other = Keep("other", writer.Finish({x}, {y}));
  EXPECT_EQ(Compile("cp " + other + " edgetpu_edgetpu.tflite").why_not,
            "its file has other inputs or outputs than the model");
}

TEST_F(FakeCompiler, IsFoundWhereItIsNamed) {
  EXPECT_THROW(FindEdgeTpuCompiler("/nonexistent/edgetpu_compiler"), Error);
  EXPECT_THROW(FindEdgeTpuCompiler(Keep("no-program", "text")), Error);
  EXPECT_EQ(FindEdgeTpuCompiler("/bin/sh"), "/bin/sh");
}

}  // namespace
}  // namespace consort
