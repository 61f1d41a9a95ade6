#!/usr/bin/env python3
"""Does `consort bench` see what the engines can do? Its median against that of a bare loop over the engine's own Python API.

    .deps/venv/bin/python benchmarks/bench_vs_python.py [--rounds N] [--models A,B] [--engines E,F] [--threads T] [--seconds S]

In each round Consort and the loop (peer_loop.py) run one after the other, the first of them changing, each in a fresh process on
the same cores, with the same model file and inputs, denormals flushed. A round gives one ratio of medians, Consort's over the
loop's; the table shows the median ratio with a 95 % bootstrap interval. Exit code 1 when an interval reaches above 1.01.

Consort discards disturbed blocks and the loop discards nothing, so this is for a quiet machine. The last columns show how much was
discarded (median of the rounds), and the ratio when Consort's median is that of all blocks, as the loop's is. A round in which Consort
found no undisturbed block gives no ratio and is run again.
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
from bench_models import ZOO, BenchModel, prepare
from consort_bench import Figures, bench

BOUND = 1.01
REAL = ("ppocr_det", "ppocr_rec", "silero_vad", "magika", "minilm")
# What an engine takes in place of a model that it refuses: OpenVINO cannot convert the main file of silero-vad.
INSTEAD = {("silero_vad", "openvino"): "silero_vad_op18"}
PEER = Path(__file__).with_name("peer_loop.py")
RESAMPLES = 10_000
FEWEST_ROUNDS = 6


@dataclass
class Pair:
    """The medians of one model on one engine, round by round, in milliseconds."""

    model: str
    engine: str
    ours: list[float]
    theirs: list[float]
    ours_of_all: list[float]  # discarded blocks included
    discarded: list[float]  # shares of Consort's time
    repeated: int = 0

    def ratio(self, ours: list[float]) -> tuple[float, float, float]:
        """Median of the rounds' ratios with its 95 % percentile bootstrap interval."""
        logarithms = np.log(np.array(ours) / np.array(self.theirs))
        rng = np.random.Generator(np.random.PCG64(0))
        medians = np.median(rng.choice(logarithms, (RESAMPLES, logarithms.size)), axis=1)
        low, high = np.quantile(medians, [0.025, 0.975])
        return float(np.exp(np.median(logarithms))), float(np.exp(low)), float(np.exp(high))


def run_peer(model: BenchModel, engine: str, cores: list[int], seconds: float) -> float:
    command = [sys.executable, PEER, engine, model.path, model.inputs, "--threads", str(len(cores)), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    if done.returncode != 0:
        raise RuntimeError(f"the Python loop of {engine} on {model.name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])["median_ms"]


def run_consort(model: BenchModel, engine: str, cores: list[int], seconds: float) -> Figures:
    options = ["-i", model.inputs, "--threads", len(cores), "--loads", 1, "-t", seconds, "--max-discarded", 1]
    return bench(model.path, f"cpu@{engine}", *options, cores=cores)


def compare(model: BenchModel, engine: str, cores: list[int], rounds: int, seconds: float) -> Pair:
    pair = Pair(model.name, engine, [], [], [], [])
    while len(pair.ours) < rounds:
        ours_first = (len(pair.ours) + pair.repeated) % 2 == 0
        early = None if ours_first else run_peer(model, engine, cores, seconds)
        ours = run_consort(model, engine, cores, seconds)
        theirs = run_peer(model, engine, cores, seconds) if early is None else early
        if ours.median > 0:
            pair.ours.append(ours.median)
            pair.theirs.append(theirs)
            pair.ours_of_all.append(ours.median_of_all)
            pair.discarded.append(ours.discarded_share)
        else:
            pair.repeated += 1
            if pair.repeated > rounds:
                raise RuntimeError(f"{model.name} on {engine}: the cores are not free; {pair.repeated} rounds gave no figure")
        if sys.stderr.isatty():
            print(f"\r{model.name} on {engine}: round {len(pair.ours)} of {rounds} ", end="", file=sys.stderr, flush=True)
    return pair


def print_row(pair: Pair) -> bool:
    ratio, low, high = pair.ratio(pair.ours)
    kept = high <= BOUND
    print(
        f"{pair.model:18}{pair.engine:13}{np.median(pair.theirs):11.3f}{np.median(pair.ours):11.3f}"
        f"{ratio:9.4f}  [{low:.4f}, {high:.4f}]  {'kept' if kept else 'missed':8}{100 * np.median(pair.discarded):9.0f} %"
        f"{pair.ratio(pair.ours_of_all)[0]:9.4f}",
        flush=True,
    )
    return kept


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--models", type=words, default=[*REAL, *ZOO], help="of models.json or of `consort make`, comma separated")
    parser.add_argument("--engines", type=words, default=["onnxruntime", "openvino"])
    parser.add_argument("--threads", type=int, default=1, help="the first so many cores are used")
    parser.add_argument("--seconds", type=float, default=1, help="timed in each process")
    arguments = parser.parse_args()
    if arguments.rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds: {FEWEST_ROUNDS} or more; fewer give no interval worth printing")
    return arguments


def main() -> int:
    arguments = parse()
    cores = sorted(os.sched_getaffinity(0))[: arguments.threads]
    print(f"measured: {arguments.rounds} rounds of {arguments.seconds:g} s, {len(cores)} thread(s) on cores {cores}; medians in ms")
    print(f"{'model':18}{'engine':13}{'Python':>11}{'Consort':>11}{'ratio':>9}  {'95 % interval':16}  <= {BOUND:<5}discarded  of all")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            for engine in arguments.engines:
                model = prepare(INSTEAD.get((name, engine), name), Path(folder))
                kept &= print_row(compare(model, engine, cores, arguments.rounds, arguments.seconds))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
