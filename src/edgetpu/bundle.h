// The folder that `consort edgetpu` writes: everything that runs a model on an Edge TPU and what is left on another
// device.
#ifndef CONSORT_EDGETPU_BUNDLE_H_
#define CONSORT_EDGETPU_BUNDLE_H_

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edgetpu/compiler.h"
#include "edgetpu/convert.h"
#include "shard/manifest.h"
#include "tflite/audit.h"

namespace consort {

inline constexpr std::string_view kBundleFormat = "consort-edgetpu";
inline constexpr int kBundleVersion = 1;
inline constexpr std::string_view kBundleName = "bundle.json";
inline constexpr std::string_view kHeadName = "edgetpu.tflite";
inline constexpr std::string_view kCompiledName = "edgetpu_compiled.tflite";
inline constexpr std::string_view kRestName = "rest.onnx";

// What a bundle is made from. All of it outlives the call.
struct BundleParts {
  const Model& model;  // the whole one
  const EdgeTpuConversion& conversion;
  const tflite::AuditReport& audit;      // of the head's file
  const Compilation* compilation;        // nullptr: no compiler was there
  std::string not_compiled;              // why there is no compiled file; empty where there is one
};

// Throws kInvalidArgument where the folder holds a file of a bundle and `overwrite` is false, or where one of these
// files is the model itself.
void CheckBundleFolder(const std::filesystem::path& folder, const std::filesystem::path& model, bool overwrite);

// Writes the files, then bundle.json; the folder is made where it is absent, and files of an earlier bundle that this
// one does not have are removed. The files that were written, bundle.json last. Throws kInvalidArgument where that
// cannot be, kUnsupported for a rest of more than 2 GiB.
std::vector<FileEntry> WriteBundle(const BundleParts& parts, const std::filesystem::path& folder);

}  // namespace consort

#endif  // CONSORT_EDGETPU_BUNDLE_H_
