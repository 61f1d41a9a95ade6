#!/usr/bin/env python3
"""How exactly a .tflite file that Consort writes computes what the quantized ONNX model computes.

    .deps/venv/bin/python benchmarks/tflite_layers.py [NETWORK ...] [--quantizer onnxruntime|consort] [--size N] [--images N]

Each network is made by `consort make`, quantized with calibration images from a seed, and converted by `consort convert`.
Layer by layer: the reference is the quantized model on ONNX Runtime without graph optimisations, every quantized tensor
of it kept; each operator is cut out with its quantizations, converted by itself, and fed the reference's stored inputs on
LiteRT. Printed is the share of equal values of all layers together, and the smallest share of values that differ by at
most one step in a layer. End to end:
SQNR of the .tflite file on LiteRT and of the quantized model on ONNX Runtime, both against the float model, over images
that did not calibrate. Exit code 1 where a layer has less than 99.9 % or the two SQNRs differ by more than 1 dB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from onnx import helper

REPOSITORY = Path(__file__).resolve().parents[1]
BINARY = Path(os.environ.get("CONSORT_BINARY", REPOSITORY / "build" / "release" / "bin" / "consort"))
NETWORKS = ("lenet", "mobilenet-v1", "mobilenet-v2", "resnet-50", "inception-v1", "seed-cnn", "seed-cnn-large")
LEAST_SHARE, MOST_DB = 0.999, 1.0
QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
FIXED_STEP, FIXED_POINT = 1 / 256, -128  # what Softmax is written at where nothing quantizes it


def consort(*arguments) -> dict:
    done = subprocess.run([str(BINARY), *map(str, arguments), "--format", "json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"consort {' '.join(map(str, arguments))}\n{done.stderr}")
    return json.loads(done.stdout) if done.stdout.startswith("{") else {}


def images(model: onnx.ModelProto, count: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Smooth random pictures: noise of several sizes, as photographs have."""
    rng = np.random.Generator(np.random.PCG64(seed))
    port = model.graph.input[0]
    shape = [axis.dim_value for axis in port.type.tensor_type.shape.dim]
    height, width = (shape + [1, 1])[2:4]

    def picture():
        total = np.zeros(shape, np.float32)
        for cells in (2, 4, 8, 16, 32):
            coarse = rng.standard_normal((*shape[:2], min(cells, height), min(cells, width)), np.float32)
            rows = np.arange(height) * coarse.shape[2] // height
            columns = np.arange(width) * coarse.shape[3] // width
            total += coarse[:, :, rows][:, :, :, columns]
        return total / np.float32(np.sqrt(5))

    return [{port.name: picture()} for _ in range(count)]


# --- Quantizing ------------------------------------------------------------------------------------------------------------


def quantize(float_path: Path, folder: Path, quantizer: str, calibration: list[dict[str, np.ndarray]]) -> Path:
    quantized = folder / "quantized.onnx"
    if quantizer == "consort":
        np.savez(folder / "calibration.npz", **{name: np.concatenate([feed[name] for feed in calibration]) for name in calibration[0]})
        consort("quantize", float_path, "-o", quantized, "--calibration", folder / "calibration.npz")
        return quantized
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = folder / "prepared.onnx"
    quant_pre_process(str(float_path), str(prepared), skip_symbolic_shape=True)

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.feeds = iter(calibration)

        def get_next(self):
            return next(self.feeds, None)

    quantization.quantize_static(str(prepared), str(quantized), Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                 activation_type=quantization.QuantType.QInt8, weight_type=quantization.QuantType.QInt8)
    return quantized


# --- Running ---------------------------------------------------------------------------------------------------------------


def session(model: onnx.ModelProto, level=onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def stored(real: np.ndarray, step: float, point: int) -> np.ndarray:
    return np.clip(np.rint(real / np.float32(step)) + point, -128, 127).astype(np.int8)


class Written:
    """A quantized ONNX model, converted, on LiteRT."""

    def __init__(self, model: Path, folder: Path):
        path = folder / f"{model.stem}.tflite"
        self.report = consort("convert", model, "-o", path)
        self.interpreter = Interpreter(str(path), num_threads=1)
        self.interpreter.allocate_tensors()

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Stored or real numbers in, stored ones out; axes as in ONNX."""
        ports = {port["name"]: port for port in self.report["inputs"]}
        for detail in self.interpreter.get_input_details():
            port = ports[detail["name"]]
            value = feeds[detail["name"]]
            if value.dtype == np.float32:
                value = stored(value, port["scale"][0], port["zero_point"][0])
            elif value.dtype == np.uint8:
                value = (value.astype(np.int16) - 128).astype(np.int8)
            self.interpreter.set_tensor(detail["index"], np.ascontiguousarray(value.transpose(port["order"])))
        self.interpreter.invoke()
        ports = {port["name"]: port for port in self.report["outputs"]}
        results = {}
        for detail in self.interpreter.get_output_details():
            value = self.interpreter.get_tensor(detail["index"])
            results[detail["name"]] = value.transpose(np.argsort(ports[detail["name"]]["order"]))
        return results

    def real(self, results: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        ports = {port["name"]: port for port in self.report["outputs"]}
        return {name: (value.astype(np.float32) - ports[name]["zero_point"][0]) * np.float32(ports[name]["scale"][0])
                for name, value in results.items()}


# --- Layers ----------------------------------------------------------------------------------------------------------------


@dataclass
class Layer:
    name: str
    kind: str
    nodes: list
    inputs: list[str]  # stored tensors
    output: str  # a stored tensor; a real one where nothing quantizes it


class Network:
    """What stands where in a quantized model."""

    def __init__(self, model: onnx.ModelProto):
        self.model = onnx.shape_inference.infer_shapes(model)
        self.graph = self.model.graph
        self.maker = {output: node for node in self.graph.node for output in node.output}
        self.readers: dict[str, list] = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        values = (*self.graph.value_info, *self.graph.input, *self.graph.output)
        self.types = {value.name: value.type.tensor_type for value in values}

    def layers(self) -> list[Layer]:
        found, inside = [], set()
        for node in self.graph.node:
            if node.op_type in QUANTIZERS or node.op_type == "Constant" or node.name in inside:
                continue
            nodes = [node]
            while (following := self.only_reader(nodes[-1].output[0])) is not None and following.op_type in ("Relu", "Clip"):
                nodes.append(following)
                inside.add(following.name)
            layer = self.layer(nodes)
            if layer:
                found.append(layer)
        return found

    def only_reader(self, name: str):
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 else None

    def layer(self, nodes: list) -> Layer | None:
        before, inputs = [], []
        made = {output for node in nodes for output in node.output}
        for name in (name for node in nodes for name in node.input if name and name not in made):
            maker = self.maker.get(name)
            if maker is None or maker.op_type == "Constant":
                before += [maker] if maker else []
            elif maker.op_type == "DequantizeLinear":
                before.append(maker)
                inputs += [maker.input[0]] if maker.input[0] not in self.constants else []
            else:
                return None
        output = nodes[-1].output[0]
        behind = [reader for reader in self.readers.get(output, []) if reader.op_type == "QuantizeLinear"][:1]
        if not inputs or (not behind and nodes[-1].op_type != "Softmax"):
            return None
        unique = list({node.output[0]: node for node in before}.values())
        return Layer(nodes[0].name, nodes[0].op_type, unique + nodes + behind, list(dict.fromkeys(inputs)), behind[0].output[0] if behind else output)

    def port(self, name: str):
        tensor = self.types[name]
        return helper.make_tensor_value_info(name, tensor.elem_type, [axis.dim_value for axis in tensor.shape.dim])

    def alone(self, layer: Layer) -> onnx.ModelProto:
        names = {name for node in layer.nodes for name in node.input}
        constants = [self.constants[name] for name in sorted(names) if name in self.constants]
        graph = helper.make_graph(layer.nodes, layer.name, [self.port(name) for name in layer.inputs], [self.port(layer.output)], constants)
        return helper.make_model(graph, opset_imports=list(self.model.opset_import), ir_version=self.model.ir_version)

    def reference(self, layers: list[Layer], feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The stored numbers of every layer's inputs and output."""
        opened = onnx.ModelProto()
        opened.CopyFrom(self.model)
        names = sorted({name for layer in layers for name in (*layer.inputs, layer.output)})
        del opened.graph.output[:]
        opened.graph.output.extend(self.port(name) for name in names)
        return dict(zip(names, session(opened, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL).run(names, feeds)))


@dataclass
class Agreement:
    """Of one layer's stored numbers with the reference's."""

    layer: Layer
    values: int = 0
    equal: int = 0
    near: int = 0  # one step apart at most
    farthest: int = 0  # steps

    def add(self, steps: np.ndarray) -> None:
        self.values, self.equal, self.near = self.values + steps.size, self.equal + int((steps == 0).sum()), self.near + int((steps <= 1).sum())
        self.farthest = max(self.farthest, int(steps.max()))

    @property
    def share(self) -> float:
        return self.near / self.values


def compare_layers(network: Network, feeds: list[dict[str, np.ndarray]], folder: Path) -> list[Agreement]:
    layers = network.layers()
    known = [network.reference(layers, feed) for feed in feeds]
    results = []
    for number, layer in enumerate(layers):
        path = folder / f"layer{number}.onnx"
        onnx.save(network.alone(layer), path)
        written = Written(path, folder)
        agreement = Agreement(layer)
        for values in known:
            (got,) = written.run({name: values[name] for name in layer.inputs}).values()
            wanted = values[layer.output]
            if wanted.dtype == np.float32:
                wanted = stored(wanted, FIXED_STEP, FIXED_POINT)
            elif wanted.dtype == np.uint8:
                wanted = wanted.astype(np.int16) - 128
            agreement.add(np.abs(got.astype(np.int16) - wanted.astype(np.int16)))
        results.append(agreement)
        path.unlink()
    return results


# --- The whole -------------------------------------------------------------------------------------------------------------


def sqnr(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    signal = sum(float((wanted.astype(np.float64) ** 2).sum()) for wanted, _ in pairs)
    noise = sum(float(((wanted.astype(np.float64) - got) ** 2).sum()) for wanted, got in pairs)
    return 10 * np.log10(signal / noise) if noise > 0 else np.inf


def examine(name: str, options: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        float_path = folder / "float.onnx"
        consort("make", name, "-o", float_path, *(["--size", options.size] if options.size and name != "lenet" else []))
        real = onnx.load(float_path)
        path = quantize(float_path, folder, options.quantizer, images(real, options.images, 1))
        quantized = onnx.load(path)
        layers = compare_layers(Network(quantized), images(real, 2, 3), folder)
        written = Written(path, folder)
        output = real.graph.output[0].name
        float_session, quantized_session = session(real), session(quantized)
        onnx_pairs, tflite_pairs = [], []
        for feed in images(real, options.images, 2):
            (wanted,) = float_session.run([output], feed)
            onnx_pairs.append((wanted, quantized_session.run([output], feed)[0]))
            tflite_pairs.append((wanted, written.real(written.run(feed))[output]))
    equal = sum(result.equal for result in layers) / sum(result.values for result in layers)
    below = [f"{result.layer.kind} '{result.layer.name}' {100 * result.share:.3f} %" for result in layers if result.share < LEAST_SHARE]
    of_onnx, of_tflite = sqnr(onnx_pairs), sqnr(tflite_pairs)
    print(f"{name:16} {len(layers):4} layers: {100 * equal:8.4f} % equal, least within 1 step {100 * min(result.share for result in layers):8.4f} %, "
          f"largest difference {max(result.farthest for result in layers)}; SQNR {of_tflite:.2f} dB on LiteRT, {of_onnx:.2f} dB on ONNX Runtime", flush=True)
    if below:
        print(f"{'':16} below {100 * LEAST_SHARE} %: {', '.join(below)}")
    return not below and of_tflite >= of_onnx - MOST_DB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--quantizer", choices=("onnxruntime", "consort"), default="onnxruntime")
    parser.add_argument("--size", type=int, help="side of the images; default: the network's own")
    parser.add_argument("--images", type=int, default=8)
    options = parser.parse_args()
    return 0 if all([examine(name, options) for name in options.networks]) else 1


if __name__ == "__main__":
    sys.exit(main())
