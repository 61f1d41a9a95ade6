// The words of closed sets, as they stand in files.
#ifndef CONSORT_REPORT_WORDS_H_
#define CONSORT_REPORT_WORDS_H_

#include <string_view>

#include "report/document.h"

namespace consort::report {

std::string_view ToString(Mark mark);

// Inverses of ToString. Throw kInvalidArgument listing the words that there are; an origin may be "".
Mark ParseMark(std::string_view text);
Origin ParseOrigin(std::string_view text);

}  // namespace consort::report

#endif  // CONSORT_REPORT_WORDS_H_
