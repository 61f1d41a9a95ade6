#include "split_law_subjects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>

#include "base/files.h"
#include "consort/error.h"
#include "io/image.h"
#include "io/random_input.h"
#include "shard/folding.h"
#include "zoo/seed_weights.h"
#include "zoo/zoo.h"

namespace consort::law {
namespace {

constexpr char kModels[] = CONSORT_DEPS_DIR "/models/";

Model ParseProto(const onnx::ModelProto& proto, const std::string& name, const ModelOptions& options = {}) {
  const std::string bytes = proto.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), name, options);
}

Subject Reader(Subject subject) {
  subject.reads_text = true;
  return subject;
}

Subject Reseeded(const std::string& name) {
  return {name, [name](int64_t) {
            onnx::ModelProto proto;
            std::ifstream file(std::string(kModels) + "light/" + name + ".onnx", std::ios::binary);
            if (!proto.ParseFromIstream(&file))
              throw Error(ErrorCode::kInvalidArgument, name + " is absent: run scripts/models.py");
            zoo::SeedWeights(proto, 0);
            return ParseProto(proto, name);
          }};
}

Subject Real(const std::string& name, const ModelOptions& options) {
  return {name, [name, options](int64_t) { return Model::Load(std::string(kModels) + name + ".onnx", options); }};
}

Subject Zoo(const std::string& name, zoo::MakeOptions options = {}, std::vector<int64_t> batches = {0, 1, 3}) {
  options.batch = kDynamic;
  return {"zoo-" + name,
          [name, options](int64_t batch) {
            ModelOptions at;
            if (batch != kDynamic) at.dims["batch"] = batch;
            return ParseProto(zoo::Make(name, options), name, at);
          },
          std::move(batches)};
}

Subject Voice(Subject subject, const std::string& refused_by) {
  subject.scalars["sr"] = 16000;
  subject.refused_by = refused_by;
  return subject;
}

// Of the scanned page, or, with another seed, of the photographed label, as PP-OCR's models want pixels (io/image.h).
Buffer PictureOfText(const Shape& shape, uint64_t seed) {
  const std::string file = std::string(kModels) + "images/" + (seed % 2 == 0 ? "text.png" : "page.png");
  const Image image = DecodeImage(ReadFile(file), file);
  return ImageToTensor(Resize(image, static_cast<int>(shape[3]), static_cast<int>(shape[2]), ResizeFilter::kAntialias),
                       {.mean = {123.675, 116.28, 103.53}, .scale = {0.0171248, 0.017507, 0.0174292}});
}

bool CanCross(const Graph& graph, const Cut& cut) {
  return std::all_of(cut.crossing.begin(), cut.crossing.end(), [&](TensorId id) {
    return graph.tensor(id).has_rank && BitWidth(graph.tensor(id).spec.dtype) > 0;
  });
}

}  // namespace

void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

std::string TestName(const ::testing::TestParamInfo<Subject>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::vector<Subject> DefaultSubjects() {
  return {
      Reseeded("squeezenet"),
      Reseeded("shufflenet"),
      Real("magika", {.shapes = {{"bytes", {1, 2048}}}}),
      Voice(Real("silero_vad", {}), "openvino"),
      Voice(Real("silero_vad_op18", {.shapes = {{"input", {1, 576}}, {"state", {2, 1, 128}}}}), ""),
      Real("minilm", {.shapes = {{"input_ids", {1, 64}}, {"attention_mask", {1, 64}}, {"token_type_ids", {1, 64}}}}),
      Reader(Real("ppocr_rec", {.shapes = {{"x", {1, 3, 48, 320}}}})),
      Reader(Real("ppocr_det", {.shapes = {{"x", {1, 3, 160, 160}}}})),
      Zoo("lenet"),
      Zoo("seed-cnn"),
      Zoo("mobilenet-v1", {.size = 64, .width = 0.25}),
      Zoo("mobilenet-v2", {.size = 64}),
      Zoo("bert-tiny", {.sequence = 32}),
      Zoo("gpt-tiny", {.sequence = 8}),
  };
}

std::vector<Subject> LongSubjects() {
  std::vector<Subject> subjects;
  for (const char* name :
       {"bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "vgg19", "zfnet512"}) {
    subjects.push_back(Reseeded(name));
  }
  for (const char* name : {"resnet-50", "resnet-50-v2", "inception-v1", "inception-v3", "densenet-121",
                           "efficientnet-edgetpu-s", "unet-mobilenet-v2", "seed-alexnet", "squeezenet-1.0"}) {
    subjects.push_back(Zoo(name, {}, {1, 3}));
  }
  subjects.push_back(Zoo("bert-tiny", {}, {0, 1, 3}));
  subjects.push_back(Zoo("gpt-tiny", {}, {0, 1, 3}));
  return subjects;
}

Tensors MakeInputs(const Subject& subject, const Model& model, int64_t batch, uint64_t seed) {
  Tensors inputs;
  for (const TensorId id : model.graph().inputs()) {
    const Tensor& tensor = model.graph().tensor(id);
    TensorSpec spec = tensor.spec;
    static const std::map<std::string, Shape> voice = {{"input", {1, 576}}, {"state", {2, 1, 128}}};
    if (!IsStatic(spec.shape) && voice.contains(tensor.name)) spec.shape = voice.at(tensor.name);
    std::replace(spec.shape.begin(), spec.shape.end(), kDynamic, batch);
    Buffer buffer = subject.reads_text ? PictureOfText(spec.shape, seed) : RandomInput(spec, seed, tensor.name);
    if (const auto scalar = subject.scalars.find(tensor.name); scalar != subject.scalars.end()) {
      buffer.as<int64_t>()[0] = scalar->second;
    }
    inputs.emplace(tensor.name, std::move(buffer));
  }
  return inputs;
}

std::vector<int> Places(const Graph& graph, const FusionIndex& fusions, bool outside_fusions) {
  std::vector<int> places;
  for (const Cut& cut : Folding(graph).Cuts()) {
    if (CanCross(graph, cut) && (!outside_fusions || !fusions.Divides(cut.position))) places.push_back(cut.position);
  }
  return places;
}

std::vector<int> Choose(const std::vector<int>& places, int most, std::mt19937_64& random) {
  std::set<int> chosen;
  const auto count = std::min(places.size(), static_cast<size_t>(1 + random() % static_cast<uint64_t>(most)));
  while (chosen.size() < count) chosen.insert(places[random() % places.size()]);
  return {chosen.begin(), chosen.end()};
}

}  // namespace consort::law
