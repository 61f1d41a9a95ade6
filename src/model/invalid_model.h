// The errors of the passes over a model. They name the place inside the model; Model puts the file's name in front.
#ifndef CONSORT_MODEL_INVALID_MODEL_H_
#define CONSORT_MODEL_INVALID_MODEL_H_

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "consort/error.h"
#include "onnx/onnx_pb.h"

namespace consort {

template <typename... Args>
[[noreturn]] void FailModel(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorCode::kInvalidModel, fmt::format(format, std::forward<Args>(args)...));
}

// "node 'conv1' (Conv)"; a node without a name is described by what it makes: "node making 'y' (Conv)".
std::string Describe(const onnx::NodeProto& node);

// Text of the file for a message: control characters replaced, long text cut.
std::string Quote(std::string_view text);

// A message of a library on one line, cut to a readable length.
std::string OneLine(std::string_view message);

}  // namespace consort

#endif  // CONSORT_MODEL_INVALID_MODEL_H_
