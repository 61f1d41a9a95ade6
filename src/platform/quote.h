// Text of a file or a command line in a message: one line, of a readable length.
#ifndef CONSORT_PLATFORM_QUOTE_H_
#define CONSORT_PLATFORM_QUOTE_H_

#include <string>
#include <string_view>

namespace consort {

// The text between marks; control characters become '?', a long text is cut.
std::string Quote(std::string_view text, std::string_view mark = "'");

// No control characters (C0, DEL, and C1 in UTF-8): it can be printed on a terminal.
bool IsPrintable(std::string_view text);

}  // namespace consort

#endif  // CONSORT_PLATFORM_QUOTE_H_
