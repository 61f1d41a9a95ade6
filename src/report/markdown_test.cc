#include "report/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/test_documents.h"

namespace consort::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Formatted(const Document& document) {
  return FormatMarkdown(document, [](const Block&) { return "PLOT\n"; });
}

TEST(ReportMarkdownTest, TextsAreNoMarkup) {
  EXPECT_EQ(EscapedForMarkdown("a|b <i>*c*</i>\n[d](e) `f`"), "a\\|b &lt;i&gt;\\*c\\*&lt;/i&gt; \\[d\\](e) \\`f\\`");
  EXPECT_THAT(Formatted(test::SampleDocument()), Not(HasSubstr("<script")));
}

TEST(ReportMarkdownTest, TablesHaveUnitsAndOrigins) {
  const std::string text = Formatted(test::SampleDocument());
  EXPECT_THAT(text, HasSubstr("| device | batch | median (ms) | note | origin |\n| --- | --: | --: | --- | --- |\n"));
  EXPECT_THAT(text, HasSubstr("| cpu | 1 | 12.5 |  | measured |\n"));
  EXPECT_THAT(text, HasSubstr("| coral-usb3 | 1 | 2.25 | "));
}

TEST(ReportMarkdownTest, EveryRowIsOneLine) {
  const std::string text = Formatted(test::SampleDocument());
  size_t rows = 0;
  for (size_t at = text.find("\n| "); at != std::string::npos; at = text.find("\n| ", at + 1)) ++rows;
  EXPECT_EQ(rows, 4u);  // titles, rule, two rows
}

TEST(ReportMarkdownTest, ThePlanIsDrawnAsText) {
  EXPECT_THAT(Formatted(test::SampleDocument()), HasSubstr("```text\na > b\n```\n"));
}

TEST(ReportMarkdownTest, AFenceCannotBeClosedFromWithin) {
  Document document;
  document.title = "x";
  document.command = "```\n# no heading";
  EXPECT_THAT(Formatted(document), HasSubstr("````text\n```\n# no heading\n````\n"));
}

TEST(ReportMarkdownTest, NumbersHaveFourDigits) {
  EXPECT_EQ(FormatNumber(0), "0");
  EXPECT_EQ(FormatNumber(1.23456), "1.235");
  EXPECT_EQ(FormatNumber(1234567), "1,234,567");
  EXPECT_EQ(FormatNumber(-1234), "-1,234");
  EXPECT_EQ(FormatNumber(1.5e-7), "1.50e-07");
  EXPECT_EQ(FormatNumber(kNothing), "");
}

}  // namespace
}  // namespace consort::report
