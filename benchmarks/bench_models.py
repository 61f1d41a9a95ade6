"""The models that the benchmarks in Python run, with the inputs that each wants."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

from consort_cli import BINARY  # noqa: E402
from model_inputs import load_models, make_inputs  # noqa: E402

ZOO = ("mobilenet-v2", "resnet-50", "squeezenet-1.0")


@dataclass(frozen=True)
class BenchModel:
    """A model file with fixed shapes, and one set of inputs as an .npz file."""

    name: str
    path: Path
    inputs: Path


def prepare(name: str, folder: Path) -> BenchModel:
    """A model of models.json, or what `consort make` makes of these words, written to `folder`. The inputs are the same at every call."""
    real = load_models().get(name)
    model, inputs = (real.bound(), make_inputs(real, 0)) if real else make(name, folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.replace("/", "_").replace(" ", "_")
    path = folder / f"{stem}.onnx"
    path.write_bytes(model.SerializeToString())
    np.savez(folder / f"{stem}.npz", **inputs)
    return BenchModel(name, path, folder / f"{stem}.npz")


def make(name: str, folder: Path) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A network of `consort make` ("matvec --side 4096") and noise of unit deviation for its inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace(' ', '_')}.made.onnx"
    subprocess.run([BINARY, "make", *name.split(), "-o", path], check=True, stdout=subprocess.DEVNULL)
    model = onnx.load(path)
    rng = np.random.Generator(np.random.PCG64(0))
    inputs = {}
    for port in model.graph.input:
        tensor = port.type.tensor_type
        assert tensor.elem_type == onnx.TensorProto.FLOAT, f"{name}: input {port.name} is not float32"
        inputs[port.name] = rng.standard_normal([dim.dim_value for dim in tensor.shape.dim], np.float32)
    return model, inputs
