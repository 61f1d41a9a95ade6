"""Commands of the program as functions over arrays: quantize, shard, run. Each raises what the program said when it failed."""

from pathlib import Path

import numpy as np
from consort_cli import call, call_json


def quantize(model: Path, precision: str, calibration: dict[str, np.ndarray], output: Path, *more) -> Path:
    """Calibration inputs by name; axis 0 counts the samples."""
    samples = output.with_suffix(".calibration.npz")
    np.savez(samples, **calibration)
    outcome = call("quantize", model, "-o", output, "--precision", precision, "--calibration", samples, *more)
    assert outcome.code == 0, outcome.describe()
    return output


def to_tflite(quantized: Path) -> Path:
    """The quantized model as a TensorFlow Lite file beside it, for one sample at a time; inputs and outputs float32 and in ONNX's order of axes."""
    output = quantized.with_suffix(".tflite")
    outcome = call("convert", quantized, "-o", output, "--ports", "float32", "--keep-port-layout", "--dim", "batch=1")
    assert outcome.code == 0, outcome.describe()
    return output


def shard(model: Path, tensor: str, folder: Path) -> list[Path]:
    """The two models before and behind the cut where `tensor` has been made; what an earlier call wrote to the folder is replaced."""
    manifest = call_json("shard", model, "-o", folder, "--at", tensor, "--force")["manifest"]
    return [folder / part["file"] for part in manifest["shards"]]


def run(model: Path, target: str, inputs: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """The outputs by name, axis 0 over the samples: all in one call, or a call each where a .tflite takes one. `folder` keeps the arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "inputs.npz", **inputs)
    one_by_one = ["--sequence", *inputs] if model.suffix == ".tflite" else []
    report = call_json("run", "-m", model, "-d", target, "-i", folder / "inputs.npz", "-o", folder, "--placement", "none", *one_by_one)
    outputs = {output["name"]: np.load(output["file"]) for output in report["targets"][0]["outputs"]}
    return {name: value[:, 0] if one_by_one else value for name, value in outputs.items()}


def run_chain(parts: list[tuple[Path, str]], inputs: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """Models with their targets, one after the other; each takes what the one before made. The outputs of the last."""
    for index, (model, target) in enumerate(parts):
        inputs = run(model, target, inputs, folder / str(index))
    return inputs
