#!/usr/bin/env python3
"""Writes small TensorFlow Lite models with known structure and seeded weights.

    make_tflite.py FOLDER

conv_float.tflite        convolution with ReLU, max pooling, fully connected; float32
conv_int8.tflite         the same in int8, weights quantized per tensor
conv_int8_channels.tflite  the same, convolution weights quantized per output channel
edgetpu_custom.tflite    one custom op `edgetpu-custom-op`, as a compiled Edge TPU model has it: no CPU can run it
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SEED = 11
IMAGE, CHANNELS, FILTERS, CLASSES = 16, 3, 8, 10
FLATTENED = (IMAGE // 4) ** 2 * FILTERS
NUMPY_TO_TFLITE = {"float32": schema.TensorType.FLOAT32, "int8": schema.TensorType.INT8, "int32": schema.TensorType.INT32}


@dataclass
class Quantized:
    """Scale (one, or one per index of `axis`) and zero point of a tensor."""

    scale: np.ndarray
    zero_point: int = 0
    axis: int = 0


class ModelWriter:
    """Builds the object tree of one subgraph; `write` packs it."""

    def __init__(self):
        self.graph = schema.SubGraphT()
        self.graph.name = "main"
        self.graph.tensors, self.graph.operators = [], []
        self.buffers = [schema.BufferT()]
        self.codes: list[schema.OperatorCodeT] = []

    def tensor(self, name: str, shape, dtype: str, data: np.ndarray | None = None, quantized: Quantized | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer, tensor.hasRank = name, list(shape), NUMPY_TO_TFLITE[dtype], 0, True
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if quantized:
            scale = np.atleast_1d(np.asarray(quantized.scale, np.float32))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scale
            tensor.quantization.zeroPoint = np.full(scale.size, quantized.zero_point, np.int64)
            tensor.quantization.quantizedDimension = quantized.axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, builtin: int, inputs: list[int], outputs: list[int], options_type: int = 0, options=None, custom: str = "") -> None:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 3 if builtin == schema.BuiltinOperator.CONV_2D else 1
        if builtin == schema.BuiltinOperator.FULLY_CONNECTED:
            code.version = 4
        code.customCode = custom or None
        self.codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.codes) - 1, inputs, outputs
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.graph.operators.append(operator)

    def write(self, path: Path, inputs: list[int], outputs: list[int]) -> None:
        self.graph.inputs, self.graph.outputs = inputs, outputs
        model = schema.ModelT()
        model.version, model.description = 3, "consort test model"
        model.operatorCodes, model.subgraphs, model.buffers = self.codes, [self.graph], self.buffers
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))


def conv_options(activation: int) -> schema.Conv2DOptionsT:
    options = schema.Conv2DOptionsT()
    options.padding, options.fusedActivationFunction = schema.Padding.SAME, activation
    options.strideW = options.strideH = 2
    options.dilationWFactor = options.dilationHFactor = 1
    return options


def pool_options() -> schema.Pool2DOptionsT:
    options = schema.Pool2DOptionsT()
    options.padding, options.fusedActivationFunction = schema.Padding.VALID, schema.ActivationFunctionType.NONE
    options.strideW = options.strideH = options.filterWidth = options.filterHeight = 2
    return options


def weights() -> dict[str, np.ndarray]:
    rng = np.random.Generator(np.random.PCG64(SEED))
    # Filters of unlike size, so that one scale per channel differs visibly from one for all.
    spread = np.geomspace(0.2, 2.0, FILTERS).reshape(-1, 1, 1, 1)
    return {
        "conv": (spread * rng.standard_normal((FILTERS, 3, 3, CHANNELS)) * 0.3).astype(np.float32),
        "conv_bias": (rng.standard_normal(FILTERS) * 0.1).astype(np.float32),
        "dense": (rng.standard_normal((CLASSES, FLATTENED)) * 0.1).astype(np.float32),
        "dense_bias": (rng.standard_normal(CLASSES) * 0.1).astype(np.float32),
    }


def add_layers(writer: ModelWriter, dtype: str, constants: dict[str, int], activations: dict[str, Quantized | None]) -> tuple[int, int]:
    """Convolution, pooling, reshape, dense; returns the input's and the output's tensor index."""
    half, quarter = IMAGE // 2, IMAGE // 4
    image = writer.tensor("image", [1, IMAGE, IMAGE, CHANNELS], dtype, quantized=activations["image"])
    features = writer.tensor("features", [1, half, half, FILTERS], dtype, quantized=activations["features"])
    pooled = writer.tensor("pooled", [1, quarter, quarter, FILTERS], dtype, quantized=activations["features"])
    flat = writer.tensor("flat", [1, FLATTENED], dtype, quantized=activations["features"])
    logits = writer.tensor("logits", [1, CLASSES], dtype, quantized=activations["logits"])
    shape = writer.tensor("flat_shape", [2], "int32", np.int32([1, FLATTENED]))
    op, options, relu = schema.BuiltinOperator, schema.BuiltinOptions, schema.ActivationFunctionType.RELU
    writer.operator(op.CONV_2D, [image, constants["conv"], constants["conv_bias"]], [features], options.Conv2DOptions, conv_options(relu))
    writer.operator(op.MAX_POOL_2D, [features], [pooled], options.Pool2DOptions, pool_options())
    reshape = schema.ReshapeOptionsT()
    reshape.newShape = [1, FLATTENED]
    writer.operator(op.RESHAPE, [pooled, shape], [flat], options.ReshapeOptions, reshape)
    dense = [flat, constants["dense"], constants["dense_bias"]]
    writer.operator(op.FULLY_CONNECTED, dense, [logits], options.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    return image, logits


def write_float(path: Path) -> None:
    writer = ModelWriter()
    constants = {name: writer.tensor(name, value.shape, "float32", value) for name, value in weights().items()}
    image, logits = add_layers(writer, "float32", constants, {"image": None, "features": None, "logits": None})
    writer.write(path, [image], [logits])


def write_int8(path: Path, per_channel: bool) -> None:
    values = weights()
    activations = {"image": Quantized(np.float32(0.03), -3), "features": Quantized(np.float32(0.05), -128), "logits": Quantized(np.float32(0.1), 5)}
    limits = np.abs(values["conv"]).max(axis=(1, 2, 3)) if per_channel else np.abs(values["conv"]).max()
    conv_scale = (limits / 127).astype(np.float32)
    dense_scale = np.float32(np.abs(values["dense"]).max() / 127)
    scales = {"conv": conv_scale, "dense": dense_scale}
    scales |= {"conv_bias": conv_scale * np.float32(0.03), "dense_bias": dense_scale * np.float32(0.05)}

    writer = ModelWriter()
    constants = {}
    for name, value in values.items():
        scale = np.asarray(scales[name], np.float32)
        divisor = scale.reshape(-1, *[1] * (value.ndim - 1)) if scale.ndim else scale
        dtype = "int32" if name.endswith("bias") else "int8"
        constants[name] = writer.tensor(name, value.shape, dtype, np.rint(value / divisor), Quantized(scale))
    image, logits = add_layers(writer, "int8", constants, activations)
    writer.write(path, [image], [logits])


def write_edgetpu_custom(path: Path) -> None:
    writer = ModelWriter()
    image = writer.tensor("image", [1, 8], "int8", quantized=Quantized(np.float32(0.1)))
    logits = writer.tensor("logits", [1, 4], "int8", quantized=Quantized(np.float32(0.1)))
    writer.operator(schema.BuiltinOperator.CUSTOM, [image], [logits], custom="edgetpu-custom-op")
    writer.write(path, [image], [logits])


def write_all(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_float(folder / "conv_float.tflite")
    write_int8(folder / "conv_int8.tflite", per_channel=False)
    write_int8(folder / "conv_int8_channels.tflite", per_channel=True)
    write_edgetpu_custom(folder / "edgetpu_custom.tflite")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes small TensorFlow Lite models for tests.")
    parser.add_argument("folder", type=Path)
    write_all(parser.parse_args().folder)
