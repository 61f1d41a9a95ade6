#include "bench/stage_evaluator.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>

#include "consort/emulation.h"
#include "consort/error.h"

namespace consort {
namespace {

const Buffer& Find(const Tensors& known, const std::string& name) {
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("nothing gives the tensor '{}'", name));
}

}  // namespace

StageEvaluator::StageEvaluator(const PreparedStage& stage, int index) : stage_(stage), index_(index) {
  int64_t begin = 0;
  for (const PreparedReplica& replica : stage.replicas) {
    rows_.push_back(replica.samples > 0 ? Rows{begin, replica.samples} : Rows{});
    begin += replica.samples;
  }
}

bool StageEvaluator::has_numbers(int replica) const {
  const Emulated* emulated = AsEmulated(*stage_.replicas.at(static_cast<size_t>(replica)).executable);
  return emulated == nullptr || emulated->emulation().exact;
}

// A view where it is a part.
Buffer StageEvaluator::Slice(const Buffer& tensor, int replica) const {
  const Rows& rows = rows_.at(static_cast<size_t>(replica));
  if (rows.count < 0) return tensor.Share();
  TensorSpec spec = tensor.spec();
  if (spec.shape.empty() || spec.shape.front() < rows.begin + rows.count) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a tensor of {} has no rows {} to {}", FormatSpec(spec), rows.begin, rows.begin + rows.count));
  }
  const size_t row_bytes = tensor.size_bytes() / static_cast<size_t>(spec.shape.front());
  spec.shape.front() = rows.count;
  const char* first = static_cast<const char*>(tensor.data()) + static_cast<size_t>(rows.begin) * row_bytes;
  return Buffer::Borrow(std::move(spec), const_cast<char*>(first));
}

Outputs StageEvaluator::Run(int replica, const Tensors& known) const {
  try {
    return Invoke(replica, known);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("stage {} on {}: {}", index_, name(replica), error.what()));
  }
}

Outputs StageEvaluator::Invoke(int replica, const Tensors& known) const {
  Executable& executable = *stage_.replicas.at(static_cast<size_t>(replica)).executable;
  const Signature& signature = executable.signature();
  const auto binding = std::make_shared<Binding>(signature);
  for (size_t port = 0; port < signature.inputs.size(); ++port) {
    binding->SetInput(static_cast<int>(port), Slice(Find(known, signature.inputs[port].name), replica));
  }
  consort::Run(executable, binding);
  Outputs outputs;
  for (size_t port = 0; port < signature.outputs.size(); ++port) {
    outputs.push_back({signature.outputs[port].name, binding->output(static_cast<int>(port)).Clone()});
  }
  return outputs;
}

Outputs StageEvaluator::PartOf(int replica, const Tensors& known) const {
  Outputs part;
  for (const Port& port : stage_.replicas.at(static_cast<size_t>(replica)).executable->signature().outputs) {
    part.push_back({port.name, Slice(Find(known, port.name), replica)});
  }
  return part;
}

Outputs StageEvaluator::Join(const std::vector<Outputs>& parts) const {
  Outputs joined;
  for (const Rows& rows : rows_) {
    const Outputs& part = parts.at(static_cast<size_t>(&rows - rows_.data()));
    for (size_t port = 0; port < part.size(); ++port) {
      const Buffer& from = part[port].tensor;
      if (joined.size() == port) {
        TensorSpec spec = from.spec();
        spec.shape.front() = rows_.back().begin + rows_.back().count;
        joined.push_back({part[port].name, Buffer::Allocate(std::move(spec))});
      }
      const size_t row_bytes = from.size_bytes() / static_cast<size_t>(rows.count);
      std::memcpy(static_cast<char*>(joined[port].tensor.data()) + static_cast<size_t>(rows.begin) * row_bytes,
                  from.data(), from.size_bytes());
    }
  }
  return joined;
}

}  // namespace consort
