#!/usr/bin/env python3
"""Writes the sentence encoder all-MiniLM-L6-v2 as ONNX, straight from its safetensors file.

    export_minilm.py model.safetensors minilm.onnx

A BERT of 6 layers, 384 wide, with 12 heads. Inputs input_ids, attention_mask and token_type_ids are int64
[batch, sequence]; outputs are last_hidden_state [batch, sequence, 384] and sentence_embedding [batch, 384]: the mean over
the positions that the mask keeps, scaled to length 1.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, WIDTH, HEADS = 6, 384, 12
HEAD_WIDTH = WIDTH // HEADS
LAYER_NORM_EPSILON = 1e-12
OPSET, IR_VERSION = 17, 8


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads a safetensors file: the header's length in 8 bytes, a JSON header, the tensors' bytes."""
    data = path.read_bytes()
    header_bytes = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + header_bytes])
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "I64": np.int64}
    return {
        name: np.frombuffer(data[8 + header_bytes :][slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


class GraphWriter:
    """Collects nodes and initializers; every method returns the name of the tensor that it made."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value) -> str:
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def op(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def linear(self, x: str, prefix: str, output: str) -> str:
        matrix = self.constant(f"{prefix}.weight.T", self.weights[f"{prefix}.weight"].T)
        product = self.op("MatMul", [x, matrix], f"{output}/product")
        return self.op("Add", [product, self.weight(f"{prefix}.bias")], output)

    def layer_norm(self, x: str, prefix: str, output: str) -> str:
        scale, bias = self.weight(f"{prefix}.weight"), self.weight(f"{prefix}.bias")
        return self.op("LayerNormalization", [x, scale, bias], output, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def gelu(self, x: str, output: str) -> str:
        scaled = self.op("Div", [x, self.constant("sqrt2", np.float32(math.sqrt(2)))], f"{output}/scaled")
        erf = self.op("Erf", [scaled], f"{output}/erf")
        shifted = self.op("Add", [erf, self.constant("one", np.float32(1))], f"{output}/shifted")
        half = self.op("Mul", [x, self.constant("half", np.float32(0.5))], f"{output}/half")
        return self.op("Mul", [half, shifted], output)

    def heads(self, x: str, output: str, order: list[int]) -> str:
        """[batch, sequence, width] → [batch, heads, …] in the order that the product needs."""
        split = self.op("Reshape", [x, self.constant("split_shape", np.int64([0, 0, HEADS, HEAD_WIDTH]))], f"{output}/split")
        return self.op("Transpose", [split], output, perm=order)

    def attention(self, x: str, mask_bias: str, prefix: str, output: str) -> str:
        query = self.heads(self.linear(x, f"{prefix}.self.query", f"{output}/q"), f"{output}/q_heads", [0, 2, 1, 3])
        key = self.heads(self.linear(x, f"{prefix}.self.key", f"{output}/k"), f"{output}/k_heads", [0, 2, 3, 1])
        value = self.heads(self.linear(x, f"{prefix}.self.value", f"{output}/v"), f"{output}/v_heads", [0, 2, 1, 3])
        scores = self.op("MatMul", [query, key], f"{output}/scores")
        scaled = self.op("Div", [scores, self.constant("sqrt_head", np.float32(math.sqrt(HEAD_WIDTH)))], f"{output}/scaled")
        masked = self.op("Add", [scaled, mask_bias], f"{output}/masked")
        weights = self.op("Softmax", [masked], f"{output}/weights", axis=-1)
        mixed = self.op("MatMul", [weights, value], f"{output}/mixed")
        rows = self.op("Transpose", [mixed], f"{output}/rows", perm=[0, 2, 1, 3])
        joined = self.op("Reshape", [rows, self.constant("join_shape", np.int64([0, 0, WIDTH]))], f"{output}/joined")
        return self.linear(joined, f"{prefix}.output.dense", output)

    def encoder_layer(self, x: str, mask_bias: str, index: int) -> str:
        prefix, name = f"encoder.layer.{index}", f"layer{index}"
        attended = self.attention(x, mask_bias, f"{prefix}.attention", f"{name}/attention")
        residual = self.op("Add", [attended, x], f"{name}/attention_sum")
        middle = self.layer_norm(residual, f"{prefix}.attention.output.LayerNorm", f"{name}/attention_norm")
        wide = self.gelu(self.linear(middle, f"{prefix}.intermediate.dense", f"{name}/wide"), f"{name}/gelu")
        narrow = self.linear(wide, f"{prefix}.output.dense", f"{name}/narrow")
        last = "last_hidden_state" if index == LAYERS - 1 else f"{name}/norm"
        return self.layer_norm(self.op("Add", [narrow, middle], f"{name}/sum"), f"{prefix}.output.LayerNorm", last)

    def embeddings(self) -> str:
        words = self.op("Gather", [self.weight("embeddings.word_embeddings.weight"), "input_ids"], "embeddings/words")
        types = self.op("Gather", [self.weight("embeddings.token_type_embeddings.weight"), "token_type_ids"], "embeddings/types")
        length = self.op("Shape", ["input_ids"], "embeddings/length", start=1, end=2)
        start, axis = self.constant("zero", np.int64([0])), self.constant("axis0", np.int64([0]))
        table = self.weight("embeddings.position_embeddings.weight")
        positions = self.op("Slice", [table, start, length, axis], "embeddings/positions")
        total = self.op("Add", [self.op("Add", [words, types], "embeddings/tokens"), positions], "embeddings/sum")
        return self.layer_norm(total, "embeddings.LayerNorm", "embeddings/norm")

    def mask_bias(self) -> str:
        """0 where the mask is 1 and a large negative number where it is 0, as [batch, 1, 1, sequence]."""
        mask = self.op("Cast", ["attention_mask"], "mask/float", to=TensorProto.FLOAT)
        axes = self.constant("head_axes", np.int64([1, 2]))
        hidden = self.op("Sub", [self.constant("one", np.float32(1)), self.op("Unsqueeze", [mask, axes], "mask/wide")], "mask/hidden")
        return self.op("Mul", [hidden, self.constant("lowest", np.float32(np.finfo(np.float32).min))], "mask/bias")

    def pooled(self, states: str) -> str:
        mask = self.op("Unsqueeze", ["mask/float", self.constant("last_axis", np.int64([-1]))], "pool/mask")
        axes = self.constant("sequence_axis", np.int64([1]))
        total = self.op("ReduceSum", [self.op("Mul", [states, mask], "pool/kept"), axes], "pool/sum", keepdims=0)
        count = self.op("ReduceSum", [mask, axes], "pool/count", keepdims=0)
        safe = self.op("Max", [count, self.constant("tiny", np.float32(1e-9))], "pool/safe_count")
        mean = self.op("Div", [total, safe], "pool/mean")
        length = self.op("ReduceL2", [mean], "pool/length", axes=[-1], keepdims=1)
        safe_length = self.op("Max", [length, self.constant("tiny_length", np.float32(1e-12))], "pool/safe_length")
        return self.op("Div", [mean, safe_length], "sentence_embedding")


def build(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    writer = GraphWriter(weights)
    states = writer.embeddings()
    bias = writer.mask_bias()
    for index in range(LAYERS):
        states = writer.encoder_layer(states, bias, index)
    writer.pooled(states)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs = [
        helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", WIDTH]),
        helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", WIDTH]),
    ]
    graph = helper.make_graph(writer.nodes, "all-MiniLM-L6-v2", inputs, outputs, list(writer.initializers.values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def export(safetensors: Path, output: Path) -> None:
    model = build(read_safetensors(safetensors))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, output)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes all-MiniLM-L6-v2 as ONNX.")
    parser.add_argument("safetensors", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    export(options.safetensors, options.output)


if __name__ == "__main__":
    main()
