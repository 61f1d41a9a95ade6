// One stage's call on one replica, for the tensors of one slot.
#ifndef CONSORT_RUN_BOUND_CALL_H_
#define CONSORT_RUN_BOUND_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consort/device.h"
#include "io/convert.h"
#include "run/slots.h"
#include "run/wiring.h"

namespace consort {

// Where a call writes.
enum class OutputUse : uint8_t {
  kDirect,  // into the slot's tensors, where their form allows it
  kApart,   // into memory of its own: calls that run beside others of the slot, and repeated ones
};

// A binding whose ports are the slot's tensors: as they are, as the rows of a part, or converted. Made once per slot,
// part and replica, and again when the slot's memory was replaced. Ports of known size are bound when it is made, the
// others for each call. Used by one thread at a time; not movable while a call runs.
class BoundCall {
 public:
  // Throws what Conversion and Binding throw.
  BoundCall(const Signature& signature, const Wiring& wiring, const Slot& slot, const WiredStage::Part& part,
            OutputUse use);

  const std::shared_ptr<Binding>& binding() const { return binding_; }
  uint64_t generation() const { return generation_; }
  bool converts_inputs() const { return converts_inputs_; }
  bool converts_outputs() const { return converts_outputs_; }

  // Before the call: what has to be converted or bound.
  void LoadInputs(Slot& slot);
  // After it: the results in the session's form (kApart: still apart).
  void FinishOutputs(Slot& slot);
  // kApart: copies the results into the slot's tensors.
  void CopyOutputs(Slot& slot) const;
  // True when the results equal the slot's tensors, or these others by tensor: bitwise, or up to the relative
  // tolerance. Tensors of other shapes do not.
  bool Agrees(const std::vector<Buffer>& tensors, double tolerance) const;
  // Copies of the results, by tensor; other entries are empty.
  std::vector<Buffer> CloneOutputs(size_t tensors) const;

 private:
  struct PortLink {
    int port = 0;
    int tensor = 0;
    bool bound = false;  // for good
    std::optional<Conversion> conversion;
    Buffer converted;  // in the form of the port (inputs), or of the session (outputs, kApart)
  };

  enum class Direction : uint8_t { kInput, kOutput };
  struct Ends {
    TensorSpec session;  // the part's rows of the tensor
    TensorSpec port;
  };
  Ends EndsOf(const Port& port, const TensorSpec& tensor) const;
  PortLink Link(const Wiring& wiring, const Port& port, int index, Direction direction);
  void LinkInput(const Wiring& wiring, const Slot& slot, int port);
  void LinkOutput(const Wiring& wiring, const Slot& slot, int port);
  Buffer RowsOf(const Buffer& tensor) const;
  const Buffer& ResultOf(const PortLink& link) const;

  std::shared_ptr<Binding> binding_;
  uint64_t generation_;
  WiredStage::Part part_;
  OutputUse use_;
  std::vector<PortLink> inputs_;
  std::vector<PortLink> outputs_;
  bool converts_inputs_ = false;
  bool converts_outputs_ = false;
};

// Where the part's rows begin in a tensor of all rows, in bytes.
size_t OffsetOf(const WiredStage::Part& part, const Buffer& tensor);
// Writes the part's rows into a tensor of all rows; a result that is no part takes the tensor's place where the shapes
// differ. `name` is for the message of the kInternal that is thrown when the rows do not fit.
void CopyRows(const Buffer& rows, const WiredStage::Part& part, Buffer& tensor, const std::string& name);

}  // namespace consort

#endif  // CONSORT_RUN_BOUND_CALL_H_
