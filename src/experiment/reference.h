// Published figures that an experiment's are laid beside.
#ifndef CONSORT_EXPERIMENT_REFERENCE_H_
#define CONSORT_EXPERIMENT_REFERENCE_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "report/document.h"

namespace consort::experiment {

// A CSV file (RFC 4180) with a line of titles. Plain data, by value.
struct Reference {
  std::string file;  // for messages
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`

  bool Has(const std::vector<std::string>& names) const;
  // Of a row; the column must be there. Number: NaN for an empty cell or one that is no number.
  const std::string& Text(size_t row, std::string_view column) const;
  double Number(size_t row, std::string_view column) const;
};

// Throws kInvalidModel "FILE:LINE: what, and the way out" for a quote that does not end, a row of another length, a title
// that is empty or stands twice, no titles at all.
Reference ParseReference(std::string_view text, const std::string& file);
// Throws kInvalidArgument where the file cannot be read or exceeds 16 MiB.
Reference ReadReference(const std::filesystem::path& path);

// One published figure beside ours.
struct Overlay {
  std::string group;   // "gtx1650, inference only": means are taken over it
  std::string what;    // "side 256"; with the group it names the figure
  double ours = 0;     // ms, or whatever `unit` says; NaN: not run
  double published = 0;
  report::Origin origin = report::Origin::kNone;  // of ours
};

// A table of both with their ratio (ours / published), under `id`, then the mean ratio of each group and `note`, which
// says what is known of why they differ.
std::vector<report::Block> OverlayBlocks(const std::string& id, const std::string& caption, const std::string& unit,
                                         const std::vector<Overlay>& overlays, const std::string& note);
// The geometric mean of ours / published over those that have both; NaN for none.
double MeanRatio(const std::vector<Overlay>& overlays);

}  // namespace consort::experiment

#endif  // CONSORT_EXPERIMENT_REFERENCE_H_
