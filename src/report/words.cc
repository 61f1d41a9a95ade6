#include "report/words.h"

#include <fmt/format.h>

#include <initializer_list>
#include <string>

#include "consort/error.h"

namespace consort::report {
namespace {

template <typename T>
T ParseWord(std::string_view text, std::initializer_list<T> values) {
  std::string words;
  for (const T value : values) {
    if (ToString(value) == text) return value;
    words += fmt::format("{}'{}'", words.empty() ? "" : ", ", ToString(value));
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is none of {}", text, words));
}

}  // namespace

std::string_view ToString(Mark mark) {
  switch (mark) {
    case Mark::kLine:
      return "line";
    case Mark::kPoints:
      return "points";
    case Mark::kBars:
      return "bars";
    case Mark::kStackedBars:
      return "stacked-bars";
  }
  return "";
}

Mark ParseMark(std::string_view text) {
  return ParseWord(text, {Mark::kLine, Mark::kPoints, Mark::kBars, Mark::kStackedBars});
}

Origin ParseOrigin(std::string_view text) {
  return ParseWord(text, {Origin::kNone, Origin::kMeasured, Origin::kModelled, Origin::kEmulated, Origin::kPublished});
}

}  // namespace consort::report
