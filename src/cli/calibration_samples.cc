#include "cli/calibration_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/files.h"
#include "base/strings.h"
#include "cli/run_inputs.h"
#include "consort/error.h"
#include "io/random_input.h"
#include "io/tensor_file.h"

namespace consort {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with(".")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) ThrowInvalid(fmt::format("{}: the folder holds no files", folder.string()));
  return files;
}

bool IsStackKind(TensorFileKind kind) { return kind == TensorFileKind::kNpy || kind == TensorFileKind::kNpz; }

}  // namespace

CalibrationSamples::CalibrationSamples(const std::vector<NamedFile>& files, const ImageOptions& image,
                                       const Signature& signature, uint64_t seed)
    : image_(image), signature_(signature), seed_(seed) {
  for (const NamedFile& file : files) AddFile(file);
}

void CalibrationSamples::AddFile(const NamedFile& file) {
  if (fs::is_directory(file.path)) return AddFolder(file);
  const std::string place = file.path.string(), bytes = ReadFile(file.path);
  const TensorFileKind kind = DetectTensorFile(bytes, place);
  if (!IsStackKind(kind)) return Put(PortOf(file, ""), {.origin = place, .files = {file.path}}, 1);
  std::vector<NamedTensor> tensors = ParseTensors(bytes, place);
  for (NamedTensor& tensor : tensors) {
    const bool only = tensors.size() == 1 && kind == TensorFileKind::kNpy;
    AddStack(PortOf(file, only ? "" : tensor.name), std::move(tensor.tensor), place);
  }
}

// The input that is named, else the tensor's namesake, else the only one.
int CalibrationSamples::PortOf(const NamedFile& file, const std::string& tensor) const {
  if (!file.name.empty()) return RequirePort(signature_.inputs, file.name, "input");
  if (!tensor.empty() && signature_.FindInput(tensor) >= 0) return signature_.FindInput(tensor);
  if (signature_.inputs.size() == 1) return 0;
  if (!tensor.empty()) return RequirePort(signature_.inputs, tensor, "input");
  ThrowInvalid(fmt::format("{0}: which input is it for? Give it as NAME={0}", file.path.string()));
}

void CalibrationSamples::AddStack(int port, Buffer stack, const std::string& origin) {
  const Port& input = signature_.inputs[static_cast<size_t>(port)];
  const Shape& shape = stack.spec().shape;
  Source source{.origin = origin};
  Shape rest = shape;
  if (shape.size() == input.spec.shape.size() && !shape.empty()) {
    source.per_sample = input.spec.shape[0] == kDynamic ? 1 : input.spec.shape[0];
    rest[0] = source.per_sample;
  } else if (shape.size() == input.spec.shape.size() + 1) {
    rest.erase(rest.begin());
  } else {
    ThrowInvalid(fmt::format("{}: holds {}, but samples of input '{}' are {}", origin, FormatSpec(stack.spec()),
                             input.name, FormatSpec(input.spec)));
  }
  for (size_t axis = 0; axis < rest.size(); ++axis) {
    const bool fits = input.spec.shape[axis] == kDynamic || input.spec.shape[axis] == rest[axis];
    if (fits && stack.spec().dtype == input.spec.dtype) continue;
    ThrowInvalid(fmt::format("{}: holds {}, but samples of input '{}' are {}", origin, FormatSpec(stack.spec()),
                             input.name, FormatSpec(input.spec)));
  }
  const int64_t samples = shape[0] / std::max<int64_t>(1, source.per_sample);
  if (samples == 0) ThrowInvalid(fmt::format("{}: holds {}: not one sample", origin, FormatSpec(stack.spec())));
  source.stack = std::move(stack);
  Put(port, std::move(source), samples);
}

void CalibrationSamples::AddFolder(const NamedFile& file) {
  Source source{.origin = file.path.string(), .files = FilesIn(file.path)};
  const auto samples = static_cast<int64_t>(source.files.size());
  Put(PortOf(file, ""), std::move(source), samples);
}

void CalibrationSamples::Put(int port, Source source, int64_t samples) {
  const std::string& name = signature_.inputs[static_cast<size_t>(port)].name;
  if (count_ && *count_ != samples) {
    ThrowInvalid(fmt::format("{}: holds {} samples of input '{}', but the files before it {}", source.origin, samples,
                             name, *count_));
  }
  count_ = static_cast<int>(std::min<int64_t>(samples, 1 << 30));
  if (const auto given = sources_.find(port); given != sources_.end())
    ThrowInvalid(fmt::format("input '{}' is given twice, by {} and {}", name, given->second.origin, source.origin));
  sources_.emplace(port, std::move(source));
}

std::string CalibrationSamples::Describe() const {
  std::vector<std::string> origins;
  for (const auto& [port, source] : sources_) {
    if (std::find(origins.begin(), origins.end(), source.origin) == origins.end()) origins.push_back(source.origin);
  }
  if (sources_.size() < signature_.inputs.size()) origins.push_back(fmt::format("seeds from {} on", seed_));
  return Join(origins);
}

Samples CalibrationSamples::Take(int count, int first, int step) const {
  return {count, [this, first, step](int index) {
            std::vector<NamedTensor> tensors;
            for (size_t port = 0; port < signature_.inputs.size(); ++port)
              tensors.push_back({signature_.inputs[port].name, Get(static_cast<int>(port), first + step * index)});
            return tensors;
          }};
}

Buffer CalibrationSamples::SliceOf(int port, const Source& source, int sample) const {
  TensorSpec spec = source.stack.spec();
  const int64_t row_bytes = static_cast<int64_t>(source.stack.size_bytes()) / spec.shape[0];
  const int64_t rows = std::max<int64_t>(1, source.per_sample);
  if (source.per_sample > 0) {
    spec.shape[0] = source.per_sample;
  } else {
    spec.shape.erase(spec.shape.begin());
  }
  spec.layout = signature_.inputs[static_cast<size_t>(port)].spec.layout;
  Buffer slice = Buffer::Allocate(spec);
  if (slice.size_bytes() > 0) {
    std::memcpy(slice.data(), static_cast<const std::byte*>(source.stack.data()) + sample * rows * row_bytes,
                slice.size_bytes());
  }
  return slice;
}

Buffer CalibrationSamples::Get(int port, int sample) const {
  Port input = signature_.inputs[static_cast<size_t>(port)];
  const auto source = sources_.find(port);
  if (source != sources_.end() && !source->second.stack.empty()) return SliceOf(port, source->second, sample);
  if (source != sources_.end()) {
    const InputArguments arguments{.inputs = {{input.name, source->second.files[static_cast<size_t>(sample)]}},
                                   .image = image_};
    return std::move(RunInputs(arguments).BuffersFor({.inputs = {input}}).front());
  }
  Shape& shape = input.spec.shape;
  if (!shape.empty() && shape[0] == kDynamic) shape[0] = 1;
  if (!IsStatic(shape)) {
    ThrowInvalid(fmt::format("input '{}' takes {}: give --calibration for it, or fix its shape with --shape {}:… or "
                             "--dim",
                             input.name, FormatSpec(input.spec), input.name));
  }
  return RandomInput(input.spec, seed_ + static_cast<uint64_t>(sample), input.name);
}

}  // namespace consort
