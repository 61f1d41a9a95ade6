// The options of `consort run` as typed values.
#ifndef CONSORT_CLI_RUN_OPTIONS_H_
#define CONSORT_CLI_RUN_OPTIONS_H_

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "consort/device.h"
#include "io/image.h"

namespace consort {

// A file and what it is for: a backend (-m), an input (-i) or an output (--expect); "" when it was not said.
struct NamedFile {
  std::string name;
  std::filesystem::path path;
};

// "NAME=FILE" or "FILE". What stands before '=' and holds a '/' is a name too ("gpu_0/data_0"), unless the whole text
// begins with "./" or "../" or is a file that exists.
NamedFile ParseNamedFile(const std::string& text);

// A value for all inputs, and others for inputs that are named.
template <typename T>
struct PerInput {
  std::optional<T> common;
  std::map<std::string, T> by_name;

  // What holds for an input, or nullptr.
  const T* Find(const std::string& input) const {
    const auto found = by_name.find(input);
    if (found != by_name.end()) return &found->second;
    return common ? &*common : nullptr;
  }
};

struct ImageSize {
  int width = 0;
  int height = 0;
};

// How image files become tensors.
struct ImageOptions {
  PerInput<ImageSize> size;  // absent: the port's, or the image's own where the port is dynamic
  PerInput<Layout> layout;
  PerInput<ColorOrder> color;
  PerInput<std::vector<double>> mean;
  PerInput<std::vector<double>> scale;
  ResizeFilter filter = ResizeFilter::kAntialias;
  int64_t max_pixels = kDefaultMaxPixels;
};

enum class PlacementDetail { kNone, kSummary, kOps };

struct RunOptions {
  std::vector<NamedFile> models;
  std::vector<Target> targets;
  std::map<std::string, Shape> shapes;
  std::map<std::string, int64_t> dims;

  std::vector<NamedFile> inputs;
  ImageOptions image;
  uint64_t seed = 0;
  bool allow_nan = false;
  std::vector<std::pair<std::string, std::string>> states;  // input, output
  std::vector<std::string> sequences;                       // inputs whose file has time as axis 0

  std::vector<NamedFile> expected;
  std::optional<double> tolerance;
  bool strict = false;

  CompileOptions compile;
  bool isolated = false;
  std::string plugin;
  int iterations = 1;
  std::optional<double> timeout_s;

  std::filesystem::path output_folder;  // empty: outputs are not written
  PlacementDetail placement = PlacementDetail::kSummary;
  OutputFormat format = OutputFormat::kTable;
};

// Adds every option of the command; `options` must outlive the parsing.
void AddRunOptions(CLI::App* app, RunOptions& options);

}  // namespace consort

#endif  // CONSORT_CLI_RUN_OPTIONS_H_
