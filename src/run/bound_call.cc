#include "run/bound_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "consort/error.h"
#include "io/compare.h"

namespace consort {
namespace {

// The port's form with the sizes of the tensor, which has them all.
TensorSpec FormOf(const Port& port, const TensorSpec& tensor) {
  TensorSpec form = port.spec;
  const bool transposed = (port.spec.layout == Layout::kNhwc) != (tensor.layout == Layout::kNhwc);
  // Only the batch has the same place in every layout.
  const size_t axes = transposed ? std::min<size_t>(1, form.shape.size()) : form.shape.size();
  for (size_t axis = 0; axis < axes; ++axis) {
    if (form.shape[axis] == kDynamic && axis < tensor.shape.size()) form.shape[axis] = tensor.shape[axis];
  }
  return form;
}

}  // namespace

size_t OffsetOf(const WiredStage::Part& part, const Buffer& tensor) {
  if (part.count < 0 || tensor.spec().shape[0] == 0) return 0;
  return tensor.size_bytes() / static_cast<size_t>(tensor.spec().shape[0]) * static_cast<size_t>(part.begin);
}

void CopyRows(const Buffer& rows, const WiredStage::Part& part, Buffer& tensor, const std::string& name) {
  if (tensor.empty() || (part.count < 0 && tensor.spec().shape != rows.spec().shape)) {
    tensor = rows.Clone();
    return;
  }
  const size_t offset = OffsetOf(part, tensor);
  if (offset + rows.size_bytes() > tensor.size_bytes()) {
    throw Error(ErrorCode::kInternal, fmt::format("output '{}' is {}, too large for {}", name, FormatSpec(rows.spec()),
                                                  FormatSpec(tensor.spec())));
  }
  if (rows.size_bytes() > 0) std::memcpy(static_cast<char*>(tensor.data()) + offset, rows.data(), rows.size_bytes());
}

BoundCall::BoundCall(const Signature& signature, const Wiring& wiring, const Slot& slot, const WiredStage::Part& part,
                     OutputUse use)
    : binding_(std::make_shared<Binding>(signature)), generation_(slot.generation), part_(part), use_(use) {
  for (size_t port = 0; port < signature.inputs.size(); ++port) LinkInput(wiring, slot, static_cast<int>(port));
  for (size_t port = 0; port < signature.outputs.size(); ++port) LinkOutput(wiring, slot, static_cast<int>(port));
}

// A view of the part's rows, which owns the tensor with others.
Buffer BoundCall::RowsOf(const Buffer& tensor) const {
  if (part_.count < 0 || tensor.empty()) return tensor.Share();
  TensorSpec spec = tensor.spec();
  spec.shape[0] = part_.count;
  auto owner = std::make_shared<Buffer>(tensor.Share());
  char* data = static_cast<char*>(owner->data()) + OffsetOf(part_, tensor);
  return Buffer::Wrap(std::move(spec), tensor.space(), data, std::move(owner));
}

BoundCall::Ends BoundCall::EndsOf(const Port& port, const TensorSpec& tensor) const {
  Ends ends{.session = tensor};
  if (part_.count >= 0) ends.session.shape[0] = part_.count;
  ends.port = FormOf(port, ends.session);
  return ends;
}

// Without memory yet.
BoundCall::PortLink BoundCall::Link(const Wiring& wiring, const Port& port, int index, Direction direction) {
  const int tensor = wiring.Find(port.name);
  const WiredTensor& wired = wiring.tensors[tensor];
  PortLink link{.port = index, .tensor = tensor, .bound = wired.fixed};
  if (!wired.fixed) return link;
  const Ends ends = EndsOf(port, wired.spec);
  const bool is_input = direction == Direction::kInput;
  const TensorSpec& from = is_input ? ends.session : ends.port;
  const TensorSpec& to = is_input ? ends.port : ends.session;
  if (Conversion::Needed(from, to)) link.conversion.emplace(from, to, wired.name);
  return link;
}

void BoundCall::LinkInput(const Wiring& wiring, const Slot& slot, int port) {
  const Port& declared = binding_->signature().inputs[port];
  PortLink link = Link(wiring, declared, port, Direction::kInput);
  const Buffer& tensor = slot.tensors[link.tensor];
  if (link.conversion) {
    link.converted = Buffer::Allocate(EndsOf(declared, wiring.tensors[link.tensor].spec).port);
    converts_inputs_ = true;
  }
  if (link.bound) binding_->SetInput(port, link.conversion ? link.converted.Share() : RowsOf(tensor));
  inputs_.push_back(std::move(link));
}

void BoundCall::LinkOutput(const Wiring& wiring, const Slot& slot, int port) {
  PortLink link = Link(wiring, binding_->signature().outputs[port], port, Direction::kOutput);
  if (link.bound) {
    const Ends ends = EndsOf(binding_->signature().outputs[port], wiring.tensors[link.tensor].spec);
    if (link.conversion && use_ == OutputUse::kApart) link.converted = Buffer::Allocate(ends.session);
    converts_outputs_ = converts_outputs_ || link.conversion.has_value();
    const bool direct = use_ == OutputUse::kDirect && !link.conversion;
    binding_->SetOutput(port, direct ? RowsOf(slot.tensors[link.tensor]) : Buffer::Allocate(ends.port));
  }
  outputs_.push_back(std::move(link));
}

void BoundCall::LoadInputs(Slot& slot) {
  for (PortLink& link : inputs_) {
    const Buffer& tensor = slot.tensors[link.tensor];
    if (link.bound && !link.conversion) continue;
    if (!link.bound) {
      const Port& declared = binding_->signature().inputs[link.port];
      const TensorSpec form = FormOf(declared, tensor.spec());
      if (!Conversion::Needed(tensor.spec(), form)) {
        binding_->SetInput(link.port, RowsOf(tensor));
        continue;
      }
      link.conversion.emplace(tensor.spec(), form, declared.name);
      link.converted = Buffer::Allocate(form);
      binding_->SetInput(link.port, link.converted.Share());
    }
    link.conversion->Apply(static_cast<const char*>(tensor.data()) + (link.bound ? OffsetOf(part_, tensor) : 0),
                           link.converted.data());
  }
}

const Buffer& BoundCall::ResultOf(const PortLink& link) const {
  return link.converted.empty() ? binding_->output(link.port) : link.converted;
}

void BoundCall::FinishOutputs(Slot& slot) {
  for (PortLink& link : outputs_) {
    const Buffer& result = binding_->output(link.port);
    Buffer& tensor = slot.tensors[link.tensor];
    if (link.conversion && link.bound) {
      link.conversion->Apply(result.data(), use_ == OutputUse::kApart ? link.converted.data() : tensor.data());
    } else if (!link.bound && use_ == OutputUse::kDirect) {
      // Memory of the backend's, used again at this slot's next call only.
      if (tensor.empty() || tensor.data() != result.data() || tensor.spec() != result.spec()) tensor = result.Share();
    }
  }
}

void BoundCall::CopyOutputs(Slot& slot) const {
  for (const PortLink& link : outputs_) {
    CopyRows(ResultOf(link), part_, slot.tensors[link.tensor], binding_->signature().outputs[link.port].name);
  }
}

bool BoundCall::Agrees(const std::vector<Buffer>& tensors, double tolerance) const {
  for (const PortLink& link : outputs_) {
    const Buffer& result = ResultOf(link);
    const Buffer& other = tensors[link.tensor];
    const bool has_all_rows = part_.count >= 0 && other.spec().shape[0] != part_.count;
    const size_t offset = has_all_rows ? OffsetOf(part_, other) : 0;
    const bool fits = has_all_rows ? offset + result.size_bytes() <= other.size_bytes()
                                   : result.spec().shape == other.spec().shape;
    if (!fits) return false;
    const char* data = static_cast<const char*>(other.data()) + offset;
    if (result.size_bytes() == 0 || std::memcmp(data, result.data(), result.size_bytes()) == 0) continue;
    if (tolerance <= 0) return false;
    if (!Compare(has_all_rows ? RowsOf(other) : other.Share(), result).Within(tolerance)) return false;
  }
  return true;
}

std::vector<Buffer> BoundCall::CloneOutputs(size_t tensors) const {
  std::vector<Buffer> copies(tensors);
  for (const PortLink& link : outputs_) copies[link.tensor] = ResultOf(link).Clone();
  return copies;
}

}  // namespace consort
