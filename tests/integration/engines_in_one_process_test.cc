// ONNX, ONNX Runtime, OpenVINO and TensorFlow Lite in one process, a model through each: libraries that bring protobuf,
// flatbuffers and thread pools of their own clash here first.
#include <flatbuffers/flatbuffers.h>
#include <gmock/gmock.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
#include <onnxruntime_c_api.h>
#include <tensorflow/lite/c/c_api.h>

#include <cstdlib>
#include <openvino/openvino.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/dynamic_library.h"

namespace consort {
namespace {

using testing::ElementsAre;

// The model everywhere: y = relu(conv(x, weights) - 20), one channel, 3x3 → 2x2, in whole numbers, so that every engine
// has to be exact. One channel makes NCHW and NHWC the same bytes.
const std::vector<float> kInput = {1, 2, 3, 4, 5, 6, 7, 8, 9};
const std::vector<float> kWeights = {1, -2, 3, 1};
constexpr float kBias = -20;
// By hand: 1·1 − 2·2 + 3·4 + 1·5 = 14, then 17, 23 and 26; less 20, and never below zero.
auto IsRight() { return ElementsAre(0, 0, 3, 6); }

void AddPort(onnx::ValueInfoProto* port, const char* name, int side) {
  port->set_name(name);
  auto* type = port->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  for (int extent : {1, 1, side, side}) type->mutable_shape()->add_dim()->set_dim_value(extent);
}

void AddInitializer(onnx::GraphProto* graph, const char* name, std::vector<int> shape,
                    const std::vector<float>& values) {
  auto* tensor = graph->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (int extent : shape) tensor->add_dims(extent);
  for (float value : values) tensor->add_float_data(value);
}

void AddNode(onnx::GraphProto* graph, const char* op, std::vector<std::string> inputs, const char* output) {
  auto* node = graph->add_node();
  node->set_op_type(op);
  for (const auto& input : inputs) node->add_input(input);
  node->add_output(output);
}

std::string OnnxModel() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  auto* graph = model.mutable_graph();
  graph->set_name("conv_relu");
  AddPort(graph->add_input(), "x", 3);
  AddPort(graph->add_output(), "y", 2);
  AddInitializer(graph, "weights", {1, 1, 2, 2}, kWeights);
  AddInitializer(graph, "bias", {1}, {kBias});
  AddNode(graph, "Conv", {"x", "weights", "bias"}, "sum");
  AddNode(graph, "Relu", {"sum"}, "y");
  return model.SerializeAsString();
}

// A table of the TensorFlow Lite schema, written by field number: the schema's own order, which never changes.
class Table {
 public:
  explicit Table(flatbuffers::FlatBufferBuilder& builder) : builder_(builder), start_(builder.StartTable()) {}
  template <typename T>
  Table& Set(int field, T value) {
    if constexpr (std::is_arithmetic_v<T>) {
      builder_.AddElement<T>(flatbuffers::FieldIndexToOffset(field), value);
    } else {
      builder_.AddOffset(flatbuffers::FieldIndexToOffset(field), value);
    }
    return *this;
  }
  flatbuffers::Offset<void> Finish() { return flatbuffers::Offset<void>(builder_.EndTable(start_)); }

 private:
  flatbuffers::FlatBufferBuilder& builder_;
  flatbuffers::uoffset_t start_;
};

flatbuffers::Offset<void> TfliteTensor(flatbuffers::FlatBufferBuilder& builder, std::vector<int> shape,
                                       uint32_t buffer) {
  auto extents = builder.CreateVector(shape);
  return Table(builder).Set(0, extents).Set(2, buffer).Finish();  // float32 is the default type
}

flatbuffers::Offset<void> TfliteBuffer(flatbuffers::FlatBufferBuilder& builder, const std::vector<float>& values) {
  builder.ForceVectorAlignment(values.size() * sizeof(float), 1, 16);
  auto data = builder.CreateVector(reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float));
  return Table(builder).Set(0, data).Finish();
}

flatbuffers::Offset<void> TfliteConvolution(flatbuffers::FlatBufferBuilder& builder) {
  constexpr uint8_t kConv2DOptions = 1;
  constexpr int8_t kValid = 1, kRelu = 1;
  auto inputs = builder.CreateVector(std::vector<int>{0, 1, 2});
  auto outputs = builder.CreateVector(std::vector<int>{3});
  auto options = Table(builder).Set(0, kValid).Set(1, 1).Set(2, 1).Set(3, kRelu).Finish();
  return Table(builder).Set(1, inputs).Set(2, outputs).Set(3, kConv2DOptions).Set(4, options).Finish();
}

std::string TfliteModel() {
  flatbuffers::FlatBufferBuilder builder;
  using Tables = std::vector<flatbuffers::Offset<void>>;
  constexpr int8_t kConv2D = 3;
  auto buffers = builder.CreateVector(
      Tables{TfliteBuffer(builder, {}), TfliteBuffer(builder, kWeights), TfliteBuffer(builder, {kBias})});
  auto tensors =
      builder.CreateVector(Tables{TfliteTensor(builder, {1, 3, 3, 1}, 0), TfliteTensor(builder, {1, 2, 2, 1}, 1),
                                  TfliteTensor(builder, {1}, 2), TfliteTensor(builder, {1, 2, 2, 1}, 0)});
  auto operators = builder.CreateVector(Tables{TfliteConvolution(builder)});
  auto inputs = builder.CreateVector(std::vector<int>{0});
  auto outputs = builder.CreateVector(std::vector<int>{3});
  auto graph = Table(builder).Set(0, tensors).Set(1, inputs).Set(2, outputs).Set(3, operators).Finish();
  auto graphs = builder.CreateVector(Tables{graph});
  auto codes = builder.CreateVector(Tables{Table(builder).Set(0, kConv2D).Set(2, 1).Set(3, int32_t{kConv2D}).Finish()});
  builder.Finish(Table(builder).Set(0, uint32_t{3}).Set(1, codes).Set(2, graphs).Set(4, buffers).Finish(), "TFL3");
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

// Each engine below owns one compiled model; Run may be called from one thread at a time.
class OnnxRuntime {
 public:
  explicit OnnxRuntime(const std::string& model)
      : library_(DynamicLibrary::Open("ONNX Runtime", {CONSORT_DEPS_DIR "/onnxruntime/lib/libonnxruntime.so"})),
        api_(library_.Symbol<const OrtApiBase* (*)()>("OrtGetApiBase")()->GetApi(ORT_API_VERSION)) {
    setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/1);
    Check(api_->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "test", &env_));
    OrtSessionOptions* options = nullptr;
    Check(api_->CreateSessionOptions(&options));
    Check(api_->SetIntraOpNumThreads(options, 2));
    Check(api_->CreateSessionFromArray(env_, model.data(), model.size(), options, &session_));
    api_->ReleaseSessionOptions(options);
    Check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
  }
  ~OnnxRuntime() {
    api_->ReleaseMemoryInfo(memory_);
    api_->ReleaseSession(session_);
    api_->ReleaseEnv(env_);
  }

  std::vector<float> Run(std::vector<float> input) {
    std::vector<float> output(4, -1);
    OrtValue* x = Wrap(input, {1, 1, 3, 3});
    OrtValue* y = Wrap(output, {1, 1, 2, 2});
    const char* input_name = "x";
    const char* output_name = "y";
    Check(api_->Run(session_, nullptr, &input_name, &x, 1, &output_name, 1, &y));
    api_->ReleaseValue(x);
    api_->ReleaseValue(y);
    return output;
  }

 private:
  OrtValue* Wrap(std::vector<float>& values, std::vector<int64_t> shape) {
    OrtValue* value = nullptr;
    Check(api_->CreateTensorWithDataAsOrtValue(memory_, values.data(), values.size() * sizeof(float), shape.data(),
                                               shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    return value;
  }
  void Check(OrtStatus* status) {
    if (status != nullptr) throw std::runtime_error(api_->GetErrorMessage(status));
  }

  DynamicLibrary library_;
  const OrtApi* api_;
  OrtEnv* env_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

class OpenVino {
 public:
  explicit OpenVino(const std::string& model)
      : request_(core_
                     .compile_model(model, ov::Tensor(), "CPU", ov::hint::inference_precision(ov::element::f32),
                                    ov::inference_num_threads(2))
                     .create_infer_request()) {}

  std::vector<float> Run(std::vector<float> input) {
    request_.set_input_tensor(ov::Tensor(ov::element::f32, {1, 1, 3, 3}, input.data()));
    request_.infer();
    const ov::Tensor output = request_.get_output_tensor();
    return {output.data<float>(), output.data<float>() + output.get_size()};
  }

 private:
  ov::Core core_;
  ov::InferRequest request_;
};

class TensorFlowLite {
 public:
  explicit TensorFlowLite(std::string model)
      : library_(DynamicLibrary::Open("TensorFlow Lite", {CONSORT_DEPS_DIR "/litert/lib/libtensorflowlite.so"})),
        bytes_(std::move(model)),
        model_(library_.Symbol<decltype(&TfLiteModelCreate)>("TfLiteModelCreate")(bytes_.data(), bytes_.size())) {
    if (model_ == nullptr) throw std::runtime_error("TensorFlow Lite refused the model");
    interpreter_ = library_.Symbol<decltype(&TfLiteInterpreterCreate)>("TfLiteInterpreterCreate")(model_, nullptr);
    if (interpreter_ == nullptr) throw std::runtime_error("TensorFlow Lite made no interpreter");
    Check(
        library_.Symbol<decltype(&TfLiteInterpreterAllocateTensors)>("TfLiteInterpreterAllocateTensors")(interpreter_));
  }
  ~TensorFlowLite() {
    library_.Symbol<decltype(&TfLiteInterpreterDelete)>("TfLiteInterpreterDelete")(interpreter_);
    library_.Symbol<decltype(&TfLiteModelDelete)>("TfLiteModelDelete")(model_);
  }

  std::vector<float> Run(const std::vector<float>& input) {
    std::vector<float> output(4, -1);
    auto input_tensor = library_.Symbol<decltype(&TfLiteInterpreterGetInputTensor)>("TfLiteInterpreterGetInputTensor");
    auto output_tensor =
        library_.Symbol<decltype(&TfLiteInterpreterGetOutputTensor)>("TfLiteInterpreterGetOutputTensor");
    auto copy_in = library_.Symbol<decltype(&TfLiteTensorCopyFromBuffer)>("TfLiteTensorCopyFromBuffer");
    auto copy_out = library_.Symbol<decltype(&TfLiteTensorCopyToBuffer)>("TfLiteTensorCopyToBuffer");
    Check(copy_in(input_tensor(interpreter_, 0), input.data(), input.size() * sizeof(float)));
    Check(library_.Symbol<decltype(&TfLiteInterpreterInvoke)>("TfLiteInterpreterInvoke")(interpreter_));
    Check(copy_out(output_tensor(interpreter_, 0), output.data(), output.size() * sizeof(float)));
    return output;
  }

 private:
  static void Check(TfLiteStatus status) {
    if (status != kTfLiteOk) throw std::runtime_error("TensorFlow Lite returned status " + std::to_string(status));
  }

  DynamicLibrary library_;
  std::string bytes_;
  TfLiteModel* model_;
  TfLiteInterpreter* interpreter_ = nullptr;
};

class EnginesInOneProcess : public testing::Test {
 protected:
  OnnxRuntime onnxruntime_{OnnxModel()};
  OpenVino openvino_{OnnxModel()};
  TensorFlowLite litert_{TfliteModel()};
};

TEST_F(EnginesInOneProcess, OnnxParsesChecksAndInfersShapesBesideTheEngines) {
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(OnnxModel()));
  onnx::checker::check_model(model);
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  onnx::shape_inference::InferShapes(model);
  std::vector<int64_t> extents;
  for (const auto& dim : model.graph().output(0).type().tensor_type().shape().dim()) extents.push_back(dim.dim_value());
  EXPECT_THAT(extents, ElementsAre(1, 1, 2, 2));
}

TEST_F(EnginesInOneProcess, EachComputesWhatIsComputedByHand) {
  EXPECT_THAT(onnxruntime_.Run(kInput), IsRight());
  EXPECT_THAT(openvino_.Run(kInput), IsRight());
  EXPECT_THAT(litert_.Run(kInput), IsRight());
  EXPECT_THAT(onnxruntime_.Run(std::vector<float>(9, 10)), ElementsAre(10, 10, 10, 10));
  EXPECT_THAT(openvino_.Run(std::vector<float>(9, 10)), ElementsAre(10, 10, 10, 10));
  EXPECT_THAT(litert_.Run(std::vector<float>(9, 10)), ElementsAre(10, 10, 10, 10));
}

TEST_F(EnginesInOneProcess, EachIsRightWhileTheOthersRun) {
  const auto run_often = [](auto& engine) {
    for (int i = 0; i < 200; ++i) ASSERT_THAT(engine.Run(kInput), IsRight());
  };
  std::vector<std::thread> threads;
  threads.emplace_back([&] { run_often(onnxruntime_); });
  threads.emplace_back([&] { run_often(openvino_); });
  threads.emplace_back([&] { run_often(litert_); });
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace consort
