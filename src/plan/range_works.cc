#include "plan/range_works.h"

#include <algorithm>

#include "consort/error.h"

namespace consort {
namespace {

// Each tensor once, in order; nothing of an op that folds.
std::vector<TensorId> ReadsOf(const Graph& graph, const Op& op) {
  if (op.constant) return {};
  std::vector<TensorId> read = ActivationsOf(graph, op);
  std::sort(read.begin(), read.end());
  read.erase(std::unique(read.begin(), read.end()), read.end());
  return read;
}

}  // namespace

RangeWorks::RangeWorks(const Graph& graph)
    : graph_(graph), whole_(WorkOf(graph)), divides_(DividesAWork(whole_)), read_in_(graph.tensors().size(), 0) {
  size_t works = 0;
  for (OpId id = 0; id <= static_cast<OpId>(graph.ops().size()); ++id) {
    while (works < whole_.works.size() && whole_.works[works].ops.front() < id) ++works;
    works_before_.push_back(static_cast<int>(works));
  }
  for (const Op& op : graph.ops()) reads_.push_back(ReadsOf(graph, op));
}

const WorkList& RangeWorks::Of(OpId begin, OpId end) {
  if (begin < 0 || begin > end || end > static_cast<OpId>(graph_.ops().size()))
    throw Error(ErrorCode::kInvalidArgument, "a range of ops lies outside the graph");
  if (divides_[begin] || divides_[end]) return slow_ = WorkOf(graph_, begin, end);
  if (begin != begin_ || end < end_) Restart(begin);
  if (end > end_) Grow(end);
  return list_;
}

std::vector<double> RangeWorks::PerOp(const std::vector<double>& per_work) const {
  std::vector<double> per_op(graph_.ops().size());
  for (size_t i = 0; i < whole_.works.size(); ++i) {
    const std::vector<OpId>& ops = whole_.works[i].ops;
    for (const OpId op : ops) per_op[op] += per_work.at(i) / static_cast<double>(ops.size());
  }
  return per_op;
}

void RangeWorks::Restart(OpId begin) {
  list_ = WorkList{.graph = &graph_, .begin = begin};
  begin_ = end_ = begin;
  ++range_;
}

void RangeWorks::Grow(OpId end) {
  for (int i = works_before_[end_]; i < works_before_[end]; ++i) {
    const Work& work = whole_.works[i];
    list_.works.push_back(work);
    list_.macs += work.macs;
    list_.parameters += work.parameters;
    list_.known = list_.known && work.known;
  }
  for (OpId id = end_; id < end; ++id) AddOp(id);
  end_ = end;
  if (begin_ != 0 || end != static_cast<OpId>(graph_.ops().size())) return;
  for (const TensorId input : graph_.inputs())
    AddInput(input);  // the whole model is given inputs that nothing reads, too
}

// What it reads that was made before the range is an input of the range; what it makes leaves the range until its last
// reader is in.
void RangeWorks::AddOp(OpId id) {
  const Op& op = graph_.op(id);
  if (op.constant) return;
  list_.quantized = list_.quantized || IsQuantized(op);
  for (const TensorId read : reads_[id]) {
    const Tensor& tensor = graph_.tensor(read);
    if (tensor.producer == kNone || tensor.producer < begin_) {
      AddInput(read);
    } else if (!tensor.is_output && tensor.consumers.back() == id) {
      Count(read, -1, list_.outputs, list_.output_bytes);
    }
  }
  for (const TensorId made : op.outputs) {
    if (made == kNone) continue;
    const Tensor& tensor = graph_.tensor(made);
    if (tensor.is_output || !tensor.consumers.empty()) Count(made, 1, list_.outputs, list_.output_bytes);
  }
}

void RangeWorks::AddInput(TensorId tensor) {
  if (read_in_[tensor] == range_) return;
  read_in_[tensor] = range_;
  Count(tensor, 1, list_.inputs, list_.input_bytes);
}

void RangeWorks::Count(TensorId id, int sign, int64_t& elements, int64_t& bytes) const {
  const Tensor& tensor = graph_.tensor(id);
  elements += sign * ElementsOf(tensor);
  bytes += sign * std::max<int64_t>(0, tensor.bytes());
}

}  // namespace consort
