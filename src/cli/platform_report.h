// How `consort platforms` shows a platform: every figure with its source.
#ifndef CONSORT_CLI_PLATFORM_REPORT_H_
#define CONSORT_CLI_PLATFORM_REPORT_H_

#include <string>

#include "platform/platform.h"

namespace consort {

// For people, in lines of at most 80 columns.
std::string PlatformTable(const Platform& platform);

// For programs; docs/cli.md lists the keys. Ends in a newline.
std::string PlatformJson(const Platform& platform);

}  // namespace consort

#endif  // CONSORT_CLI_PLATFORM_REPORT_H_
