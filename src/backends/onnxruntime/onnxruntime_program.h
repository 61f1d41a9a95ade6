// A compiled ONNX Runtime session as a Program.
#ifndef CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_PROGRAM_H_
#define CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_PROGRAM_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/onnxruntime/ort_library.h"
#include "consort/backend.h"

namespace consort {

// The engine's element type; kUnsupported for what it cannot hold.
ONNXTensorElementDataType ToOrt(DataType dtype);
// kOther for an element type that buffers do not carry.
DataType FromOrt(ONNXTensorElementDataType type);

// Ports of a session. Throws kUnsupported naming a port that is no tensor, or a tensor of strings.
Signature ReadSignature(const OrtLibrary& library, OrtSession* session);

// Runs a session through an I/O binding that is built once per binding of buffers and kept in it: a call with unchanged buffers
// does nothing but call the engine. Outputs whose shape is not known beforehand are the engine's own memory, passed on without
// a copy.
class OnnxRuntimeProgram : public Program {
 public:
  // `profiling`: the engine's profile is written on destruction.
  OnnxRuntimeProgram(OrtLibrary& library, OrtHandle<OrtSession> session, std::string name, Placement placement, bool profiling);
  ~OnnxRuntimeProgram() override;

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override;
  void Interrupt(Binding& binding) override;

 private:
  // The engine's side of one Binding.
  struct Call {
    uint64_t version = 0;
    OrtHandle<OrtIoBinding> io;
    std::vector<OrtHandle<OrtValue>> values;  // the tensors over bound buffers
    std::vector<int> engine_allocated;        // output ports whose memory the engine allocates, call by call
    std::shared_ptr<const char> owner;        // keeps the slot's key unique while this lives
  };

  std::shared_ptr<Call> BuildCall(Binding& binding) const;
  void CheckRun(OrtStatus* status) const;
  OrtHandle<OrtValue> MakeValue(const Buffer& buffer, const std::string& port) const;
  void BindOutputs(Binding& binding, Call& call) const;
  void LeaveToEngine(Call& call, int port) const;
  void CollectOutputs(Binding& binding, Call& call) const;
  Buffer WrapValue(OrtValue* value, const std::string& port) const;
  const OrtMemoryInfo* MemoryOf(const Buffer& buffer) const;

  OrtLibrary& library_;
  std::string name_;
  OrtHandle<OrtSession> session_;
  OrtHandle<OrtMemoryInfo> host_memory_;
  mutable OrtHandle<OrtMemoryInfo> device_memory_;  // made for the first buffer that lies on a device
  OrtHandle<OrtRunOptions> run_options_;
  Signature signature_;
  Placement placement_;
  bool profiling_;
  std::shared_ptr<const char> identity_;
  std::mutex interrupt_mutex_;
  const Binding* running_ = nullptr;
  bool interrupted_ = false;
};

}  // namespace consort

#endif  // CONSORT_BACKENDS_ONNXRUNTIME_ONNXRUNTIME_PROGRAM_H_
