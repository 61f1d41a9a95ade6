#include <openvino/openvino.hpp>

#include <algorithm>

#include "backends/openvino/core.h"
#include "bare_engines.h"

namespace consort {
namespace {

// A compiled model and its requests, inputs in place.
class BareModel {
 public:
  BareModel(const std::filesystem::path& model, const std::vector<NamedTensor>& inputs, ov::AnyMap properties,
            bool several) {
    properties[ov::hint::inference_precision.name()] = ov::element::f32;
    const auto read = openvino::SharedCore().read_model(model.string());
    // Shapes that the file leaves open are those of the inputs.
    std::map<std::string, ov::PartialShape> shapes;
    for (const NamedTensor& input : inputs) shapes[input.name] = ov::PartialShape(ShapeOf(input));
    read->reshape(shapes);
    compiled_ = openvino::SharedCore().compile_model(read, "CPU", properties);
    const auto count = several ? compiled_.get_property(ov::optimal_number_of_infer_requests) : 1u;
    for (const NamedTensor& input : inputs) buffers_.push_back(input.tensor.Clone());
    for (uint32_t i = 0; i < count; ++i) {
      requests_.push_back(compiled_.create_infer_request());
      for (size_t port = 0; port < inputs.size(); ++port) {
        const ov::element::Type type = compiled_.input(inputs[port].name).get_element_type();
        requests_.back().set_tensor(inputs[port].name, ov::Tensor(type, ShapeOf(inputs[port]), buffers_[port].data()));
      }
    }
    Run();
  }

  void Run() { requests_.front().infer(); }

  // All requests in flight; the clock starts when each has ended once and stops at the last call that counts.
  void Stream(TimeNs budget_ns, BlockSamples& samples) {
    const auto lanes = static_cast<int64_t>(requests_.size());
    const auto fitting = call_ns_ > 0 ? static_cast<int64_t>(static_cast<double>(budget_ns) / call_ns_) : 0;
    const int64_t counted = std::max(4 * lanes, fitting);
    for (ov::InferRequest& request : requests_) request.start_async();
    TimeNs begin_ns = 0, end_ns = 0;
    int64_t started = lanes;
    for (int64_t ended = 0; ended < started; ++ended) {
      ov::InferRequest& request = requests_[static_cast<size_t>(ended % lanes)];
      request.wait();
      const TimeNs now_ns = Clock::Real().NowNs();
      if (ended + 1 == lanes) begin_ns = now_ns;
      if (ended + 1 == lanes + counted) end_ns = now_ns;
      if (ended + 1 >= lanes + counted) continue;
      request.start_async();
      ++started;
    }
    call_ns_ = static_cast<double>(end_ns - begin_ns) / static_cast<double>(counted);
    samples.latencies_ns.assign(1, static_cast<TimeNs>(call_ns_));
    samples.inferences = counted;
    samples.wall_ns = end_ns - begin_ns;
  }

 private:
  static ov::Shape ShapeOf(const NamedTensor& input) {
    const Shape& shape = input.tensor.spec().shape;
    return {shape.begin(), shape.end()};
  }

  ov::CompiledModel compiled_;
  std::vector<Buffer> buffers_;
  std::vector<ov::InferRequest> requests_;
  double call_ns_ = 0;
};

BareEngine OneRequest(const std::string& name, bool is_default, const ov::AnyMap& properties) {
  return {.name = name, .is_default = is_default, .make = [name, properties](const auto& model, const auto& inputs) {
            auto bare = std::make_shared<BareModel>(model, inputs, properties, false);
            return BareSide{name, OneAtATime([bare] { bare->Run(); }), [bare] { bare->Run(); }};
          }};
}

BareEngine Throughput() {
  const std::string name = "openvino, THROUGHPUT";
  return {.name = name, .make = [name](const auto& model, const auto& inputs) {
            auto bare = std::make_shared<BareModel>(
                model, inputs, ov::AnyMap{ov::hint::performance_mode(ov::hint::PerformanceMode::THROUGHPUT)}, true);
            return BareSide{name,
                            [bare](TimeNs budget_ns, int64_t, BlockSamples& samples) { bare->Stream(budget_ns, samples); },
                            [bare] { bare->Run(); }};
          }};
}

}  // namespace

std::vector<BareEngine> BareOpenVinos(bool throughput) {
  return {OneRequest("openvino default", true, {}),
          throughput ? Throughput() : OneRequest("openvino, 1 thread", false, {ov::inference_num_threads(1)})};
}

}  // namespace consort
