#!/usr/bin/env python3
"""What 8 bits do to four real models at their own tasks: `consort quantize` beside ONNX Runtime's and NNCF's quantizers, on the same data.

    .deps/venv/bin/python benchmarks/quantize_real_models.py [--models A,B] [--engines E,F] [--precision P] [--options=WORDS] [--rounds N] [--nncf PYTHON]

PP-OCR's detector and recogniser, MiniLM and silero-vad; real_tasks.py makes their inputs, and calibrates with other parts of the images and the
track than it tests with. Every quantizer gets the same float model with fixed shapes and the same calibration inputs. ONNX Runtime's uses its
defaults but for weights per channel; NNCF's is told of transformers, chooses its types itself, and is run by the Python that --nncf names. All
files are run by the engines' Python APIs.

SQNR: of the judged output against the float model's on the same engine; the median of the test inputs, of silero-vad that of all frames, which hand
on their own states. With --rounds, how long one call takes on one thread, the float model and every quantizer's in turn, round by round: the median,
and the float model's time over it with the middle half of the rounds. Exit code 1 when, in the median of models and engines, Consort's SQNR is more
than 0.5 dB below the better peer's.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.preprocess import quant_pre_process
from real_tasks import TASKS, Case, Task, outputs_of

import consort_steps  # noqa: E402  (real_tasks has put its folder on the path)
import engines  # noqa: E402

ALLOWED_DB = 0.5
RUNNERS = {"onnxruntime": engines.onnxruntime_runner, "openvino": engines.openvino_runner}


class Reader(CalibrationDataReader):
    def __init__(self, cases: list[Case]):
        self.cases = iter(cases)

    def get_next(self):
        return next(self.cases, None)


def by_consort(precision: str, options: list[str]) -> Callable[[Task, Path, Path], Path]:
    def quantize(task: Task, model: Path, folder: Path) -> Path:
        stacked = {name: np.concatenate([case[name] for case in task.calibration]) for name in task.calibration[0]}
        return consort_steps.quantize(model, precision, stacked, folder / "consort.onnx", *options)

    return quantize


def by_onnxruntime(precision: str) -> Callable[[Task, Path, Path], Path]:
    def quantize(task: Task, model: Path, folder: Path) -> Path:
        prepared, output = folder / "prepared.onnx", folder / "onnxruntime.onnx"
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        activations = QuantType.QUInt8 if precision == "uint8" else QuantType.QInt8
        quantize_static(str(prepared), str(output), Reader(task.calibration), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=activations, weight_type=QuantType.QInt8)
        return output

    return quantize


def by_nncf(python: Path) -> Callable[[Task, Path, Path], Path]:
    def quantize(task: Task, model: Path, folder: Path) -> Path:
        for index, case in enumerate(task.calibration):
            np.savez(folder / f"calibration{index:03}.npz", **case)
        output = folder / "nncf.onnx"
        command = [python, Path(__file__).with_name("nncf_quantize.py"), task.kind, model, output, *sorted(folder.glob("calibration*.npz"))]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return output

    return quantize


def sqnr_db(reference: list[Case], changed: list[Case], task: Task) -> float:
    """10 log10 of the reference's energy over the difference's."""
    pairs = [[outputs[task.output].astype(np.float64).ravel() for outputs in side] for side in (reference, changed)]
    if task.sequence:
        pairs = [[np.concatenate(side)] for side in pairs]
    with np.errstate(divide="ignore"):
        return float(np.median([10 * np.log10(np.sum(a * a) / np.sum((a - b) ** 2)) for a, b in zip(*pairs)]))


def reason(error: Exception) -> str:
    """The line of a message that says most: Consort's own, else the first that does more than name a place in OpenVINO's source."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Exception from")] or [type(error).__name__]
    return next((line for line in lines if line.startswith("consort: ")), lines[0])


def measure(name: str, quantizers: dict[str, Callable], engine_names: list[str], rounds: int, folder: Path) -> list[float]:
    """Prints the rows of a model; Consort's SQNR less the better peer's on each engine, without limit below where it has none."""
    folder.mkdir(parents=True)
    task = TASKS[name](folder)
    model = folder / f"{name}.onnx"
    onnx.save(task.model, model)
    references = {engine: outputs_of(task, RUNNERS[engine](task.model)) for engine in engine_names}
    found: dict[tuple[str, str], float] = {}
    runners: dict[str, dict[str, Callable]] = {engine: {"float": RUNNERS[engine](task.model)} for engine in engine_names}
    for quantizer, quantize in quantizers.items():
        try:
            changed = onnx.load(quantize(task, model, folder))
        except Exception as error:  # noqa: BLE001: whatever a peer raises is a row of the table
            print(f"{name:11} {quantizer:12} failed: {reason(error)}", flush=True)
            continue
        for engine in engine_names:
            try:
                runner = RUNNERS[engine](changed)
                outputs = outputs_of(task, runner)
            except Exception as error:  # noqa: BLE001
                print(f"{name:11} {quantizer:12} {engine:11} refused: {reason(error)}", flush=True)
                continue
            runners[engine][quantizer] = runner
            found[quantizer, engine] = sqnr_db(references[engine], outputs, task)
            print(f"{name:11} {quantizer:12} {engine:11} {found[quantizer, engine]:6.2f}  {task.agreement(references[engine], outputs)}", flush=True)
    for engine in engine_names if rounds else []:
        print_times(name, engine, task, runners[engine], rounds)
    return gains(found, engine_names)


def print_times(name: str, engine: str, task: Task, runners: dict[str, Callable], rounds: int) -> None:
    """Calls of all runners in turn; the order changes from round to round."""
    times = {who: [] for who in runners}
    order = list(runners)
    case = task.tests[0]
    for round_ in range(rounds + 2):
        for who in order[round_ % len(order):] + order[:round_ % len(order)]:
            begin = time.perf_counter()
            runners[who](case)
            if round_ >= 2:  # warm by then
                times[who].append(1e3 * (time.perf_counter() - begin))
    for who, values in times.items():
        low, middle, high = np.quantile(np.array(times["float"]) / np.array(values), (0.25, 0.5, 0.75))
        print(f"{name:11} {who:12} {engine:11} {np.median(values):8.3f} ms  {middle:5.2f}x [{low:.2f}, {high:.2f}]", flush=True)


def gains(found: dict[tuple[str, str], float], engine_names: list[str]) -> list[float]:
    result = []
    for engine in engine_names:
        peers = [value for (quantizer, on), value in found.items() if on == engine and quantizer != "consort"]
        if peers:
            result.append(found.get(("consort", engine), -np.inf) - max(peers))
    return result


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--models", type=words, default=list(TASKS), help=f"of {', '.join(TASKS)}")
    parser.add_argument("--engines", type=words, default=list(RUNNERS))
    parser.add_argument("--precision", choices=("int8", "uint8"), default="int8", help="of the activations")
    parser.add_argument("--options", type=str.split, default=[], help="more for `consort quantize`, in one word: --options='--method mse'")
    parser.add_argument("--rounds", type=int, default=0, help="of the timing; 0: nothing is timed")
    parser.add_argument("--nncf", type=Path, help="a Python that has nncf, onnx and onnxruntime")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    logging.disable(logging.WARNING)  # ONNX Runtime's quantizer warns of every vector that has no channels
    precision = arguments.precision
    quantizers: dict[str, Callable] = {"consort": by_consort(precision, arguments.options), "onnxruntime": by_onnxruntime(precision)}
    if arguments.nncf:
        quantizers["nncf"] = by_nncf(arguments.nncf)
    else:
        print("nncf is not measured: name a Python that has it with --nncf")
    print(f"{'model':11} {'quantizer':12} {'engine':11} {'SQNR':>6}  agreement with fp32")
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            differences += measure(name, quantizers, arguments.engines, arguments.rounds, Path(folder) / name)
    if not differences:
        print("nothing to compare: no peer has figures")
        return 1
    middle = float(np.median(differences))
    print(f"Consort less the better peer: {', '.join(f'{value:+.2f}' for value in differences)} dB; median {middle:+.2f} dB")
    if middle < -ALLOWED_DB:
        print(f"missed: the median is below -{ALLOWED_DB} dB")
    return 1 if middle < -ALLOWED_DB else 0


if __name__ == "__main__":
    sys.exit(main())
