#include "report/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "base/test_error.h"
#include "report/gnuplot.h"
#include "report/json.h"
#include "report/png.h"
#include "report/test_documents.h"

namespace consort::report {
namespace {

using ::consort::test::ErrorOf;
using test::SampleDocument;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kPngSignature[] = "\x89PNG";

// $PATH without programs, for as long as it lives.
class NoPrograms {
 public:
  NoPrograms() : before_(std::getenv("PATH")) { setenv("PATH", "/nonexistent", 1); }
  ~NoPrograms() { setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

TEST(ReportWriteTest, TheEndingSaysTheForm) {
  EXPECT_EQ(FormOf("a/b.html"), Form::kHtml);
  EXPECT_EQ(FormOf("b.md"), Form::kMarkdown);
  EXPECT_EQ(FormOf("b.json"), Form::kJson);
  EXPECT_EQ(FormOf("b.png"), Form::kPng);
  EXPECT_THAT(ErrorOf([] { FormOf("b.pdf"); }).second, HasSubstr(".html, .md, .json or .png"));
}

TEST(ReportWriteTest, PathsThatCannotBeWrittenAreToldBefore) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "x.html");
  EXPECT_THAT(ErrorOf([&] { CheckWritable(folder.path() / "x.html"); }).second, HasSubstr("it is a folder"));
  EXPECT_THAT(ErrorOf([&] { CheckWritable(folder.path() / "no" / "x.html"); }).second, HasSubstr("does not exist"));
  CheckWritable(folder.path() / "y.json");
}

TEST(ReportWriteTest, JsonIsReadAgain) {
  const TemporaryFolder folder;
  const auto written = Write(SampleDocument(), folder.path() / "a.json");
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(ParseJson(ReadFile(written[0]), "a.json").title, SampleDocument().title);
}

TEST(ReportWriteTest, EveryPlotBecomesAnImage) {
  ASSERT_EQ(WhyNoImages(), "");
  const TemporaryFolder folder;
  const auto written = Write(SampleDocument(), folder.path() / "a.png");
  std::vector<std::string> names;
  for (const auto& path : written) {
    names.push_back(path.filename().string());
    EXPECT_THAT(ReadFile(path), StartsWith(kPngSignature)) << path;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("a-latency-by-batch.png", "a-strategies.png", "a-strategies-surface.png",
                                            "a-devices.png"));
}

TEST(ReportWriteTest, EveryMarkIsDrawn) {
  for (const Mark mark : {Mark::kLine, Mark::kPoints, Mark::kBars, Mark::kStackedBars}) {
    const auto images = DrawImages(test::LatencyChart(mark));
    ASSERT_EQ(images.size(), 1u);
    EXPECT_THAT(images[0].png, StartsWith(kPngSignature));
  }
}

TEST(ReportWriteTest, PlotsWithoutFiguresAreDrawnEmpty) {
  Chart chart = test::LatencyChart();
  chart.series.clear();
  EXPECT_THAT(DrawImages(chart)[0].png, StartsWith(kPngSignature));
  HeatMap map = test::StrategyMap();
  map.values = {{kNothing, kNothing, kNothing}, {kNothing, kNothing, kNothing}};
  map.surface = false;
  EXPECT_THAT(DrawImages(map)[0].png, StartsWith(kPngSignature));
  TimeLine line = test::DeviceLine();
  line.spans.clear();
  EXPECT_THAT(DrawImages(line)[0].png, StartsWith(kPngSignature));
}

TEST(ReportWriteTest, MarkdownHasItsPlotsBesideIt) {
  const TemporaryFolder folder;
  const auto written = Write(SampleDocument(), folder.path() / "a b.md");
  ASSERT_EQ(written.size(), 5u);
  EXPECT_EQ(written[1], folder.path() / "a b-plots" / "latency-by-batch.png");
  EXPECT_THAT(ReadFile(written[0]), HasSubstr("](<a%20b-plots/latency-by-batch.png>)"));
}

TEST(ReportWriteTest, WithoutGnuplotTheWayOutIsSaid) {
  const NoPrograms nothing;
  const TemporaryFolder folder;
  const auto [code, message] = ErrorOf([&] { CheckWritable(folder.path() / "a.png"); });
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THAT(message, HasSubstr("gnuplot-nox"));
  const auto written = Write(SampleDocument(), folder.path() / "a.md");
  ASSERT_EQ(written.size(), 1u);
  EXPECT_THAT(ReadFile(written[0]), HasSubstr("Not drawn: gnuplot"));
}

TEST(GnuplotTest, NoTextLeavesItsQuotes) {
  EXPECT_EQ(Quoted("a'b\nc`d`"), "'a''b c`d`'");
  EXPECT_EQ(Quoted("äöü", 2), "'äö…'");
  EXPECT_EQ(QuotedLabel("5 %"), "'5 %%'");
  EXPECT_EQ(Number(kNothing), "NaN");
  EXPECT_EQ(Number(0.1), "0.1");
}

// gnuplot runs what stands in backquotes outside of single quotes.
TEST(GnuplotTest, TextsStartNoPrograms) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "made").string();
  Chart chart = test::LatencyChart(Mark::kBars);
  const std::string attack = "`touch " + file + "`'.system('touch " + file + "').'";
  chart.caption = chart.series[0].name = chart.x.title = attack;
  chart.x.categories = {attack, attack, attack, attack, attack};
  EXPECT_THAT(DrawImages(chart)[0].png, StartsWith(kPngSignature));
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace consort::report
