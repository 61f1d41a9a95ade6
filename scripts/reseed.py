"""Gives an ONNX model of constant weights seeded ones, so that its numbers mean something.

The light architectures of the onnx package make every weight from a constant. Here each of those tensors becomes a true
initializer whose values follow from (seed, model name, tensor name) and from what the tensor is: convolution and Gemm
weights are normal with nearly He's deviation, biases and batch means small, scales and variances near 1. Nodes, names, opset and
IR version stay as they are.
"""

import hashlib
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20240229

# Weights are drawn around a part of their filter's own mean, taken away: without that, every input ends in nearly the same
# activations after a hundred rectified layers; with all of it taken away, rounding differences grow layer by layer.
CENTRE = 0.5
# Deviation of a layer's weights in units of He's: makes up for what CENTRE takes.
LAYER_GAIN = 1.15
# The last layer's, chosen so that the logits have a deviation of 2 to 3: classes differ, and no softmax saturates.
LAST_LAYER_GAIN = {
    "bvlc_alexnet": 0.7,
    "densenet121": 2.0,
    "inception_v1": 15.0,
    "inception_v2": 0.8,
    "resnet50": 1.4,
    "shufflenet": 0.1,
    "squeezenet": 1.6,
    "vgg19": 0.6,
    "zfnet512": 2.0,
}
# Weights of convolutions that end a residual branch are smaller, or the sums would grow block by block.
RESIDUAL_GAIN = 0.5

BATCH_NORM_ROLES = {1: "scale", 2: "bias", 3: "mean", 4: "variance"}


def consumers(graph: onnx.GraphProto) -> dict[str, list[tuple[onnx.NodeProto, int]]]:
    """Who reads each tensor, and as which of its inputs."""
    found: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            found.setdefault(name, []).append((node, position))
    return found


def role_of(name: str, readers: dict[str, list[tuple[onnx.NodeProto, int]]]) -> tuple[str, onnx.NodeProto]:
    """What a constant tensor is ("weight", "bias", "scale", "mean", "variance") and the layer it belongs to."""
    node, position = readers[name][0]
    if node.op_type in ("Unsqueeze", "Reshape"):
        return role_of(node.output[0], readers)
    if node.op_type == "BatchNormalization":
        return BATCH_NORM_ROLES[position], node
    if node.op_type in ("Conv", "Gemm"):
        return ("weight" if position == 1 else "bias"), node
    return {"Mul": "scale", "Add": "bias"}[node.op_type], node


def fan_in(node: onnx.NodeProto, shape: tuple[int, ...]) -> int:
    """Inputs that one output element of a Conv or Gemm sums over."""
    if node.op_type == "Conv":
        return math.prod(shape[1:])
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return math.prod(shape[1:]) if transposed else shape[0]


def ends_residual_branch(node: onnx.NodeProto, readers: dict) -> bool:
    """True when the layer's result, normalised or not, goes into a Sum."""
    for reader, _ in readers.get(node.output[0], []):
        if reader.op_type == "Sum" or (reader.op_type == "BatchNormalization" and ends_residual_branch(reader, readers)):
            return True
    return False


def generator(model: str, tensor: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{SEED}/{model}/{tensor}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def values(rng: np.random.Generator, role: str, shape: tuple[int, ...], deviation: float) -> np.ndarray:
    if role == "weight":
        weight = rng.standard_normal(shape, np.float32) * np.float32(deviation)
        return weight - np.float32(CENTRE) * weight.mean(axis=tuple(range(1, weight.ndim)), keepdims=True)
    if role in ("bias", "mean"):
        return rng.standard_normal(shape, np.float32) * np.float32(0.05)
    return np.float32(0.9) + np.float32(0.2) * rng.random(shape, np.float32)


def reseed(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Replaces every constant weight of `model` in place and returns it."""
    graph = model.graph
    readers = consumers(graph)
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]

    shapes = {output: tuple(int(d) for d in numpy_helper.to_array(initializers[node.input[0]])) for output, node in makers.items()}
    shapes |= {t.name: tuple(t.dims) for t in graph.initializer if t.data_type == TensorProto.FLOAT and t.name in readers}

    seeded = []
    for tensor, shape in shapes.items():
        role, layer = role_of(tensor, readers)
        deviation = 0.0
        if role == "weight":
            gain = LAST_LAYER_GAIN[name] if layer is layers[-1] else LAYER_GAIN
            gain *= RESIDUAL_GAIN if ends_residual_branch(layer, readers) else 1.0
            deviation = gain * math.sqrt(2.0 / fan_in(layer, shape))
        seeded.append(numpy_helper.from_array(values(generator(name, tensor), role, shape, deviation), tensor))

    dropped = {node.input[0] for node in makers.values()} | set(shapes)
    kept_nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    kept_initializers = [t for t in graph.initializer if t.name not in dropped and t.name in readers]
    data_inputs = [v for v in graph.input if v.name not in initializers]
    # IR version 3 wants every initializer among the graph's inputs.
    declared = [
        helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in (*seeded, *kept_initializers)
    ] if model.ir_version < 4 else []
    for field, content in ((graph.node, kept_nodes), (graph.initializer, [*seeded, *kept_initializers]), (graph.input, [*data_inputs, *declared])):
        del field[:]
        field.extend(content)
    return model
