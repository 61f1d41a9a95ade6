// What stands behind a figure. Every figure that is printed carries one of these words.
#ifndef CONSORT_PROVENANCE_H_
#define CONSORT_PROVENANCE_H_

#include <cstdint>
#include <string_view>

namespace consort {

enum class Provenance : uint8_t {
  kMeasured,  // real hardware, real clock
  kModelled,  // a formula
  kEmulated,  // a run in which a formula says how long a call takes
};

constexpr std::string_view ToString(Provenance provenance) {
  switch (provenance) {
    case Provenance::kMeasured:
      return "measured";
    case Provenance::kModelled:
      return "modelled";
    case Provenance::kEmulated:
      return "emulated";
  }
  return "";
}

}  // namespace consort

#endif  // CONSORT_PROVENANCE_H_
