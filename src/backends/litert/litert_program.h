// A .tflite model run on the calling thread.
#ifndef CONSORT_BACKENDS_LITERT_LITERT_PROGRAM_H_
#define CONSORT_BACKENDS_LITERT_LITERT_PROGRAM_H_

#include <memory>
#include <string>

#include "backends/litert/interpreter.h"
#include "consort/backend.h"

namespace consort::litert {

// Ports are the model's inputs and outputs in its order, with their quantization. The interpreter has one set of
// tensors, so each call copies its inputs in and its outputs out. Inputs whose signature leaves an axis open are
// resized when their shape changes.
class LiteRtProgram : public Program {
 public:
  LiteRtProgram(std::unique_ptr<Interpreter> interpreter, Placement placement, std::string place);

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override;
  void Interrupt(Binding& binding) override;

 private:
  Port Describe(const TfLiteTensor* tensor, const std::string& fallback_name) const;
  Shape ShapeOf(const TfLiteTensor* tensor) const;
  void CopyIn(Binding& binding);
  void CopyOut(Binding& binding, int port) const;

  const LiteRtLibrary& library_;
  std::unique_ptr<Interpreter> interpreter_;
  Signature signature_;
  Placement placement_;
  std::string place_;
};

}  // namespace consort::litert

#endif  // CONSORT_BACKENDS_LITERT_LITERT_PROGRAM_H_
