// A model compiled by OpenVINO, run on the calling thread.
#ifndef CONSORT_BACKENDS_OPENVINO_PROGRAM_H_
#define CONSORT_BACKENDS_OPENVINO_PROGRAM_H_

#include <memory>
#include <mutex>
#include <openvino/openvino.hpp>
#include <set>
#include <string>
#include <vector>

#include "consort/backend.h"
#include "consort/error.h"
#include "consort/graph.h"

namespace consort::openvino {

// Ports carry the ONNX tensor names in the order of the source graph. An input that OpenVINO dropped, since nothing
// reads it, stays a port: it must be bound and is ignored. Each binding gets one infer request, kept in its slot and
// bound directly to the binding's buffers. Outputs of unknown shape live in OpenVINO's memory, re-used call after call
// unless somebody still holds it. OpenVINO computes 64-bit integers in 32 bits without a word: inputs that do not fit
// are refused. A call with an empty input never reaches it (empty_call.h). Thread-safe as Program asks: one Invoke at a time, Interrupt from any thread.
class OpenVinoProgram : public Program, public std::enable_shared_from_this<OpenVinoProgram> {
 public:
  // `place` begins messages ("resnet.onnx on cpu@openvino"). Throws kUnsupported for a port that OpenVINO or Consort
  // cannot carry.
  OpenVinoProgram(ov::CompiledModel compiled, const Graph& graph, Placement placement, std::string place);

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override;
  void Interrupt(Binding& binding) override;

 private:
  struct Request;
  // What the engine knows of one of our ports.
  struct EnginePort {
    int index = -1;  // of the compiled model's port; -1: an input that OpenVINO dropped
    ov::element::Type type;
    bool fixed = false;     // OpenVINO knows the whole shape
    int passed_input = -1;  // of an output: the input port that it is, unchanged
  };

  EnginePort Match(const std::vector<ov::Output<const ov::Node>>& ports, const Port& port, const std::set<std::string>& names,
                   bool required) const;
  void CheckInputs(const std::vector<ov::Output<const ov::Node>>& inputs) const;
  Request& RequestOf(Binding& binding);
  bool AnswerEmptyCall(Binding& binding) const;
  void CheckIntegers(Binding& binding) const;
  void Bind(Request& request, Binding& binding) const;
  void BindOutput(Request& request, Binding& binding, int port) const;
  void CollectOutput(Request& request, Binding& binding, int port) const;
  void PassInput(Binding& binding, int port) const;
  [[noreturn]] void RefuseShape(int port, const Shape& actual, const Shape& bound) const;
  // kInvalidArgument where a failed call may be due to a buffer that the caller gave for an output of unknown shape.
  ErrorCode CodeOfFailure(const Binding& binding) const;

  // After a failed call: OpenVINO may have moved what outputs of unknown shape point to.
  void ForgetOutputs(Binding& binding) const;

  ov::CompiledModel compiled_;
  Signature signature_;
  Placement placement_;
  std::string place_;
  std::vector<EnginePort> inputs_;
  std::vector<EnginePort> outputs_;
  std::mutex slot_mutex_;  // slots are set by Invoke and read by Interrupt
};

}  // namespace consort::openvino

#endif  // CONSORT_BACKENDS_OPENVINO_PROGRAM_H_
