#include "cli/run_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/run_inputs.h"
#include "io/npy.h"
#include "io/tensor_file.h"

namespace consort {
namespace {

constexpr double kDefaultTolerance = 1e-5;

// The name of the output that a tensor of a file is for: as the option says, the only one, or as the file says.
std::string ExpectedName(const NamedFile& file, const NamedTensor& tensor, size_t tensors, const Signature& signature) {
  if (!file.name.empty()) return file.name;
  if (tensors == 1 && signature.outputs.size() == 1) return signature.outputs.front().name;
  if (!tensor.name.empty()) return tensor.name;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{0}: which output is it for? Give it as NAME={0}", file.path.string()));
}

}  // namespace

std::vector<Expected> ReadExpected(const RunOptions& options, const Signature& signature) {
  std::vector<Expected> expected;
  for (const NamedFile& file : options.expected) {
    std::vector<NamedTensor> tensors = ReadTensors(file.path);
    if (!file.name.empty() && tensors.size() != 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: holds {} tensors where one is needed", file.path.string(), tensors.size()));
    }
    for (NamedTensor& tensor : tensors) {
      tensor.name = ExpectedName(file, tensor, tensors.size(), signature);
      RequirePort(signature.outputs, tensor.name, "output");
      expected.push_back({std::move(tensor), file.path.string()});
    }
  }
  return expected;
}

Verdict Judge(const Buffer& value, const Buffer& reference, std::optional<double> tolerance) {
  try {
    return {Compare(value, reference), "", tolerance};
  } catch (const Error& error) {
    return {std::nullopt, error.what(), tolerance};
  }
}

void JudgeExpected(std::vector<OutputReport>& outputs, const std::vector<Expected>& expected,
                   const RunOptions& options) {
  for (const Expected& one : expected) {
    const auto output = std::find_if(outputs.begin(), outputs.end(), [&one](const OutputReport& candidate) {
      return candidate.port.name == one.output.name;
    });
    if (output == outputs.end())
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: there is no output '{}'", one.file, one.output.name));
    output->expected = Judge(output->tensor, one.output.tensor, options.tolerance.value_or(kDefaultTolerance));
    if (output->expected->comparison) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: output '{}': {}", one.file, one.output.name, output->expected->problem));
  }
}

bool Passed(const std::vector<OutputReport>& outputs) {
  const auto missed = [](const std::optional<Verdict>& verdict) { return verdict && !verdict->passed(); };
  return std::none_of(outputs.begin(), outputs.end(), [&](const OutputReport& output) {
    return missed(output.expected) || missed(output.against_first);
  });
}

std::string FileName(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return name.empty() || name.front() == '.' ? "_" + name : name;
}

void WriteOutputs(std::vector<OutputReport>& outputs, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", folder.string(), error.message()));
  std::set<std::string> names;
  for (OutputReport& output : outputs) {
    const std::string name = FileName(output.port.name) + ".npy";
    if (!names.insert(name).second) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("two outputs would be written to {}; one of them is '{}'",
                                                           (folder / name).string(), output.port.name));
    }
    const std::filesystem::path path = folder / name;
    WriteNpy(path, output.tensor);
    output.file = path.string();
  }
}

}  // namespace consort
