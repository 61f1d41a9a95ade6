#include "report/document.h"

namespace consort::report {

std::string_view ToString(Origin origin) {
  switch (origin) {
    case Origin::kNone: return "";
    case Origin::kMeasured: return "measured";
    case Origin::kModelled: return "modelled";
    case Origin::kEmulated: return "emulated";
    case Origin::kPublished: return "published";
  }
  return "";
}

Origin OriginOf(Provenance provenance) {
  switch (provenance) {
    case Provenance::kMeasured: return Origin::kMeasured;
    case Provenance::kModelled: return Origin::kModelled;
    case Provenance::kEmulated: return Origin::kEmulated;
  }
  return Origin::kNone;
}

}  // namespace consort::report
