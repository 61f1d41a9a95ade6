#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "cli/table.h"

namespace consort {
namespace {

TEST(Nearest, FindsSlipsAndNothingElse) {
  EXPECT_EQ(Nearest("isnpect", {"devices", "inspect", "run"}), "inspect");
  EXPECT_EQ(Nearest("--tolerence", {"--threads", "--tolerance"}), "--tolerance");
  EXPECT_EQ(Nearest("quantize", {"devices", "inspect", "run"}), "");
  EXPECT_EQ(Nearest(std::string(10000, 'x'), {"run"}), "");
}

TEST(WrapText, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(WrapText("aa bb cc", 5, 2), "aa bb\n  cc");
  EXPECT_EQ(WrapText("one\ntwo", 20, 1), "one\n two");
  EXPECT_EQ(WrapText("unbreakable", 4, 0), "unbreakable");
}

TEST(Table, AlignsColumnsAndDropsTrailingSpaces) {
  Table table({{"op"}, {"n", Align::kRight}, {"why"}});
  table.AddRow({"Conv", "7", ""});
  table.AddRow({"é", "12", "folded"});
  EXPECT_EQ(table.ToString(), "op     n  why\nConv   7\né     12  folded\n");
}

TEST(ExitCodes, FollowTheDocumentation) {
  EXPECT_EQ(ExitCodeFor(ErrorCode::kInvalidModel), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kInvalidArgument), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kInfeasible), ExitCode::kPlacementRefused);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kDeviceLost), ExitCode::kDeviceLost);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kTimeout), ExitCode::kOther);
  EXPECT_EQ(ExitCodeFor(ErrorCode::kUnsupported), ExitCode::kOther);
}

TEST(Numbers, AreParsedWholeOrNotAtAll) {
  EXPECT_EQ(ParseInt("-3", -5, 5), -3);
  EXPECT_THROW(ParseInt("6", -5, 5), Error);
  EXPECT_THROW(ParsePositive("0"), Error);
  EXPECT_THROW(ParsePositive("3x"), Error);
  EXPECT_DOUBLE_EQ(ParseNumber("0.25"), 0.25);
  EXPECT_DOUBLE_EQ(ParseNumber("1e-5"), 1e-5);
  EXPECT_THROW(ParseNumber("nan"), Error);
  EXPECT_THROW(ParseNumber(""), Error);
}

// Parses `arguments` with an app that holds --shape, --dim and --format.
struct Parsed {
  explicit Parsed(std::vector<std::string> arguments) {
    CLI::App app;
    AddShapeOptions(&app, shapes, dims);
    AddFormatOption(&app, format);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
  }
  std::map<std::string, Shape> shapes;
  std::map<std::string, int64_t> dims;
  OutputFormat format = OutputFormat::kTable;
};

TEST(Options, BecomeValues) {
  const Parsed parsed({"--shape", "x:0:1x3", "--shape", "4x?", "--dim", "batch=4", "--format", "json"});
  EXPECT_EQ(parsed.shapes, (std::map<std::string, Shape>{{"x:0", {1, 3}}, {"", {4, kDynamic}}}));
  EXPECT_EQ(parsed.dims, (std::map<std::string, int64_t>{{"batch", 4}}));
  EXPECT_EQ(parsed.format, OutputFormat::kJson);
}

TEST(NamedFiles, NameAndPathAreCutAtTheFirstEqualsSign) {
  const auto parts = [](const std::string& text) {
    const NamedFile file = ParseNamedFile(text);
    return std::pair(file.name, file.path.string());
  };
  EXPECT_EQ(parts("x.npy"), (std::pair<std::string, std::string>("", "x.npy")));
  EXPECT_EQ(parts("x=in/a=b.npy"), (std::pair<std::string, std::string>("x", "in/a=b.npy")));
  EXPECT_EQ(parts("./a=b.npy"), (std::pair<std::string, std::string>("", "./a=b.npy")));
  EXPECT_EQ(parts("../a=b.npy"), (std::pair<std::string, std::string>("", "../a=b.npy")));
  EXPECT_EQ(parts("gpu_0/data_0=in/x.npy"), (std::pair<std::string, std::string>("gpu_0/data_0", "in/x.npy")));
  EXPECT_EQ(parts("/block/out=x.npy"), (std::pair<std::string, std::string>("/block/out", "x.npy")));
  EXPECT_THROW(ParseNamedFile("x="), Error);
  EXPECT_THROW(ParseNamedFile("=x"), Error);
  EXPECT_THROW(ParseNamedFile(""), Error);
}

TEST(Options, RefuseWhatCannotBeParsed) {
  EXPECT_THROW(Parsed({"--shape", "x:1xy"}), CLI::ValidationError);
  EXPECT_THROW(Parsed({"--shape", "x:1", "--shape", "x:2"}), CLI::ValidationError);
  EXPECT_THROW(Parsed({"--dim", "4"}), CLI::ValidationError);
  EXPECT_THROW(Parsed({"--dim", "n=0"}), CLI::ValidationError);
  EXPECT_THROW(Parsed({"--format", "xml"}), CLI::ValidationError);
  EXPECT_THROW(Parsed({"--format", "json", "--format", "table"}), CLI::ArgumentMismatch);
}

}  // namespace
}  // namespace consort
