// What the null device compiles to.
#ifndef CONSORT_BACKENDS_NULL_NULL_PROGRAM_H_
#define CONSORT_BACKENDS_NULL_NULL_PROGRAM_H_

#include "consort/backend.h"

namespace consort {

// Gives zeros. An axis of an output that is not known before run time takes the size of the input axis with the same
// symbolic name, else 1.
class NullProgram : public Program {
 public:
  // Throws kUnsupported for ports of element types that buffers do not carry.
  NullProgram(const Model& model, const Target& target, const CompileOptions& options);

  const Signature& signature() const override { return signature_; }
  const Placement& placement() const override { return placement_; }
  void Invoke(Binding& binding) override;

 private:
  Signature signature_;
  Placement placement_;
};

}  // namespace consort

#endif  // CONSORT_BACKENDS_NULL_NULL_PROGRAM_H_
