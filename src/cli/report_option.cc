#include "cli/report_option.h"

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "cli/options.h"
#include "report/write.h"

namespace consort {

void AddReportOption(CLI::App* app, ReportOption& option) {
  AddEach(
      app, "--report", "FILE",
      [&option](const std::string& text) {
        report::CheckWritable(text);
        option.files.emplace_back(text);
      },
      "write a report: a page (.html), text (.md), data for 'consort report' (.json), or an image of each plot (.png); "
      "repeatable");
}

void WriteReports(const report::Document& document, const ReportOption& option) {
  std::fflush(stdout);
  for (const std::filesystem::path& file : option.files) {
    for (const std::filesystem::path& written : report::Write(document, file))
      fmt::print(stderr, "wrote {}\n", written.string());
  }
}

}  // namespace consort
