#include "backends/litert/tflite_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "consort/error.h"
#include "tflite/parse.h"

namespace consort::litert {
namespace {

using tflite::Contents;
using tflite::OperatorEntry;
using tflite::SubgraphEntry;
using tflite::TensorEntry;

double MemoryBytes() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double Elements(const TensorEntry& tensor) {
  double elements = 1;
  for (const int32_t size : tensor.shape) elements *= size;
  return elements;
}

// Looks at contents whose indices lie in their lists.
class Checker {
 public:
  Checker(const Contents& contents, const std::string& place) : contents_(contents), place_(place) {}

  void Run() const {
    for (const SubgraphEntry& graph : contents_.subgraphs) {
      CheckSizes(graph);
      CheckOrder(graph);
    }
  }

 private:
  void Require(bool condition, const std::string& what) const {
    if (!condition)
      throw Error(ErrorCode::kInvalidModel, fmt::format("{}: not a valid .tflite model: {}", place_, what));
  }

  void CheckSizes(const SubgraphEntry& graph) const {
    const double memory_bytes = MemoryBytes();
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      Require(Elements(graph.tensors[i]) <= memory_bytes,
              fmt::format("tensor {} is larger than this machine's memory", i));
    }
  }

  void CheckOrder(const SubgraphEntry& graph) const {
    std::vector<bool> made(graph.tensors.size());
    for (size_t i = 0; i < made.size(); ++i) made[i] = HoldsValues(graph.tensors[i]);
    Mark(graph.inputs, made);
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      const OperatorEntry& op = graph.operators[i];
      for (const int32_t input : op.inputs) {
        Require(input < 0 || made[static_cast<size_t>(input)],
                fmt::format("operator {} reads tensor {}, which nothing makes before it", i, input));
      }
      Mark(op.outputs, made);
    }
  }

  static void Mark(const std::vector<int32_t>& tensors, std::vector<bool>& made) {
    for (const int32_t tensor : tensors) made[static_cast<size_t>(tensor)] = true;
  }

  // A constant, a variable that LiteRT zeroes, or nothing to hold.
  bool HoldsValues(const TensorEntry& tensor) const {
    return !contents_.buffers[tensor.buffer].empty() || tensor.is_variable || Elements(tensor) == 0;
  }

  const Contents& contents_;
  const std::string& place_;
};

}  // namespace

void CheckIndices(const std::string& bytes, const std::string& place) {
  Checker(tflite::ParseContents(bytes, place), place).Run();
}

}  // namespace consort::litert
