#!/usr/bin/env python3
"""Do two measurements of the same thing agree? `consort bench` twice for each of 14 models, apart in time.

    .deps/venv/bin/python benchmarks/repeatability.py [--gap SECONDS] [--engine E] [--threads T] [--models A,B]
        [--between-runs SHARE]
    … --save first.json          measures once and keeps the figures
    … --against first.json       measures once, hours or days later, and compares with what was kept

Prints both medians with their 95 % intervals and whether the intervals overlap. A control stands below and does not count: a product that
does nothing but read 64 MiB of weights, which tells how far the host's memory itself moved between the two. Intervals of 95 % of two runs that differ by chance
alone overlap in well over 95 % of all cases (Schenker and Gentleman 2001); exit code 1 when more than two models' do not.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench_models import prepare
from consort_bench import Figures, bench

ARCHITECTURES = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet")
LIGHT = tuple(f"light/{name}" for name in ARCHITECTURES)
REAL = ("ppocr_det", "ppocr_rec", "silero_vad", "magika", "minilm")
ZOO = ("mobilenet-v2", "lenet")
MODELS = (*LIGHT, *REAL, *ZOO)
CONTROL = "matvec --side 4096"
ALLOWED_APART = 2


def measure(names: list[str], engine: str, cores: list[int], folder: Path, *options) -> dict[str, Figures]:
    figures = {}
    for name in names:
        model = prepare(name, folder)
        arguments = ["-i", model.inputs, "--threads", len(cores), *options]
        figures[name] = bench(model.path, f"cpu@{engine}", *arguments, cores=cores)
        model.path.unlink()
    return figures


def row(name: str, first: Figures, second: Figures) -> bool:
    together = first.overlaps(second)
    verdict = "unstable" if first.unstable or second.unstable else "overlap" if together else "apart"
    span = lambda f: f"{f.median:.4g} [{f.low:.4g}, {f.high:.4g}]"  # noqa: E731
    ratio = f"{second.median / first.median:8.4f}" if first.median and second.median else f"{'-':>8}"
    print(f"{name:20}{span(first):32}{span(second):32}{ratio}  {verdict}", flush=True)
    return verdict == "overlap"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gap", type=float, default=60, help="seconds between the two measurements of all models")
    parser.add_argument("--engine", default="onnxruntime")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--between-runs", type=float, help="as of `consort bench`; 0 shows what single runs know (default: bench's own)")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--against", type=Path)
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    cores = sorted(os.sched_getaffinity(0))[: arguments.threads]
    with tempfile.TemporaryDirectory() as folder:
        options = ["-t", arguments.seconds]
        if arguments.between_runs is not None:
            options += ["--between-runs", arguments.between_runs]
        again = lambda: measure([*arguments.models, CONTROL], arguments.engine, cores, Path(folder), *options)  # noqa: E731
        if arguments.against:
            first = {name: Figures(**values) for name, values in json.loads(arguments.against.read_text()).items()}
        else:
            first = again()
        if arguments.save:
            arguments.save.write_text(json.dumps({name: asdict(values) for name, values in first.items()}, indent=1))
            return 0
        if not arguments.against:
            time.sleep(arguments.gap)
        second = again()
    print(f"measured: {arguments.engine}, {len(cores)} thread(s); medians in ms with 95 % intervals, two processes")
    print(f"{'model':20}{'first':32}{'second':32}{'ratio':>8}")
    together = sum([row(name, first[name], second[name]) for name in arguments.models])
    ratios = [second[name].median / first[name].median for name in arguments.models if first[name].median and second[name].median]
    apart = math.sqrt(sum(math.log(ratio) ** 2 for ratio in ratios) / len(ratios)) if ratios else math.nan
    if CONTROL in first:
        row(CONTROL, first[CONTROL], second[CONTROL])
    print(f"{together} of {len(arguments.models)} overlap; medians of two runs differ by {apart:.2%} (root mean square), a run's own by ±{1.96 * apart / math.sqrt(2):.2%} (95 %)")
    return 0 if len(arguments.models) - together <= ALLOWED_APART else 1


if __name__ == "__main__":
    sys.exit(main())
