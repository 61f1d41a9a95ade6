// The folder that `consort edgetpu` wrote, as what runs it sees it.
#ifndef CONSORT_EDGETPU_READ_BUNDLE_H_
#define CONSORT_EDGETPU_READ_BUNDLE_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tflite/write_tflite.h"

namespace consort {

struct Bundle {
  std::filesystem::path folder;
  std::string source;                // the model's name and fingerprint
  std::string fingerprint;
  std::string head;                  // file names in the folder
  std::optional<std::string> compiled;
  std::string not_compiled;          // why, where it is not
  std::optional<std::string> rest;
  std::vector<TfLitePort> inputs;    // of the head
  std::vector<TfLitePort> outputs;
  std::vector<std::string> model_outputs;  // of the whole, in its order: each an output of the rest or of the head
};

// Whether a path is a folder with a bundle.json.
bool IsBundle(const std::filesystem::path& path);
// Throws kInvalidModel naming what bundle.json lacks or has wrong, kInvalidArgument where it cannot be read.
Bundle ReadBundle(const std::filesystem::path& folder);
// The bytes of one of its files. Throws kInvalidModel where they are not those that the bundle was written with.
std::shared_ptr<const std::string> ReadPart(const Bundle& bundle, const std::string& file);

// A bundle, and where its rest runs, as the bytes of an artifact (ArtifactKind::kBlob).
std::string FormatBundleBlob(const std::filesystem::path& folder, const std::string& rest_target);
struct BundleBlob {
  std::filesystem::path folder;
  std::string rest_target;
};
// Nothing for another blob.
std::optional<BundleBlob> ParseBundleBlob(std::string_view bytes);

}  // namespace consort

#endif  // CONSORT_EDGETPU_READ_BUNDLE_H_
