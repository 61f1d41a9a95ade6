#include "report/assets.h"

// CONSORT_PAGE_STYLE and the others are the files' paths (CMakeLists.txt). The assembler takes their bytes as they are:
// a compiler would need minutes for a literal of this size.
#define CONSORT_ASSET(symbol, path)                                                                       \
  asm(".pushsection .rodata\n.global " #symbol "\n.global " #symbol "_end\n" #symbol ":\n.incbin \"" path \
      "\"\n" #symbol "_end:\n.byte 0\n.popsection\n");                                                    \
  extern "C" const char symbol[];                                                                         \
  extern "C" const char symbol##_end[]

CONSORT_ASSET(consort_page_style, CONSORT_PAGE_STYLE);
CONSORT_ASSET(consort_page_script, CONSORT_PAGE_SCRIPT);
CONSORT_ASSET(consort_charting_library, CONSORT_CHARTING_LIBRARY);

namespace consort::report {

std::string_view PageStyle() { return {consort_page_style, consort_page_style_end}; }
std::string_view PageScript() { return {consort_page_script, consort_page_script_end}; }
std::string_view ChartingLibrary() { return {consort_charting_library, consort_charting_library_end}; }

}  // namespace consort::report
