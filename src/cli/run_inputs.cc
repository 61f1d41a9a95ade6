#include "cli/run_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "base/strings.h"
#include "io/element.h"
#include "io/random_input.h"
#include "io/tensor_file.h"

namespace consort {
namespace {

[[noreturn]] void ThrowInvalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

bool IsSequence(const InputArguments& options, const std::string& port) {
  return std::find(options.sequences.begin(), options.sequences.end(), port) != options.sequences.end();
}

// The spec of one step of a tensor whose axis 0 is time: without that axis, or with size 1 where the port has it too.
TensorSpec StepSpec(const TensorSpec& whole, size_t port_rank) {
  TensorSpec step = whole;
  if (step.shape.empty()) return step;
  if (step.shape.size() == port_rank) {
    step.shape[0] = 1;
  } else {
    step.shape.erase(step.shape.begin());
  }
  return step;
}

bool Fits(const TensorSpec& spec, const TensorSpec& port) {
  if (spec.dtype != port.dtype || spec.shape.size() != port.shape.size()) return false;
  for (size_t axis = 0; axis < port.shape.size(); ++axis) {
    if (port.shape[axis] != kDynamic && port.shape[axis] != spec.shape[axis]) return false;
  }
  return true;
}

void RefuseNan(const Buffer& tensor, const std::string& place) {
  if (!IsFloat(tensor.spec().dtype)) return;
  const std::vector<double> values = ToDoubles(tensor);
  const auto nan = std::find_if(values.begin(), values.end(), [](double value) { return std::isnan(value); });
  if (nan == values.end()) return;
  ThrowInvalid(fmt::format("{}: element {} is NaN; --allow-nan accepts it", place, nan - values.begin()));
}

// Real numbers for a port that takes them quantized: rounded to its scale. Anything else as it is.
PortInput Quantized(PortInput input, const TensorSpec& port) {
  const TensorSpec& given = input.tensor.spec();
  if (port.quantization.scale.size() != 1 || !IsFloat(given.dtype)) return input;
  Buffer quantized = Buffer::Allocate({port.dtype, given.shape, given.layout, port.quantization});
  SetFromRealValues(ToDoubles(input.tensor), quantized);
  return {std::move(quantized), input.origin + ", quantized"};
}

// The only input that is not a state, or -1.
int OnlyInput(const Signature& signature, const InputArguments& options) {
  std::vector<bool> is_state(signature.inputs.size());
  for (const auto& [input, output] : StatePorts(signature, options)) is_state[input] = true;
  const auto first = std::find(is_state.begin(), is_state.end(), false);
  if (std::count(is_state.begin(), is_state.end(), false) != 1) return -1;
  return static_cast<int>(first - is_state.begin());
}

PixelFormat FormatFor(const Port& port, const ImageOptions& options) {
  PixelFormat format{.layout = port.spec.layout == Layout::kNhwc ? Layout::kNhwc : Layout::kNchw,
                     .dtype = port.spec.quantization.empty() ? port.spec.dtype : DataType::kFloat32};
  if (const auto* layout = options.layout.Find(port.name)) format.layout = *layout;
  if (const auto* color = options.color.Find(port.name)) format.color = *color;
  if (const auto* mean = options.mean.Find(port.name)) format.mean = *mean;
  if (const auto* scale = options.scale.Find(port.name)) format.scale = *scale;
  return format;
}

// As asked, else as the port says, else the image's own; each axis for itself.
ImageSize SizeFor(const Port& port, const Image& image, Layout layout, const ImageOptions& options) {
  if (const auto* asked = options.size.Find(port.name)) return *asked;
  const Shape& shape = port.spec.shape;
  ImageSize size{image.width, image.height};
  if (shape.size() != 3 && shape.size() != 4) return size;
  const size_t height_axis = shape.size() - (layout == Layout::kNhwc ? 3 : 2);
  if (shape[height_axis] != kDynamic)
    size.height = static_cast<int>(std::min<int64_t>(shape[height_axis], kDefaultMaxPixels));
  if (shape[height_axis + 1] != kDynamic)
    size.width = static_cast<int>(std::min<int64_t>(shape[height_axis + 1], kDefaultMaxPixels));
  return size;
}

}  // namespace

int RequirePort(const std::vector<Port>& ports, const std::string& name, const std::string& what) {
  std::vector<std::string> known;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<int>(i);
    known.push_back(fmt::format("{} ({})", ports[i].name, FormatSpec(ports[i].spec)));
  }
  ThrowInvalid(fmt::format("the model has no {} '{}'; it has {}", what, name, known.empty() ? "none" : Join(known)));
}

int64_t CountSteps(const std::vector<PortInput>& inputs) {
  int64_t steps = 0;
  for (const PortInput& input : inputs) {
    if (!input.sequence) continue;
    const int64_t length = input.tensor.spec().shape.front();
    if (length == 0) ThrowInvalid(input.origin + ": the sequence is empty");
    if (steps != 0 && steps != length)
      ThrowInvalid(fmt::format("sequences of {} and {} steps do not go together", steps, length));
    steps = length;
  }
  return steps;
}

std::vector<std::pair<int, int>> StatePorts(const Signature& signature, const InputArguments& options) {
  std::vector<std::pair<int, int>> states = signature.states;
  for (const auto& [input, output] : options.states) {
    const std::pair pair = {RequirePort(signature.inputs, input, "input"),
                            RequirePort(signature.outputs, output, "output")};
    if (std::find(states.begin(), states.end(), pair) == states.end()) states.push_back(pair);
  }
  return states;
}

RunInputs::RunInputs(const InputArguments& options) : options_(options) {
  for (const NamedFile& file : options.inputs) {
    Source source{.file = file};
    const std::string bytes = ReadFile(file.path);
    const std::string place = file.path.string();
    const TensorFileKind kind = DetectTensorFile(bytes, place);
    source.archive = kind == TensorFileKind::kNpz;
    if (kind == TensorFileKind::kImage) {
      source.image = DecodeImage(bytes, place, options.image.max_pixels);
    } else {
      source.tensors = ParseTensors(bytes, place);
    }
    for (const NamedTensor& tensor : source.tensors) {
      if (!options.allow_nan) RefuseNan(tensor.tensor, tensor.name.empty() ? place : place + ":" + tensor.name);
    }
    if (!file.name.empty() && !source.image && source.tensors.size() != 1) {
      ThrowInvalid(fmt::format("{}: holds {} tensors; give it without '{}='", place, source.tensors.size(), file.name));
    }
    sources_.push_back(std::move(source));
  }
}

int RunInputs::PortOf(const Signature& signature, const Source& source, const std::string& tensor_name) const {
  if (!source.file.name.empty()) return RequirePort(signature.inputs, source.file.name, "input");
  if (const int port = signature.FindInput(tensor_name); port >= 0) return port;
  if (const int only = OnlyInput(signature, options_); only >= 0 && !source.archive) return only;
  if (source.archive) return RequirePort(signature.inputs, tensor_name, "input");
  std::vector<std::string> names;
  for (const Port& port : signature.inputs) names.push_back(port.name);
  ThrowInvalid(fmt::format("{}: which input is it for? Give it as NAME={}, where NAME is one of {}",
                           source.file.path.string(), source.file.path.string(), Join(names)));
}

Buffer RunInputs::FromImage(const Port& port, const Image& image, const std::string& place) const {
  const PixelFormat format = FormatFor(port, options_.image);
  const ImageSize size = SizeFor(port, image, format.layout, options_.image);
  Buffer tensor;
  try {
    tensor = ImageToTensor(Resize(image, size.width, size.height, options_.image.filter), format);
  } catch (const Error& error) {
    throw Error(error.code(), place + ": " + error.what());
  }
  if (port.spec.shape.size() == 3) {
    TensorSpec spec = tensor.spec();
    spec.shape.erase(spec.shape.begin());
    spec.layout = Layout::kPlain;
    tensor.Respec(std::move(spec));
  }
  return tensor;
}

// Checks that the tensor fits the port and puts it into the port's slot.
void RunInputs::Place(PortInput input, const Port& port, PortInput& slot) const {
  if (!slot.tensor.empty())
    ThrowInvalid(fmt::format("input '{}' is given twice, by {} and {}", port.name, slot.origin, input.origin));
  input = Quantized(std::move(input), port.spec);
  input.sequence = IsSequence(options_, port.name);
  const TensorSpec& whole = input.tensor.spec();
  const TensorSpec spec = input.sequence ? StepSpec(whole, port.spec.shape.size()) : whole;
  if (!Fits(spec, port.spec)) {
    ThrowInvalid(fmt::format("{}: holds {}{}, but input '{}' takes {}", input.origin, FormatSpec(whole),
                             input.sequence ? " (axis 0 is time)" : "", port.name, FormatSpec(port.spec)));
  }
  slot = std::move(input);
}

void RunInputs::Assign(const Source& source, const Signature& signature, std::vector<PortInput>& inputs) const {
  const std::string place = source.file.path.string();
  if (source.image) {
    const int port = PortOf(signature, source, "");
    Place({FromImage(signature.inputs[port], *source.image, place), place}, signature.inputs[port], inputs[port]);
  }
  for (const NamedTensor& tensor : source.tensors) {
    const int port = PortOf(signature, source, tensor.name);
    const std::string origin = source.tensors.size() > 1 ? place + ":" + tensor.name : place;
    Place({tensor.tensor.Share(), origin}, signature.inputs[port], inputs[port]);
  }
}

PortInput RunInputs::WithoutFile(const Port& port, bool state) const {
  if (IsSequence(options_, port.name)) {
    throw UsageError(fmt::format("--sequence {0}: no file is given for input '{0}'", port.name));
  }
  if (!IsStatic(port.spec.shape)) {
    ThrowInvalid(
        fmt::format("input '{}' takes {} and no file is given for it; fix its shape with --shape {}:… or --dim",
                    port.name, FormatSpec(port.spec), port.name));
  }
  if (state) return {Buffer::Allocate(port.spec), "zeros"};
  return {RandomInput(port.spec, options_.seed, port.name), fmt::format("seed {}", options_.seed)};
}

std::vector<PortInput> RunInputs::For(const Signature& signature) const {
  std::vector<PortInput> inputs(signature.inputs.size());
  for (const Source& source : sources_) Assign(source, signature, inputs);
  std::vector<bool> is_state(inputs.size());
  for (const auto& [input, output] : StatePorts(signature, options_)) is_state[input] = true;
  for (const std::string& name : options_.sequences) RequirePort(signature.inputs, name, "input");
  for (size_t port = 0; port < inputs.size(); ++port) {
    if (inputs[port].tensor.empty()) inputs[port] = WithoutFile(signature.inputs[port], is_state[port]);
  }
  return inputs;
}

std::vector<Buffer> RunInputs::BuffersFor(const Signature& signature) const {
  std::vector<Buffer> buffers;
  for (PortInput& input : For(signature)) buffers.push_back(std::move(input.tensor));
  return buffers;
}

}  // namespace consort
