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

BoundCall::BoundCall(const Signature& signature, const Wiring& wiring, const Slot& slot, const WiredStage::Part& part,
                     OutputUse use)
    : binding_(std::make_shared<Binding>(signature)), generation_(slot.generation), part_(part), use_(use) {
  for (size_t port = 0; port < signature.inputs.size(); ++port) {
    LinkInput(wiring, slot, static_cast<int>(port), wiring.Find(signature.inputs[port].name));
  }
  for (size_t port = 0; port < signature.outputs.size(); ++port) {
    LinkOutput(wiring, slot, static_cast<int>(port), wiring.Find(signature.outputs[port].name));
  }
}

TensorSpec BoundCall::PartSpec(const TensorSpec& whole) const {
  TensorSpec spec = whole;
  if (part_.count >= 0) spec.shape[0] = part_.count;
  return spec;
}

size_t BoundCall::OffsetOf(const Buffer& tensor) const {
  if (part_.count < 0 || tensor.spec().shape[0] == 0) return 0;
  return tensor.size_bytes() / static_cast<size_t>(tensor.spec().shape[0]) * static_cast<size_t>(part_.begin);
}

// A view of the part's rows, which owns the tensor with others.
Buffer BoundCall::RowsOf(const Buffer& tensor) const {
  if (part_.count < 0 || tensor.empty()) return tensor.Share();
  auto owner = std::make_shared<Buffer>(tensor.Share());
  char* data = static_cast<char*>(owner->data()) + OffsetOf(tensor);
  return Buffer::Wrap(PartSpec(tensor.spec()), tensor.space(), data, std::move(owner));
}

void BoundCall::LinkInput(const Wiring& wiring, const Slot& slot, int port, int tensor) {
  const WiredTensor& wired = wiring.tensors[tensor];
  const Port& declared = binding_->signature().inputs[port];
  PortLink link{.port = port, .tensor = tensor, .bound = wired.fixed};
  if (wired.fixed) {
    const TensorSpec whole = PartSpec(wired.spec);
    const TensorSpec form = FormOf(declared, whole);
    if (Conversion::Needed(whole, form)) {
      link.conversion.emplace(whole, form, wired.name);
      link.converted = Buffer::Allocate(form);
      converts_inputs_ = true;
    }
    binding_->SetInput(port, link.conversion ? link.converted.Share() : RowsOf(slot.tensors[tensor]));
  }
  inputs_.push_back(std::move(link));
}

void BoundCall::LinkOutput(const Wiring& wiring, const Slot& slot, int port, int tensor) {
  const WiredTensor& wired = wiring.tensors[tensor];
  const Port& declared = binding_->signature().outputs[port];
  PortLink link{.port = port, .tensor = tensor, .bound = wired.fixed};
  if (wired.fixed) {
    const TensorSpec whole = PartSpec(wired.spec);
    const TensorSpec form = FormOf(declared, whole);
    if (Conversion::Needed(form, whole)) {
      link.conversion.emplace(form, whole, wired.name);
      if (use_ == OutputUse::kApart) link.converted = Buffer::Allocate(whole);
      converts_outputs_ = true;
    }
    const bool direct = use_ == OutputUse::kDirect && !link.conversion;
    binding_->SetOutput(port, direct ? RowsOf(slot.tensors[tensor]) : Buffer::Allocate(form));
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
    link.conversion->Apply(static_cast<const char*>(tensor.data()) + (link.bound ? OffsetOf(tensor) : 0),
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
    const Buffer& result = ResultOf(link);
    Buffer& tensor = slot.tensors[link.tensor];
    if (tensor.empty()) {
      tensor = result.Clone();
      continue;
    }
    const size_t offset = OffsetOf(tensor);
    if (offset + result.size_bytes() > tensor.size_bytes()) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("output '{}' is {}, too large for {}", binding_->signature().outputs[link.port].name,
                              FormatSpec(result.spec()), FormatSpec(tensor.spec())));
    }
    if (result.size_bytes() > 0)
      std::memcpy(static_cast<char*>(tensor.data()) + offset, result.data(), result.size_bytes());
  }
}

bool BoundCall::Agrees(const std::vector<Buffer>& tensors, double tolerance) const {
  for (const PortLink& link : outputs_) {
    const Buffer& result = ResultOf(link);
    const Buffer& other = tensors[link.tensor];
    const bool is_part = part_.count >= 0 && other.spec().shape[0] == part_.count;
    const size_t offset = is_part ? 0 : OffsetOf(other);
    const bool fits = part_.count >= 0 ? offset + result.size_bytes() <= other.size_bytes()
                                       : result.size_bytes() == other.size_bytes();
    const char* data = static_cast<const char*>(other.data()) + offset;
    if (fits && (result.size_bytes() == 0 || std::memcmp(data, result.data(), result.size_bytes()) == 0)) continue;
    if (!fits || tolerance <= 0) return false;
    if (!Compare(is_part ? other.Share() : RowsOf(other), result).Within(tolerance)) return false;
  }
  return true;
}

std::vector<Buffer> BoundCall::CloneOutputs(size_t tensors) const {
  std::vector<Buffer> copies(tensors);
  for (const PortLink& link : outputs_) copies[link.tensor] = ResultOf(link).Clone();
  return copies;
}

}  // namespace consort
