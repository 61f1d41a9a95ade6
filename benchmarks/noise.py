#!/usr/bin/env python3
"""Does `consort bench` tell the time of the work and not that of its neighbours? A busy process beside it on the same core.

    .deps/venv/bin/python benchmarks/noise.py [--model NAME] [--rounds N] [--seconds S]

The neighbour holds the core for a third of the time, in long stretches (1 s busy, 2 s idle) and in short ones (100 ms, 200 ms), and
all of the time. Medians are compared with those of quiet runs, interleaved and paired round by round. Exit code 1 unless a third
of the time moves the median by less than 3 %, and a core that is never free makes the figures "unstable" with exit code 7.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench_models import prepare
from consort_bench import UNSTABLE, Figures, bench

BOUND = 0.03


@dataclass(frozen=True)
class Load:
    name: str
    busy_s: float
    idle_s: float

    def bounded(self) -> bool:
        """Whether the median has to hold: between the neighbour's stretches there is quiet time."""
        return 0 < self.busy_s and 0 < self.idle_s

    def hopeless(self) -> bool:
        return self.busy_s > 0 and self.idle_s == 0


QUIET = Load("quiet", 0, 1)
LOADS = (QUIET, Load("1 s of 3 s", 1, 2), Load("100 ms of 300 ms", 0.1, 0.2), Load("always", 1, 0))


def disturb(core: int, load: Load) -> None:
    parent = os.getppid()
    os.sched_setaffinity(0, [core])
    while os.getppid() == parent:  # never outlives the benchmark
        end = time.monotonic() + load.busy_s
        while time.monotonic() < end:
            pass
        time.sleep(load.idle_s)


@contextmanager
def neighbour(core: int, load: Load) -> Iterator[None]:
    if load.busy_s == 0:
        yield
        return
    process = multiprocessing.Process(target=disturb, args=(core, load), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def measure(model, core: int, load: Load, seconds: float) -> Figures:
    with neighbour(core, load):
        return bench(model.path, f"cpu:{core}@onnxruntime", "-i", model.inputs, "-t", seconds)


def shift(results: dict[Load, list[Figures]], load: Load) -> float:
    """Median over the rounds of the median's relative change against the quiet run of the same round; NaN without figures."""
    pairs = [(disturbed.median, quiet.median) for disturbed, quiet in zip(results[load], results[QUIET])]
    changes = [disturbed / quiet - 1 for disturbed, quiet in pairs if disturbed > 0 and quiet > 0]
    return statistics.median(changes) if changes else float("nan")


def row(results: dict[Load, list[Figures]], load: Load) -> bool:
    rounds = results[load]
    change = shift(results, load)
    stable = [r for r in rounds if not r.unstable]
    if load.hopeless():
        kept = all(r.unstable and r.code == UNSTABLE for r in rounds)
    else:
        kept = not load.bounded() or (abs(change) < BOUND and all(r.code == 0 for r in rounds))
    median = f"{statistics.median(r.median for r in stable):9.3f}" if stable else f"{'-':>9}"
    discarded = 100 * statistics.median(r.discarded_share for r in rounds)
    codes = ",".join(str(code) for code in sorted({r.code for r in rounds}))
    print(f"{load.name:18}{median}{100 * change:+9.2f} %{discarded:10.0f} %{codes:>12}  {'kept' if kept else 'missed'}", flush=True)
    return kept


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="silero_vad")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    results: dict[Load, list[Figures]] = {load: [] for load in LOADS}
    with tempfile.TemporaryDirectory() as folder:
        model = prepare(arguments.model, Path(folder))
        for number in range(arguments.rounds):
            for load in LOADS if number % 2 == 0 else reversed(LOADS):
                results[load].append(measure(model, arguments.core, load, arguments.seconds))
    print(f"measured: {arguments.model} on core {arguments.core}, {arguments.rounds} rounds of {arguments.seconds:g} s each")
    print(f"{'neighbour busy':18}{'median ms':>9}{'change':>11}{'discarded':>12}{'exit codes':>12}")
    return 0 if all([row(results, load) for load in LOADS]) else 1


if __name__ == "__main__":
    sys.exit(main())
