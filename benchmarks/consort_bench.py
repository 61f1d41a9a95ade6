"""Runs `consort bench` for the benchmarks in Python and reads its figures."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_models import BINARY

UNSTABLE = 7


@dataclass
class Figures:
    """One row of the report. Milliseconds; zeros when no block was clean."""

    median: float
    low: float
    high: float
    discarded_share: float
    unstable: str
    code: int
    median_of_all: float  # discarded blocks included

    def overlaps(self, other: "Figures") -> bool:
        return self.low <= other.high and other.low <= self.high


def bench(model: Path, target: str, *options, cores: Sequence[int] = (), timeout_s: float = 600) -> Figures:
    """Measures a model on one target, on `cores` when given. An unstable measurement is a result; any other error is raised."""
    command = [str(word) for word in (BINARY, "bench", "-m", model, "-d", target, "--format", "json", "--no-advice", *options)]
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, preexec_fn=pin)
    if done.returncode not in (0, UNSTABLE):
        raise RuntimeError(f"{' '.join(command)}\nexit code {done.returncode}\n{done.stderr}")
    return read(json.loads(done.stdout), done.returncode)


def read(report: dict, code: int) -> Figures:
    """The first row; figures that the report calls unreliable are read as well, and said to be unstable."""
    row = report["rows"][0]
    median = row.get("unreliable", row)["latency_ms"]["median"]
    share = row["noise"]["discarded_share"]
    return Figures(
        median["estimate"], median["low"], median["high"], share, row.get("unstable", ""), code, row["noise"]["median_of_all_ms"]
    )
