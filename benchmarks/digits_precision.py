#!/usr/bin/env python3
"""How many digits does a net get wrong because of its precision? Two nets, 5 folds over all 1,797 images, each image counted in pairs.

    .deps/venv/bin/python benchmarks/digits_precision.py [--nets A,B] [--precisions P,Q] [--engines E,F] [--folds N] [--keep FOLDER]

Each net is trained on four fifths of the digits (in NumPy, seeded), written as ONNX, and quantized by `consort quantize`, which sees images of the
training part only. `consort run` then classifies the other fifth with both files; LiteRT runs what `consort convert` makes of the integer files.
Sharded: `consort shard` cuts the float net in two, one part is quantized, and the parts run one after the other, on two engines. A row sums the
folds, so that every image counts once.

The CPU computes in integers for the integer files. It has no fp16: those files are computed in fp32 from rounded values; so are bf16's, and in
openvino/bf16 the float file is computed in bf16.

right: images after the change. SQNR: of the logits, in dB. before, after: images that only the float net on the same engine (for LiteRT: on the
first one) gets right, that only the changed one does. lost: the difference, which has to stay within the bound. Exit code 1 when a bound is
missed or a float net is below 97 %.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # products of this size are slower on several

import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import digits  # noqa: E402
import onnx  # noqa: E402
from consort_cli import call_json  # noqa: E402
from consort_steps import quantize, run, run_chain, shard, to_tflite  # noqa: E402
from digit_nets import NETS, Net, to_onnx, train  # noqa: E402
from paired_counts import ALLOWED, PairedCounts, compare  # noqa: E402

LEAST_ACCURACY = 0.97
CALIBRATION_IMAGES = 256
WHOLE, SHARDED = "whole", "sharded"
LITERT, INTEGERS = "litert", ("int8", "uint8")
BF16 = "cpu@openvino/bf16"


@dataclass(frozen=True)
class Case:
    """A row of the table: what ran where."""

    net: str
    form: str  # "int8", or "int8 > fp32" for shards in their order
    where: str  # an engine and what it is asked to compute in, or two engines

    @property
    def allowed(self) -> int:
        return min(ALLOWED[word] for word in self.form.split(" > ") if word in ALLOWED)


@dataclass
class Fold:
    """A trained net, its file, and the images for calibration and for the test."""

    net: Net
    model: Path
    calibration: np.ndarray
    held_out: np.ndarray
    labels: np.ndarray
    folder: Path


def prepare(name: str, data: digits.Digits, held_out: np.ndarray, seed: int, folder: Path) -> Fold:
    """Trains the net, unless the folder has its file from an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / f"{name}.onnx"
    training = np.setdiff1d(np.arange(data.labels.size), held_out)
    if model.exists():
        net = NETS[name](np.random.default_rng(seed))
    else:
        net = train(name, data.images[training], data.labels[training], seed)
        onnx.save(to_onnx(net), model)
    chosen = np.random.default_rng(seed).choice(training, CALIBRATION_IMAGES, replace=False)
    return Fold(net, model, net.inputs(data.images[chosen]), net.inputs(data.images[held_out]), data.labels[held_out], folder)


def target(engine: str, precision: str) -> str:
    """What runs a file of that precision. Two engines have one word for both integer types; no engine here computes in 16 bits because of a file."""
    words = {"int8": "/int8", "uint8": "/uint8" if engine == "onnxruntime" else "/int8"}
    return f"cpu@{engine}{words.get(precision, '')}"


def form_for(engine: str, changed: Path) -> Path:
    return to_tflite(changed) if engine == LITERT else changed


def takes(engine: str, precision: str) -> bool:
    """TensorFlow Lite files are written of integer models."""
    return engine != LITERT or precision in INTEGERS


def has_bf16() -> bool:
    """Whether OpenVINO computes in bf16 on this CPU."""
    return any(device["target"] == BF16.split("/")[0] and "bf16" in device["precisions"] for device in call_json("devices")["devices"])


def logits(parts: list[tuple[Path, str]], fold: Fold) -> np.ndarray:
    """Of the held-out images, by models with their targets, one after the other."""
    return run_chain(parts, {"image": fold.held_out}, fold.folder / "run")["logits"]


def check_whole(fold: Fold, precisions: list[str], engines: list[str], counts: dict[Case, PairedCounts]) -> None:
    before = {engine: logits([(fold.model, f"cpu@{engine}")], fold) for engine in engines if engine != LITERT}
    for engine, value in before.items():
        counts[Case(fold.net.name, "fp32", engine)] += compare(value, value, fold.labels)
    for precision in precisions:
        changed = quantize(fold.model, precision, {"image": fold.calibration}, fold.folder / f"{fold.net.name}.{precision}.onnx")
        runs = [(engine, form_for(engine, changed), target(engine, precision)) for engine in engines if takes(engine, precision)]
        if precision == "bf16" and "openvino" in engines and has_bf16():
            runs.append(("openvino", fold.model, BF16))
        for engine, model, where in runs:
            reference = before.get(engine, before[engines[0]])
            counts[Case(fold.net.name, precision, where.removeprefix("cpu@"))] += compare(reference, logits([(model, where)], fold), fold.labels)


def check_sharded(fold: Fold, precisions: list[str], engines: list[str], counts: dict[Case, PairedCounts]) -> None:
    """One part in each precision, on the first engine and on LiteRT, and the other in fp32 on the second, both ways round."""
    parts = shard(fold.model, f"{fold.net.cut}_out", fold.folder / f"{fold.net.name}.parts")
    float_target = f"cpu@{engines[1]}"
    inputs = [{"image": fold.calibration}, run(parts[0], float_target, {"image": fold.calibration}, fold.folder / "run")]
    before = logits([(fold.model, float_target)], fold)
    for precision in precisions:
        for index in (0, 1):
            changed = quantize(parts[index], precision, inputs[index], parts[index].with_suffix(f".{precision}.onnx"))
            for engine in [engine for engine in engines if engine in (engines[0], LITERT) and takes(engine, precision)]:
                chain = [(part, float_target) for part in parts]
                chain[index] = (form_for(engine, changed), target(engine, precision))
                forms = " > ".join(precision if place == index else "fp32" for place in (0, 1))
                where = " > ".join(on.removeprefix("cpu@").split("/")[0] for _, on in chain)
                counts[Case(fold.net.name, forms, where)] += compare(before, logits(chain, fold), fold.labels)


def report(counts: dict[Case, PairedCounts]) -> list[str]:
    """Prints the table; returns what was missed."""
    print(f"{'net':9} {'precision':12} {'engine':22} {'right':>5} {'SQNR':>6} {'before':>6} {'after':>5} {'lost':>4}  of")
    missed = []
    for case, count in counts.items():
        row = f"{case.net:9} {case.form:12} {case.where:22} {count.right_after:5}"
        if case.form == "fp32":
            share = count.right_after / count.images
            print(f"{row}  = {100 * share:.2f} % of {count.images}")
            if share < LEAST_ACCURACY:
                missed.append(f"{case.net} on {case.where}: {100 * share:.2f} % right in fp32, less than {100 * LEAST_ACCURACY:g} %")
            continue
        print(f"{row} {count.sqnr_db:6.1f} {count.only_before:6} {count.only_after:5} {count.lost:4} {case.allowed:3}")
        if count.lost > case.allowed:
            missed.append(f"{case.net} in {case.form} on {case.where}: {count.lost} images lost, more than {case.allowed}")
    return missed


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--nets", type=words, default=list(NETS), help=f"of {', '.join(NETS)}")
    parser.add_argument("--precisions", type=words, default=list(ALLOWED), help=f"of {', '.join(ALLOWED)}")
    parser.add_argument("--engines", type=words, default=["onnxruntime", "openvino", LITERT],
                        help="two that run ONNX models; sharded, the float part runs on the second. litert as well: integers only")
    parser.add_argument("--parts", type=words, default=[WHOLE, SHARDED], help=f"{WHOLE}, {SHARDED}")
    parser.add_argument("--folds", type=int, default=5, help="so many of the 5; bounds are for all")
    parser.add_argument("--keep", type=Path, help="folder for the nets; those that are there are not trained again")
    arguments = parser.parse_args()
    if len(arguments.engines) < 2 or LITERT in arguments.engines[:2]:
        parser.error(f"--engines: two that run ONNX models come first, {LITERT} may follow")
    return arguments


def main() -> int:
    arguments = parse()
    data = digits.load()
    counts: dict[Case, PairedCounts] = defaultdict(PairedCounts)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        for name in arguments.nets:
            for index, held_out in enumerate(digits.folds(data.labels)[: arguments.folds]):
                fold = prepare(name, data, held_out, index, folder / f"fold{index}")
                if WHOLE in arguments.parts:
                    check_whole(fold, arguments.precisions, arguments.engines, counts)
                if SHARDED in arguments.parts:
                    check_sharded(fold, arguments.precisions, arguments.engines, counts)
                print(f"{name}: fold {index} done after {time.monotonic() - started:.0f} s", file=sys.stderr)
    missed = report(counts)
    for sentence in missed:
        print(f"missed: {sentence}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
