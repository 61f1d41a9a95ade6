#include "backends/litert/tflite_check.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "consort/error.h"

namespace consort::litert {
namespace {

using flatbuffers::Table;
using Tables = flatbuffers::Vector<flatbuffers::Offset<Table>>;
using Ints = flatbuffers::Vector<int32_t>;

// Fields by their number in TensorFlow Lite's schema.fbs.
constexpr flatbuffers::voffset_t Field(int number) { return static_cast<flatbuffers::voffset_t>(4 + 2 * number); }

class Checker {
 public:
  Checker(const std::string& bytes, const std::string& place)
      : model_(*flatbuffers::GetRoot<Table>(bytes.data())),
        place_(place),
        memory_bytes_(static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE))) {}

  void Run() {
    codes_ = List(model_, 1, "operator codes").size();
    buffer_list_ = &List(model_, 4, "buffers");
    buffers_ = buffer_list_->size();
    const Tables& subgraphs = List(model_, 2, "subgraphs");
    Require(subgraphs.size() > 0, "the model has no subgraph");
    for (const Table* subgraph : subgraphs) CheckSubgraph(*subgraph);
  }

 private:
  void Require(bool condition, const std::string& what) const {
    if (!condition)
      throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not a valid .tflite model: {}", place_, what));
  }

  const Tables& List(const Table& table, int number, const std::string& what) const {
    const auto* list = table.GetPointer<const Tables*>(Field(number));
    Require(list != nullptr, "it has no list of " + what);
    return *list;
  }

  void CheckSubgraph(const Table& subgraph) const {
    const Tables& tensors = List(subgraph, 0, "tensors");
    for (unsigned i = 0; i < tensors.size(); ++i) CheckTensor(*tensors.Get(i), i);
    const int64_t count = tensors.size();
    CheckRange(subgraph.GetPointer<const Ints*>(Field(1)), 0, count, "the subgraph's inputs");
    CheckRange(subgraph.GetPointer<const Ints*>(Field(2)), 0, count, "the subgraph's outputs");
    std::vector<bool> made(tensors.size());
    for (unsigned i = 0; i < tensors.size(); ++i) made[i] = HoldsValues(*tensors.Get(i));
    Mark(subgraph.GetPointer<const Ints*>(Field(1)), made);
    const auto* operators = subgraph.GetPointer<const Tables*>(Field(3));
    for (unsigned i = 0; operators != nullptr && i < operators->size(); ++i) {
      const Table& op = *operators->Get(i);
      const auto* inputs = op.GetPointer<const Ints*>(Field(1));
      const auto* outputs = op.GetPointer<const Ints*>(Field(2));
      Require(op.GetField<uint32_t>(Field(0), 0) < codes_, fmt::format("operator {} has no code", i));
      CheckRange(inputs, -1, count, fmt::format("operator {}'s inputs", i));
      CheckRange(outputs, 0, count, fmt::format("operator {}'s outputs", i));
      for (unsigned k = 0; inputs != nullptr && k < inputs->size(); ++k) {
        Require(inputs->Get(k) < 0 || made[inputs->Get(k)],
                fmt::format("operator {} reads tensor {}, which nothing makes before it", i, inputs->Get(k)));
      }
      Mark(outputs, made);
    }
  }

  static void Mark(const Ints* indices, std::vector<bool>& made) {
    for (unsigned i = 0; indices != nullptr && i < indices->size(); ++i) made[indices->Get(i)] = true;
  }

  // A constant, a variable that LiteRT zeroes, or nothing to hold.
  bool HoldsValues(const Table& tensor) const {
    const Table& buffer = *buffer_list_->Get(tensor.GetField<uint32_t>(Field(2), 0));
    const auto* data = buffer.GetPointer<const flatbuffers::Vector<uint8_t>*>(Field(0));
    const bool outside =
        buffer.GetField<uint64_t>(Field(1), 0) > 1;  // data behind the flatbuffer, in files beyond 2 GiB
    return (data != nullptr && data->size() > 0) || outside || tensor.GetField<uint8_t>(Field(5), 0) != 0 ||
           Elements(tensor) == 0;
  }

  static double Elements(const Table& tensor) {
    const auto* shape = tensor.GetPointer<const Ints*>(Field(0));
    double elements = 1;
    for (unsigned axis = 0; shape != nullptr && axis < shape->size(); ++axis) elements *= shape->Get(axis);
    return elements;
  }

  // A list that is left out is as good as an empty one.
  void CheckRange(const Ints* indices, int64_t first, int64_t end, const std::string& what) const {
    for (unsigned i = 0; indices != nullptr && i < indices->size(); ++i) {
      const int64_t index = indices->Get(i);
      Require(index >= first && index < end, fmt::format("{} name tensor {} of {}", what, index, end));
    }
  }

  void CheckTensor(const Table& tensor, unsigned number) const {
    Require(tensor.GetField<uint32_t>(Field(2), 0) < buffers_, fmt::format("tensor {} has no buffer", number));
    const auto* shape = tensor.GetPointer<const Ints*>(Field(0));
    for (unsigned axis = 0; shape != nullptr && axis < shape->size(); ++axis) {
      Require(shape->Get(axis) >= 0, fmt::format("tensor {} has a negative size", number));
    }
    Require(Elements(tensor) <= memory_bytes_, fmt::format("tensor {} is larger than this machine's memory", number));
  }

  const Table& model_;
  const std::string& place_;
  double memory_bytes_;
  uint32_t codes_ = 0;
  uint32_t buffers_ = 0;
  const Tables* buffer_list_ = nullptr;
};

}  // namespace

void CheckIndices(const std::string& bytes, const std::string& place) { Checker(bytes, place).Run(); }

}  // namespace consort::litert
