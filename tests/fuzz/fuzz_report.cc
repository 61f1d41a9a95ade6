// Fuzz target: bytes as a saved report. What is read is whole, is the same when it is written and read again, and can
// be put into a page, and written as text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "consort/error.h"
#include "report/check.h"
#include "report/comparison.h"
#include "report/html.h"
#include "report/json.h"
#include "report/markdown.h"

namespace {

using consort::report::Document;

// What a page carries of it.
void CheckData(const Document& document) {
  const std::string data = consort::report::EscapedForScript(consort::report::FormatJson(document, -1));
  if (data.find('<') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Document document = consort::report::ParseJson({reinterpret_cast<const char*>(data), size}, "fuzzed");
    if (!consort::report::ProblemOf(document).empty()) std::abort();
    const std::string text = consort::report::FormatJson(document);
    if (consort::report::FormatJson(consort::report::ParseJson(text, "written")) != text) std::abort();
    CheckData(document);
    consort::report::FormatMarkdown(document, [](const auto&) { return std::string(); });
    consort::report::Compare(document, document, "a", "b");
  } catch (const consort::Error&) {
  }
  return 0;
}
