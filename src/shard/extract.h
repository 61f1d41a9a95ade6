// Shards as ONNX models.
#ifndef CONSORT_SHARD_EXTRACT_H_
#define CONSORT_SHARD_EXTRACT_H_

#include "consort/model.h"
#include "onnx/onnx_pb.h"
#include "shard/sharding.h"

namespace consort {

// A complete ONNX model of the shard: its ops with their bodies and the constants they need, the model's opsets, IR
// version and metadata, and the type and shape of every tensor that goes in, comes out or stays inside, symbolic
// dimensions by name. Initializers with external data keep pointing into model.data_folder(). Throws kUnsupported
// naming a tensor that would cross but whose type or number of axes the model does not tell.
onnx::ModelProto ExtractShard(const Model& model, const Shard& shard);

// The same as a Model: checked, with a graph of its own. `name` is for messages.
Model ShardModel(const Model& model, const Shard& shard, const std::string& name);

}  // namespace consort

#endif  // CONSORT_SHARD_EXTRACT_H_
