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


def shard(model: Path, tensor: str, folder: Path) -> list[Path]:
    """The two models before and behind the cut where `tensor` has been made; what an earlier call wrote to the folder is replaced."""
    manifest = call_json("shard", model, "-o", folder, "--at", tensor, "--force")["manifest"]
    return [folder / part["file"] for part in manifest["shards"]]


def run(model: Path, target: str, inputs: dict[str, np.ndarray], folder: Path, *more) -> dict[str, np.ndarray]:
    """All samples in one call; the outputs by name. `folder` keeps inputs and outputs."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "inputs.npz", **inputs)
    report = call_json("run", "-m", model, "-d", target, "-i", folder / "inputs.npz", "-o", folder, "--placement", "none", *more)
    return {output["name"]: np.load(output["file"]) for output in report["targets"][0]["outputs"]}


def run_chain(parts: list[tuple[Path, str]], inputs: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """Models with their targets, one after the other; each takes what the one before made. The outputs of the last."""
    for index, (model, target) in enumerate(parts):
        inputs = run(model, target, inputs, folder / str(index))
    return inputs
