// A program for the tests in the place of Coral's compiler, called as that is: `edgetpu_compiler -s -o FOLDER
// edgetpu.tflite`. Its file has one edgetpu-custom-op of the model's inputs and outputs; the model goes with it as the
// operator's options, where test_edgetpu_plugin.cc finds what it computes in the device's place.
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "base/files.h"
#include "tflite/format.h"
#include "tflite/parse.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::filesystem::path folder = argv[3], model = argv[4];
  const std::string bytes = consort::ReadFile(model, int64_t{1} << 30);
  const consort::tflite::Contents source = consort::tflite::ParseContents(bytes, model.string());
  const consort::tflite::SubgraphEntry& graph = source.subgraphs.front();
  consort::tflite::Contents compiled;
  compiled.buffers.emplace_back();
  consort::tflite::SubgraphEntry& made = compiled.subgraphs.emplace_back();
  for (const auto* ports : {&graph.inputs, &graph.outputs}) {
    for (const int32_t tensor : *ports) {
      (ports == &graph.inputs ? made.inputs : made.outputs).push_back(static_cast<int32_t>(made.tensors.size()));
      made.tensors.push_back(graph.tensors[static_cast<size_t>(tensor)]);
      made.tensors.back().buffer = 0;
    }
  }
  compiled.codes.push_back(
      {.builtin = static_cast<int32_t>(consort::tflite::Builtin::kCustom), .custom = "edgetpu-custom-op"});
  made.operators.push_back({.inputs = made.inputs, .outputs = made.outputs, .custom_options = bytes});
  consort::WriteFile(folder / (model.stem().string() + "_edgetpu.tflite"), consort::tflite::FormatContents(compiled));
  std::printf("Edge TPU Compiler version 16.0.384591198\nNumber of operations that will run on Edge TPU: %zu\n"
              "Number of operations that will run on CPU: 0\n",
              graph.operators.size());
  return 0;
}
