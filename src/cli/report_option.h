// --report FILE: a command's findings as a page, as text, as data or as images.
#ifndef CONSORT_CLI_REPORT_OPTION_H_
#define CONSORT_CLI_REPORT_OPTION_H_

#include <CLI/CLI.hpp>
#include <filesystem>
#include <vector>

#include "report/document.h"

namespace consort {

struct ReportOption {
  std::vector<std::filesystem::path> files;

  bool asked() const { return !files.empty(); }
};

// The option, repeatable. A file that cannot be written is a usage error: it is told before anything is measured.
void AddReportOption(CLI::App* app, ReportOption& option);

// Writes the document to every file, and says so on stderr. Throws what report::Write does.
void WriteReports(const report::Document& document, const ReportOption& option);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_OPTION_H_
