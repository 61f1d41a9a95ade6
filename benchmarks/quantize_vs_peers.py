#!/usr/bin/env python3
"""What does 8-bit quantization cost in accuracy? `consort quantize` against ONNX Runtime's quantize_static and NNCF, on the same samples.

    .deps/venv/bin/python benchmarks/quantize_vs_peers.py [--models A,B] [--methods minmax,mse] [--samples N] [--seed S]

Networks come from `consort make`, samples are uniform in [0, 1) from a seed: so many for the calibration, and 16 others on which every
quantized model is compared with the float one, all on ONNX Runtime with one thread and all optimisations. The figure is the
signal-to-quantization-noise ratio of the first output in decibels. ONNX Runtime's tool works on what its own pre-processing makes
of the model, in QDQ form, weights in int8 per channel. NNCF runs where it can be imported, else its column says so.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

BINARY = os.environ.get("CONSORT_BINARY", Path(__file__).parents[1] / "build" / "release" / "bin" / "consort")
MODELS = {
    "lenet": ["lenet"],
    "mobilenet-v1": ["mobilenet-v1"],
    "mobilenet-v2": ["mobilenet-v2"],
    "resnet-50": ["resnet-50"],
    "inception-v1": ["inception-v1"],
}
EVALUATED = 16
ORT_METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}


def consort(*arguments) -> dict:
    done = subprocess.run([str(BINARY), *map(str, arguments), "--format", "json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"consort {' '.join(map(str, arguments))}\n{done.stderr}")
    return json.loads(done.stdout)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def outputs(path: Path, name: str, stack: np.ndarray) -> np.ndarray:
    run = session(path).run
    return np.concatenate([run(None, {name: stack[i : i + 1]})[0].ravel() for i in range(len(stack))]).astype(np.float64)


def sqnr_db(path: Path, reference: np.ndarray, name: str, stack: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2) / np.sum((outputs(path, name, stack) - reference) ** 2)))


class Reader(CalibrationDataReader):
    def __init__(self, name: str, stack: np.ndarray):
        self.samples = iter([{name: stack[i : i + 1]} for i in range(len(stack))])

    def get_next(self):
        return next(self.samples, None)


def by_onnxruntime(model: Path, out: Path, name: str, stack: np.ndarray, activation: str, method: str) -> None:
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    kind = QuantType.QInt8 if activation == "int8" else QuantType.QUInt8
    quantize_static(
        str(prepared), str(out), Reader(name, stack), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=kind,
        weight_type=QuantType.QInt8, calibrate_method=ORT_METHODS[method],
    )  # fmt: skip


def by_nncf(model: Path, out: Path, name: str, stack: np.ndarray):
    import nncf

    dataset = nncf.Dataset([stack[i : i + 1] for i in range(len(stack))], lambda item: {name: item})
    onnx.save(nncf.quantize(onnx.load(model), dataset, subset_size=len(stack)), out)


def attempt(step) -> str:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # ONNX Runtime's tool talks
            return f"{step():.1f}"
    except ModuleNotFoundError:
        return "not installed"
    except Exception as error:  # a peer's failure is a result
        return f"failed: {type(error).__name__}"


def row(network: str, activation: str, method: str, folder: Path, samples: int, seed: int) -> str:
    model = folder / f"{network}.onnx"
    if not model.exists():
        consort("make", *MODELS[network], "-o", model)
    port = onnx.load(model).graph.input[0]
    shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
    stack = np.random.default_rng(seed).random((samples + EVALUATED, *shape[1:]), np.float32)
    calibration, evaluation = stack[:samples], stack[samples:]
    np.savez(folder / "calibration.npz", **{port.name: calibration})
    np.savez(folder / "validation.npz", **{port.name: evaluation})
    reference = outputs(model, port.name, evaluation)
    ours, theirs, nncfs = (folder / f"{name}.onnx" for name in ("ours", "theirs", "nncf"))
    started = time.monotonic()
    consort("quantize", model, "-o", ours, "--precision", activation, "--method", method, "--calibration", folder / "calibration.npz",
            "--validation", folder / "validation.npz")  # fmt: skip
    seconds = time.monotonic() - started

    def peer(make, path, *arguments):
        make(model, path, port.name, calibration, *arguments)
        return sqnr_db(path, reference, port.name, evaluation)

    known = method in ORT_METHODS
    by_ort = attempt(lambda: peer(by_onnxruntime, theirs, activation, method)) if known else "has no such"
    figures = [f"{sqnr_db(ours, reference, port.name, evaluation):.1f}", by_ort, attempt(lambda: peer(by_nncf, nncfs)), f"{seconds:.0f} s"]
    return f"| {' | '.join([network, activation, method, *figures])} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--models", type=words, default=list(MODELS))
    parser.add_argument("--methods", type=words, default=["minmax"])
    parser.add_argument("--activations", type=words, default=["int8", "uint8"])
    parser.add_argument("--samples", type=int, default=16, help="of the calibration")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"SQNR in dB on {EVALUATED} other samples; onnxruntime {onnxruntime.__version__}, {arguments.samples} calibration samples\n")
    print("| network | activations | ranges | Consort | ONNX Runtime | NNCF | Consort took |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for network in arguments.models:
            for activation in arguments.activations:
                for method in arguments.methods:
                    print(row(network, activation, method, Path(folder), arguments.samples, arguments.seed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
