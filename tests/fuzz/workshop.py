"""Where mutated files are made: a folder per case, the sound models that mutations start from, and what a case is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BAD = frozenset({2, 3})
ANY = frozenset({0, 2, 3})


@dataclass
class Case:
    """One call of the program and how it may end.

    `codes` are the allowed exit codes. 0 is among them only where `harmless` says why. For a refusal, the message has to hold
    one of `mentions`.
    """

    name: str
    arguments: list
    codes: frozenset[int] = BAD
    mentions: tuple[str, ...] = ()
    harmless: str = ""
    forbidden: tuple[str, ...] = ()  # paths that must not be opened, checked under strace


def small_model(dtype: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """x [1,3,8,8] → Conv → Relu → GlobalAveragePool → Flatten → Gemm → y [1,4], with true initializers."""
    rng = np.random.Generator(np.random.PCG64(3))
    arrays = {
        "w": rng.standard_normal((6, 3, 3, 3)),
        "b": rng.standard_normal(6),
        "fc": rng.standard_normal((6, 4)),
        "fcb": rng.standard_normal(4),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"], name="pool"),
        helper.make_node("Flatten", ["g"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "fc", "fcb"], ["y"], name="gemm"),
    ]
    x = helper.make_tensor_value_info("x", dtype, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", dtype, [1, 4])
    weights = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "small", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def identity_model(shape: list, dtype: int = TensorProto.FLOAT, inputs: tuple[str, ...] = ("x",)) -> onnx.ModelProto:
    """Copies each input to an output of its own ("x" to "x_out")."""
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"], name=f"copy_{name}") for name in inputs]
    ports = [helper.make_tensor_value_info(name, dtype, shape) for name in inputs]
    results = [helper.make_tensor_value_info(f"{name}_out", dtype, shape) for name in inputs]
    graph = helper.make_graph(nodes, "identity", ports, results)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def small_input() -> np.ndarray:
    return np.random.Generator(np.random.PCG64(4)).standard_normal((1, 3, 8, 8), np.float32)


class Workshop:
    """Writes files under one folder and collects cases."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.cases: list[Case] = []

    def folder_of(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, file: str, data: bytes) -> Path:
        path = self.folder_of(name) / file
        path.write_bytes(data)
        return path

    def output(self, name: str) -> Path:
        """Where a run of this case would put its outputs, should it succeed."""
        return self.folder_of(name) / "out"

    def add(self, name: str, arguments: list, **expectations) -> Case:
        case = Case(name, arguments, **expectations)
        self.cases.append(case)
        return case

    def inspect(self, name: str, model: bytes | onnx.ModelProto, file: str = "model.onnx", command: str = "inspect", **expectations) -> Case:
        """A case of `consort inspect`, or another command of one file, on a mutated model."""
        path = self.write(name, file, model if isinstance(model, bytes) else model.SerializeToString())
        expectations.setdefault("mentions", (file,))
        return self.add(name, [command, path], **expectations)

    def run(self, name: str, model: bytes | onnx.ModelProto, *more, file: str = "model.onnx", device: str = "cpu@onnxruntime", **expectations) -> Case:
        """A case of `consort run` on a mutated model."""
        path = self.write(name, file, model if isinstance(model, bytes) else model.SerializeToString())
        expectations.setdefault("mentions", (file,))
        return self.add(name, ["run", "-m", path, "-d", device, "-o", self.output(name), *more], **expectations)

    def run_with(self, name: str, file: str, data: bytes, *more, model: onnx.ModelProto | None = None, port: str = "x", **expectations) -> Case:
        """A case of `consort run` of a sound model on a mutated input file."""
        path = self.write(name, file, data)
        sound = self.write(name, "sound.onnx", (model or small_model()).SerializeToString())
        expectations.setdefault("mentions", (file,))
        return self.add(name, ["run", "-m", sound, "-d", "cpu@onnxruntime", "-i", f"{port}={path}", "-o", self.output(name), *more], **expectations)
