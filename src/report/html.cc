#include "report/html.h"

#include "report/assets.h"
#include "report/json.h"

namespace consort::report {
namespace {

constexpr char kHead[] =
    "<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n"
    "<meta name=\"generator\" content=\"consort\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n";

}  // namespace

std::string EscapedForScript(std::string json) {
  std::string escaped;
  escaped.reserve(json.size());
  for (const char byte : json) {
    if (byte == '<') {
      escaped += "\\u003c";
    } else {
      escaped += byte;
    }
  }
  return escaped;
}

std::string EscapedForMarkup(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += byte;
    }
  }
  return escaped;
}

std::string FormatHtml(const Document& document) {
  const std::string data = EscapedForScript(FormatJson(document, -1));
  const std::string title = EscapedForMarkup(document.title);
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n";
  page.reserve(ChartingLibrary().size() + PageScript().size() + PageStyle().size() + data.size() + 4096);
  page.append(kHead).append("<title>").append(title).append("</title>\n<style>\n").append(PageStyle());
  page.append("</style>\n</head>\n<body>\n<noscript><h1>").append(title).append("</h1><p>");
  page.append(EscapedForMarkup(document.verdict)).append("</p><p>The rest of this report is drawn by its script, ");
  page.append(
      "which this browser does not run.</p></noscript>\n<script type=\"application/json\" id=\"consort:data\">");
  page.append(data).append("</script>\n<script type=\"text/plain\" id=\"consort:library\">").append(ChartingLibrary());
  page.append("</script>\n<script type=\"module\">\n").append(PageScript()).append("</script>\n</body>\n</html>\n");
  return page;
}

}  // namespace consort::report
