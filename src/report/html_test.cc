#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/assets.h"
#include "report/test_documents.h"

namespace consort::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(ReportHtmlTest, ThePageHasTheScriptsThatItHasAndNoOthers) {
  const std::string page = FormatHtml(test::SampleDocument());
  EXPECT_EQ(Count(page, "<script"), 3u);  // data, library, the page's own
  EXPECT_EQ(Count(page, "</script"), 3u);
  EXPECT_EQ(Count(page, "<!--"), 0u);
  EXPECT_THAT(page, HasSubstr("alert('1')"));  // as data
}

TEST(ReportHtmlTest, TextsInMarkupAreEscaped) {
  EXPECT_EQ(EscapedForMarkup("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
  EXPECT_EQ(EscapedForScript("{\"a\": \"</script><!--\"}"), "{\"a\": \"\\u003c/script>\\u003c!--\"}");
}

TEST(ReportHtmlTest, ThePageAllowsNoRequests) {
  const std::string page = FormatHtml(test::SampleDocument());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("unsafe-eval")));
  const std::string own = std::string(PageStyle()) + std::string(PageScript());
  EXPECT_THAT(own, Not(HasSubstr("@import")));
  EXPECT_THAT(own, Not(HasSubstr("innerHTML")));
  EXPECT_THAT(own, Not(HasSubstr("insertAdjacentHTML")));
  EXPECT_THAT(own, Not(HasSubstr("</script")));
}

TEST(ReportHtmlTest, ThePageStaysSmall) {
  EXPECT_LT(FormatHtml(test::SampleDocument()).size(), size_t{6'000'000});
  EXPECT_GT(ChartingLibrary().size(), size_t{500'000});
}

}  // namespace
}  // namespace consort::report
