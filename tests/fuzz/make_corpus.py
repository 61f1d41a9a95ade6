"""Writes the seeds of the fuzz targets: small files of every kind that the parsers know. Run once; the files are kept in git.

    .deps/venv/bin/python tests/fuzz/make_corpus.py
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

CORPUS = Path(__file__).parent / "corpus"


def write(kind, name, content):
    (CORPUS / kind).mkdir(parents=True, exist_ok=True)
    (CORPUS / kind / name).write_bytes(content)


def model(nodes, inputs, outputs, initializers=(), functions=(), opset=17):
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=8).SerializeToString()


def tensor(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def write_models():
    weight = numpy_helper.from_array(numpy.ones((4, 3, 3, 3), numpy.float32), "w")
    conv = [helper.make_node("Conv", ["x", "w"], ["c"], "conv"), helper.make_node("Relu", ["c"], ["y"])]
    write("model", "conv", model(conv, [tensor("x", ["batch", 3, 8, 8])], [tensor("y", None)], [weight]))
    branch = lambda op: helper.make_graph([helper.make_node(op, ["x"], ["b"])], op, [], [tensor("b", ["n"])])
    choice = helper.make_node("If", ["flag"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg"))
    write("model", "if", model([choice], [tensor("x", ["n"]), tensor("flag", [], TensorProto.BOOL)], [tensor("y", ["n"])]))
    twice = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                 [helper.make_opsetid("", 17)])
    call = helper.make_node("Twice", ["x"], ["y"], domain="local")
    write("model", "function", model([call], [tensor("x", [2])], [tensor("y", [2])], functions=[twice]))
    shape = numpy_helper.from_array(numpy.array([0, -1], numpy.int64), "shape")
    reshape = [helper.make_node("Reshape", ["x", "shape"], ["r"]), helper.make_node("MatMul", ["r", "m"], ["y"])]
    matrix = numpy_helper.from_array(numpy.ones((6, 2), numpy.float32), "m")
    write("model", "reshape", model(reshape, [tensor("x", [1, 2, 3])], [tensor("y", None)], [shape, matrix]))
    write("model", "old", model(conv, [tensor("x", [1, 3, 8, 8]), tensor("w", [4, 3, 3, 3])], [tensor("y", None)], [weight], opset=7))
    external = numpy_helper.from_array(numpy.ones(4, numpy.float32), "w")
    onnx.external_data_helper.set_external_data(external, "weights.bin", 0, 16)
    external.ClearField("raw_data")
    add = [helper.make_node("Add", ["x", "w"], ["y"])]
    write("model", "external", model(add, [tensor("x", [4])], [tensor("y", [4])], [external]))


def saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def write_tensors():
    rng = numpy.random.default_rng(0)
    for dtype in ("float32", "float16", "int64", "uint8", "bool"):
        write("tensor", f"{dtype}.npy", saved(numpy.save, rng.integers(0, 2, (2, 3)).astype(dtype)))
    write("tensor", "fortran.npy", saved(numpy.save, numpy.asfortranarray(rng.random((3, 2, 2)))))
    write("tensor", "scalar.npy", saved(numpy.save, numpy.float64(3)))
    write("tensor", "big_endian.npy", saved(numpy.save, numpy.arange(3, dtype=">i4")))
    write("tensor", "stored.npz", saved(numpy.savez, x=numpy.arange(3), y=numpy.zeros((2, 2), numpy.float32)))
    write("tensor", "deflated.npz", saved(numpy.savez_compressed, x=numpy.zeros(100, numpy.uint8)))
    write("tensor", "raw.pb", numpy_helper.from_array(rng.random((2, 2)).astype("float32"), "x").SerializeToString())
    write("tensor", "typed.pb", helper.make_tensor("x", TensorProto.INT8, [3], [1, -2, 3]).SerializeToString())
    write("tensor", "int4.pb", helper.make_tensor("x", TensorProto.INT4, [3], [1, -2, 3]).SerializeToString())
    write("tensor", "half.pb", helper.make_tensor("x", TensorProto.FLOAT16, [2], [0.5, 1]).SerializeToString())


def write_images():
    pixels = numpy.fromfunction(lambda y, x, c: (8 * x + 5 * y + 60 * c) % 256, (13, 17, 3)).astype(numpy.uint8)
    picture = Image.fromarray(pixels)
    write("image", "rgb.jpg", saved(picture.save, format="JPEG"))
    write("image", "gray.jpg", saved(picture.convert("L").save, format="JPEG"))
    write("image", "progressive.jpg", saved(picture.save, format="JPEG", progressive=True))
    write("image", "cmyk.jpg", saved(picture.convert("CMYK").save, format="JPEG"))
    write("image", "rgb.png", saved(picture.save, format="PNG"))
    write("image", "palette.png", saved(picture.convert("P").save, format="PNG"))
    write("image", "alpha.png", saved(picture.convert("RGBA").save, format="PNG"))
    write("image", "bits16.png", saved(Image.fromarray(pixels[:, :, 0].astype(numpy.uint16) * 257).save, format="PNG"))


PLATFORM = """# set chip.link.bandwidth=2GB/s
name = "bench"
summary = "s"
[[link]]
name = "hub"
bandwidth = { value = "480 Mbit/s", source = "s" }
latency = { value = "35 µs", source = "s" }
[[link]]
name = "usb"
via = "hub"
bandwidth = { value = "440 MB/s", source = "s" }
bandwidth_back = { value = "1.5 GiB/s", source = "s" }
latency = { value = "0 ms", source = "s" }
[[device]]
name = "chip"
kind = "npu"
summary = "s"
precisions = ["int8", "fp32"]
link = "usb"
missing_ops = ["Loop"]
warning = "w"
memory = { value = "7.7 MiB", source = "s" }
[device.power]
source = "s"
idle = "250 mW"
active = "2 W"
[device.cost]
model = "roofline"
peak_fp32 = { value = "2.9 TFLOPS", source = "s" }
compute_efficiency = { value = 0.4, source = "s" }
memory_bandwidth = { value = "128 GB/s", source = "s" }
call_overhead = { value = "0.1 ms", source = "s" }
"""
REPLAY = """name = "replay"
summary = "s"
device = [{ name = "d", kind = "cpu", summary = "s", precisions = ["fp32"], power.source = "s", power.idle = "1 W", power.active = "2 W", cost.model = "replay", cost.row = [
  { source = "s", macs = 4096, time = "0.0586 ms" },
  { macs = { value = 0x4000, source = "s" }, time = { value = "0.2931 ms", source = 't' } },
] }]
"""
BASE = """name = "mine"
summary = "s"
[[link]]
name = "port"
base = "gtx1650/pcie"
bandwidth = { value = "1 GB/s", source = "s" }
[[device]]
name = "a"
base = "gtx1650"
link = "port"
[device.cost]
model = "replay"
[[device.cost.row]]
source = "s"
macs = 1
time = "1 ms"
[[device]]
name = "b"
base = "xeon-2.2ghz"
"""


def write_platforms():
    write("platform", "machine.toml", PLATFORM.encode())
    write("platform", "replay.toml", REPLAY.encode())
    write("platform", "base.toml", BASE.encode())
    write("platform", "deep.toml", b"[a.a.a.a.a.a.a.a.a.a]\nb = [[[[[[[[[1]]]]]]]]]\n")


def quantized(layers, shape, dtype=numpy.int8):
    """x, then layers of (operator, constants, attributes), each between QuantizeLinear and DequantizeLinear. Constants: integers, or (weights, scales, axis)."""
    nodes, initializers = [], []

    def constant(value):
        initializers.append(numpy_helper.from_array(value, f"c{len(initializers)}"))
        return initializers[-1].name

    def pair(name):
        scale, point = constant(numpy.float32(0.05)), constant(dtype(3))
        nodes.append(helper.make_node("QuantizeLinear", [name, scale, point], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", scale, point], [f"{name}_d"]))
        return f"{name}_d"

    def operand(value):
        if isinstance(value, numpy.ndarray):
            return constant(value)
        weights, scales, axis = value
        parts = [constant(weights), constant(numpy.float32(scales)), constant(numpy.zeros(numpy.shape(scales), weights.dtype))]
        nodes.append(helper.make_node("DequantizeLinear", parts, [f"{parts[0]}_d"], axis=axis))
        return f"{parts[0]}_d"

    name = pair("x")
    for i, (kind, constants, attributes) in enumerate(layers):
        nodes.append(helper.make_node(kind, [name, *map(operand, constants)], [f"t{i}"], f"n{i}", **attributes))
        name = pair(f"t{i}")
    return model(nodes, [tensor("x", shape)], [tensor(name, None)], initializers)


def write_quantized():
    rng = numpy.random.default_rng(1)
    weights = lambda *shape: rng.integers(-9, 9, shape).astype(numpy.int8)
    bias = (numpy.array([1, -2, 3], numpy.int32), [0.005, 0.01, 0.015], 0)
    layers = [("Conv", [(weights(3, 2, 3, 3), [0.1, 0.2, 0.3], 0), bias], {"pads": [1, 0, 0, 1], "strides": [2, 1]}),
              ("Relu", [], {}), ("MaxPool", [], {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}), ("Flatten", [], {}),
              ("Gemm", [(weights(4, 45), 0.1, 0)], {"transB": 1}), ("Softmax", [], {})]
    write("qdq", "convolution", quantized(layers, [1, 2, 6, 6]))
    layers = [("Conv", [(weights(4, 1, 2, 2), 0.1, 0)], {"group": 2}), ("Transpose", [], {"perm": [0, 2, 3, 1]}),
              ("Slice", [numpy.array([1]), numpy.array([3]), numpy.array([1]), numpy.array([2])], {}),
              ("Reshape", [numpy.array([2, -1])], {}), ("Add", [(weights(1, 1), 0.1, 0)], {}), ("Sigmoid", [], {})]
    write("qdq", "moves", quantized(layers, [1, 2, 5, 5], numpy.uint8))
    layers = [("ConvTranspose", [(weights(2, 3, 3, 3), 0.1, 0)], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
              ("Pad", [numpy.array([0, 0, 1, 0, 0, 0, 0, 1])], {}), ("AveragePool", [], {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}),
              ("ReduceMean", [], {"axes": [2], "keepdims": 0}), ("MatMul", [(weights(8, 5), [0.1] * 5, 1)], {})]
    write("qdq", "transposed", quantized(layers, [1, 2, 4, 4]))


def write_tflite():
    """Models of the integration tests, and a file in which the Edge TPU's code is only talked about."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
    import make_tflite

    with tempfile.TemporaryDirectory() as folder:
        make_tflite.write_all(Path(folder))
        for file in ("conv_int8_channels.tflite", "edgetpu_custom.tflite"):
            write("tflite", file, (Path(folder) / file).read_bytes())
        decoy = make_tflite.ModelWriter()
        x = decoy.tensor("edgetpu-custom-op", [1, 8], "float32")
        y = decoy.tensor("y", [1, 8], "float32")
        decoy.operator(make_tflite.schema.BuiltinOperator.RELU, [x], [y])
        decoy.write(Path(folder) / "decoy.tflite", [x], [y])
        write("tflite", "decoy.tflite", (Path(folder) / "decoy.tflite").read_bytes())


if __name__ == "__main__":
    write_models()
    write_tensors()
    write_images()
    write_platforms()
    write_tflite()
    write_quantized()
