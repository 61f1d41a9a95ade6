// Calibration data as samples of a model's inputs.
#ifndef CONSORT_CLI_CALIBRATION_SAMPLES_H_
#define CONSORT_CLI_CALIBRATION_SAMPLES_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/model_options.h"
#include "consort/device.h"
#include "quantize/observe.h"

namespace consort {

// Samples of a model's inputs, out of files, or made from seeds where there are none:
//  - .npy, .npz: axis 0 counts samples; so many at a time as the model's first axis takes (1 where it is open), or one
//    at a time where the file has an axis more than the input;
//  - a folder: every file in it a sample, in order of name: JPEG, PNG, .npy of one sample, ONNX .pb;
//  - any other file: one sample.
// Inputs without a file get seed + i in sample i; an open first axis is 1 there. Images are read when they are asked
// for. All inputs must agree on how many samples there are.
class CalibrationSamples {
 public:
  // `image` outlives it. Throws kInvalidArgument naming file and input where they do not fit, what reading throws.
  CalibrationSamples(const std::vector<NamedFile>& files, const ImageOptions& image, const Signature& signature,
                     uint64_t seed);

  // Samples that the files hold; nothing without files.
  std::optional<int> count() const { return count_; }
  // "calibration.npz", "seeds 3 …".
  std::string Describe() const;
  // `count` samples, `first` and every `step`th after it; this outlives them.
  Samples Take(int count, int first = 0, int step = 1) const;

 private:
  struct Source {
    std::string origin;
    Buffer stack;                              // axis 0 counts samples
    int64_t per_sample = 0;                    // of axis 0; 0: the axis is left out
    std::vector<std::filesystem::path> files;  // else: a sample each
  };
  void AddFile(const NamedFile& file);
  void AddStack(int port, Buffer stack, const std::string& origin);
  void AddFolder(const NamedFile& file);
  void Put(int port, Source source, int64_t samples);
  int PortOf(const NamedFile& file, const std::string& tensor) const;
  Buffer SliceOf(int port, const Source& source, int sample) const;
  Buffer Get(int port, int sample) const;

  const ImageOptions& image_;
  Signature signature_;
  uint64_t seed_;
  std::map<int, Source> sources_;  // by input
  std::optional<int> count_;
};

}  // namespace consort

#endif  // CONSORT_CLI_CALIBRATION_SAMPLES_H_
