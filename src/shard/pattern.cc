#include "shard/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "consort/error.h"

namespace consort {

struct Pattern::Node {
  enum class Kind : uint8_t { kAny, kConstant, kVariable, kOp };
  Kind kind = Kind::kAny;
  char variable = 0;               // of kVariable, or what the result of an op is called
  bool optional = false;           // the op may be absent
  std::vector<std::string> types;  // of kOp
  std::vector<std::unique_ptr<const Node>> operands;
};

namespace {

using Node = Pattern::Node;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::unique_ptr<const Node> Parse() {
    auto node = ParseNode();
    if (at_ != text_.size()) Fail();
    return node;
  }

 private:
  char Peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  void Require(char c) {
    if (!Take(c)) Fail();
  }

  [[noreturn]] void Fail() const {
    throw Error(ErrorCode::kInternal, fmt::format("pattern '{}' is broken at character {}", text_, at_));
  }

  std::unique_ptr<const Node> ParseNode() {
    auto node = std::make_unique<Node>();
    if (Take('?')) return node;
    if (Take('@')) return node->kind = Node::Kind::kConstant, std::move(node);
    if (std::islower(static_cast<unsigned char>(Peek())) != 0) {
      node->variable = text_[at_++];
      node->kind = Node::Kind::kVariable;
      if (!Take(':')) return node;
    }
    ParseOp(*node);
    return node;
  }

  void ParseOp(Node& node) {
    node.kind = Node::Kind::kOp;
    node.optional = Take('[');
    do node.types.push_back(ParseType());
    while (Take('|'));
    if (node.optional) Require(']');
    if (Take('(')) {
      do node.operands.push_back(ParseNode());
      while (Take(','));
      Require(')');
    }
    if (node.optional && node.operands.empty()) Fail();
  }

  std::string ParseType() {
    Peek();
    const size_t begin = at_;
    while (at_ < text_.size() && std::isalnum(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    if (begin == at_) Fail();
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool HandsOn(const Op& op) {
  return op.domain.empty() && !op.constant && (op.type == "Identity" || op.type == "Dropout");
}

bool IsCommutative(const std::string& type) {
  static constexpr std::array<std::string_view, 6> kTypes = {"Add", "Mul", "Sum", "Max", "Min", "Where"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

// What was found so far.
struct Found {
  std::set<OpId> ops;
  std::map<char, TensorId> tensors;
};

class Matcher {
 public:
  Matcher(const Graph& graph, Pattern::Extent extent) : graph_(graph), extent_(extent) {}

  // `found` changes only where the node fits. `named`: a letter stands for the tensor already.
  bool Fits(const Node& node, TensorId tensor, Found& found, bool named = false) const {
    if (node.kind == Node::Kind::kAny) return true;
    if (tensor == kNone) return false;
    tensor = SeeThrough(graph_, tensor);
    if (node.kind == Node::Kind::kConstant) return IsConstant(tensor);
    Found attempt = found;
    if (node.variable != 0 && attempt.tensors.emplace(node.variable, tensor).first->second != tensor) return false;
    if (node.kind == Node::Kind::kOp && !FitsOpOrAbsent(node, tensor, attempt, named || node.variable != 0))
      return false;
    found = std::move(attempt);
    return true;
  }

  bool FitsOp(const Node& node, OpId id, Found& found) const {
    const Op& op = graph_.op(id);
    if (op.constant || std::find(node.types.begin(), node.types.end(), op.type) == node.types.end()) return false;
    Found attempt = found;
    attempt.ops.insert(id);
    if (!FitOperands(node, op, attempt)) return false;
    found = std::move(attempt);
    return true;
  }

 private:
  bool FitsOpOrAbsent(const Node& node, TensorId tensor, Found& found, bool named) const {
    const OpId producer = graph_.tensor(tensor).producer;
    if (producer != kNone && MayTake(node, tensor, named) && FitsOp(node, producer, found)) return true;
    return node.optional && Fits(*node.operands.front(), tensor, found, named);
  }

  bool IsConstant(TensorId id) const {
    const Tensor& tensor = graph_.tensor(id);
    return tensor.kind == TensorKind::kInitializer || (tensor.producer != kNone && graph_.op(tensor.producer).constant);
  }

  bool MayTake(const Node& node, TensorId tensor, bool named) const {
    if (!node.optional || extent_ == Pattern::Extent::kShared) return true;
    if (named) return extent_ == Pattern::Extent::kFull;
    const Readers readers = ReadersOf(graph_, tensor);
    return readers.ops.size() == 1 && !readers.outside;
  }

  bool FitOperands(const Node& node, const Op& op, Found& found) const {
    if (node.operands.size() > op.inputs.size()) return false;
    if (!IsCommutative(op.type)) return FitInOrder(node, op.inputs, found);
    std::vector<TensorId> inputs = op.inputs;
    const auto made = [&](TensorId id) { return id == kNone ? kNone : graph_.tensor(SeeThrough(graph_, id)).producer; };
    std::stable_sort(inputs.begin(), inputs.end(), [&](TensorId a, TensorId b) { return made(a) > made(b); });
    if (node.operands.size() == 1) {
      return std::any_of(inputs.begin(), inputs.end(),
                         [&](TensorId input) { return Fits(*node.operands.front(), input, found); });
    }
    return FitInOrder(node, inputs, found) || (inputs.size() == 2 && FitInOrder(node, {inputs[1], inputs[0]}, found));
  }

  bool FitInOrder(const Node& node, const std::vector<TensorId>& inputs, Found& found) const {
    Found attempt = found;
    for (size_t i = 0; i < node.operands.size(); ++i) {
      if (!Fits(*node.operands[i], inputs[i], attempt)) return false;
    }
    found = std::move(attempt);
    return true;
  }

  const Graph& graph_;
  Pattern::Extent extent_;
};

}  // namespace

TensorId SeeThrough(const Graph& graph, TensorId tensor) {
  OpId producer = graph.tensor(tensor).producer;
  while (producer != kNone && HandsOn(graph.op(producer))) {
    tensor = graph.op(producer).inputs.front();
    producer = graph.tensor(tensor).producer;
  }
  return tensor;
}

Readers ReadersOf(const Graph& graph, TensorId tensor) {
  Readers readers;
  std::vector<TensorId> waiting{tensor};
  while (!waiting.empty()) {
    const Tensor& read = graph.tensor(waiting.back());
    waiting.pop_back();
    readers.outside = readers.outside || read.is_output;
    for (const OpId reader : read.consumers) {
      const Op& op = graph.op(reader);
      if (HandsOn(op) && op.outputs.front() != kNone)
        waiting.push_back(op.outputs.front());
      else
        readers.ops.push_back(reader);
    }
  }
  return readers;
}

Pattern::Pattern(std::string_view text) : root_(Parser(text).Parse()) {}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;

std::vector<OpId> Pattern::Match(const Graph& graph, OpId root, Extent extent) const {
  Found found;
  const Matcher matcher(graph, extent);
  const bool fits = matcher.FitsOp(*root_, root, found);
  if (!fits && root_->optional && root_->kind == Node::Kind::kOp) {
    // Without its last op the pattern ends in what stands first between the parentheses.
    const Node* inner = root_.get();
    while (inner->kind == Node::Kind::kOp && inner->optional) {
      inner = inner->operands.front().get();
      if (inner->kind == Node::Kind::kOp && matcher.FitsOp(*inner, root, found)) break;
    }
  }
  return {found.ops.begin(), found.ops.end()};
}

}  // namespace consort
