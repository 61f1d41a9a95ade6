#include "consort/model.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <algorithm>
#include <new>
#include <unordered_set>
#include <utility>

#include "base/files.h"
#include "consort/error.h"
#include "model/bind_dims.h"
#include "model/external_data.h"
#include "model/graph_builder.h"
#include "model/infer_shapes.h"
#include "model/inline_functions.h"
#include "model/invalid_model.h"
#include "model/model_rep.h"
#include "model/node_names.h"
#include "model/parse_model.h"
#include "model/proto_walk.h"
#include "model/scopes.h"
#include "model/tensor_check.h"
#include "onnx/checker.h"

namespace consort {
namespace {

// A sink for bytes that keeps only the digests of its blocks, so that hashing takes no copy of the message.
class HashingStream : public google::protobuf::io::ZeroCopyOutputStream {
 public:
  bool Next(void** data, int* size) override {
    Flush();
    *data = block_.data();
    *size = static_cast<int>(block_.size());
    used_ = block_.size();
    return true;
  }
  void BackUp(int count) override { used_ -= static_cast<size_t>(count); }
  int64_t ByteCount() const override { return flushed_ + static_cast<int64_t>(used_); }

  std::string Digest(std::string_view extra) {
    Flush();
    return ContentHash(digests_.append(extra));
  }

 private:
  void Flush() {
    if (used_ > 0) digests_ += ContentHash(std::string_view(block_).substr(0, used_));
    flushed_ += static_cast<int64_t>(used_);
    used_ = 0;
  }

  std::string block_ = std::string(1 << 20, '\0');
  size_t used_ = 0;
  int64_t flushed_ = 0;
  std::string digests_;
};

void WriteDeterministically(const onnx::ModelProto& proto, google::protobuf::io::ZeroCopyOutputStream& sink) {
  google::protobuf::io::CodedOutputStream stream(&sink);
  stream.SetSerializationDeterministic(true);
  proto.SerializeToCodedStream(&stream);
}

std::string Fingerprint(const Model::Rep& rep) {
  HashingStream sink;
  WriteDeterministically(rep.proto, sink);
  std::string extra;
  for (const ExternalFile& file : rep.external_files) {
    extra += fmt::format("\n{}\n{}\n{}", file.location, file.size_bytes, file.modified_ns);
  }
  return sink.Digest(extra);
}

std::unordered_set<std::string> InputNames(const onnx::GraphProto& graph) {
  std::unordered_set<std::string> names;
  for (const auto& input : graph.input()) names.insert(input.name());
  return names;
}

// From IR 4 on an initializer that is an input, too, is a default that a caller may replace. Consort fixes it, and
// tells the engine so by dropping the input. Before IR 4 an initializer has to be an input; files that break this rule
// are common and become IR 4. Returns whether anything was changed.
bool FixInitializerInputs(onnx::ModelProto& model) {
  onnx::GraphProto& graph = *model.mutable_graph();
  std::unordered_set<std::string> initializers;
  for (const auto& tensor : graph.initializer()) initializers.insert(tensor.name());
  if (model.ir_version() < 4) {
    const std::unordered_set<std::string> inputs = InputNames(graph);
    const bool all_inputs =
        std::all_of(initializers.begin(), initializers.end(), [&](const auto& name) { return inputs.contains(name); });
    if (all_inputs) return false;
  }
  const bool raised = model.ir_version() < 4;
  if (raised) model.set_ir_version(4);
  auto* inputs = graph.mutable_input();
  const auto kept = std::remove_if(inputs->begin(), inputs->end(), [&](const onnx::ValueInfoProto& input) {
    return initializers.contains(input.name());
  });
  const bool dropped = kept != inputs->end();
  inputs->erase(kept, inputs->end());
  return dropped || raised;
}

// Ops of ONNX's first years that never became part of it: nothing describes them, and the checker prints a warning.
void RefuseExperimentalOps(const onnx::GraphProto& root) {
  ForEachGraph(root, [](const onnx::GraphProto& graph) {
    for (const auto& node : graph.node()) {
      if (onnx::checker::check_is_experimental_op(node))
        FailModel("{}: an experimental op that ONNX has dropped", Describe(node));
    }
  });
}

// ONNX's own rules: attributes, number of operands, known ops.
void CheckByOnnx(onnx::ModelProto& model, const std::filesystem::path& data_folder) {
  onnx::checker::CheckerContext context;
  context.set_ir_version(static_cast<int>(model.ir_version()));
  context.set_model_dir(data_folder.string());
  std::unordered_map<std::string, int> opsets;
  for (const auto& opset : model.opset_import()) opsets[opset.domain()] = static_cast<int>(opset.version());
  context.set_opset_imports(std::move(opsets));
  // Outputs of the main graph need no shape here: inference finds it out.
  context.set_is_main_graph(false);
  if (model.graph().name().empty()) model.mutable_graph()->set_name("main");
  RefuseExperimentalOps(model.graph());
  onnx::checker::check_graph(model.graph(), context, onnx::checker::LexicalScopeContext());
}

// The passes in order; each throws what it finds wrong without the file's name.
void Prepare(Model::Rep& rep, const ModelOptions& options, const std::filesystem::path& folder) {
  onnx::ModelProto& proto = rep.proto;
  rep.rewritten = NormalizeHeader(proto);
  if (proto.graph().node().empty()) FailModel("the graph holds no ops");
  CheckTensors(proto);
  rep.external_files = CheckExternalData(proto, folder);
  if (!rep.external_files.empty()) rep.data_folder = folder;
  rep.rewritten = InlineFunctions(proto) || rep.rewritten;
  rep.rewritten = FixInitializerInputs(proto) || rep.rewritten;
  rep.rewritten = ResolveScopes(*proto.mutable_graph()) || rep.rewritten;
  rep.rewritten = NameNodes(*proto.mutable_graph()) || rep.rewritten;
  CheckByOnnx(proto, rep.data_folder);
  const bool bound = BindDims(*proto.mutable_graph(), options);
  rep.rewritten = bound || rep.rewritten;
  try {
    InferShapes(proto);
    rep.graph = GraphBuilder::Build(proto);
  } catch (const Error& error) {
    if (!bound || error.code() != ErrorCode::kInvalidModel) throw;
    throw Error(ErrorCode::kInvalidArgument, std::string("with the sizes asked for, ") + error.what());
  }
}

// Runs a step of loading and puts the model's name in front of what it throws.
template <typename Step>
void Named(const std::string& name, Step&& step) {
  try {
    step();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", name, error.what()));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, fmt::format("{}: not enough memory to load the model", name));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kInvalidModel, fmt::format("{}: {}", name, OneLine(error.what())));
  }
}

}  // namespace

Model Model::Load(const std::filesystem::path& path, const ModelOptions& options) {
  auto rep = std::make_shared<Rep>();
  rep->name = path.filename().string();
  rep->path = path;
  Named(path.string(), [&] {
    rep->proto = ParseModelFile(path, options.max_file_bytes);
    const std::filesystem::path folder = path.parent_path();
    Prepare(*rep, options, folder.empty() ? "." : folder);
  });
  return Model(std::move(rep));
}

Model Model::Parse(std::span<const std::byte> bytes, const std::string& name, const ModelOptions& options,
                   const std::filesystem::path& data_folder) {
  auto rep = std::make_shared<Rep>();
  rep->name = name;
  Named(name, [&] {
    rep->proto = ParseModel(bytes);
    Prepare(*rep, options, data_folder);
  });
  return Model(std::move(rep));
}

const Graph& Model::graph() const { return rep_->graph; }
const std::string& Model::name() const { return rep_->name; }
const std::optional<std::filesystem::path>& Model::path() const { return rep_->path; }
std::string Model::producer() const {
  const onnx::ModelProto& proto = rep_->proto;
  if (proto.producer_version().empty()) return proto.producer_name();
  return fmt::format("{} {}", proto.producer_name(), proto.producer_version());
}
bool Model::has_external_data() const { return !rep_->external_files.empty(); }
const std::filesystem::path& Model::data_folder() const { return rep_->data_folder; }
bool Model::rewritten() const { return rep_->rewritten; }

const std::string& Model::fingerprint() const {
  std::call_once(rep_->fingerprint_once, [this] { rep_->fingerprint = Fingerprint(*rep_); });
  return rep_->fingerprint;
}

Model ModelOf(const onnx::ModelProto& proto, const std::string& name, const std::filesystem::path& data_folder) {
  const std::string bytes = proto.SerializeAsString();
  return Model::Parse(std::as_bytes(std::span(bytes)), name, {}, data_folder);
}

std::string Model::Serialize(const SerializeOptions& options) const {
  std::string bytes;
  Named(name(), [&] {
    if (options.inline_external_data && has_external_data()) {
      onnx::ModelProto whole = rep_->proto;
      InlineExternalData(whole, data_folder());
      bytes = whole.SerializeAsString();
    } else {
      bytes = rep_->proto.SerializeAsString();
    }
  });
  return bytes;
}

}  // namespace consort
