// The report of `consort compare`.
#ifndef CONSORT_CLI_REPORT_COMPARE_H_
#define CONSORT_CLI_REPORT_COMPARE_H_

#include "cli/compare_report.h"
#include "report/document.h"

namespace consort {

report::Document CompareDocument(const CompareReport& report);

}  // namespace consort

#endif  // CONSORT_CLI_REPORT_COMPARE_H_
