"""Threads and cores against what the kernel reports of each thread of a running program.

The program computes for a few seconds; the samples of its second half, when models are compiled and only inference goes on,
say which threads burned time, on which cores they may run, and on which core each was seen.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import make_tflite
import numpy as np
import pytest
from consort_cli import BINARY, MODELS

SAMPLE_S = 0.05
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# A thread that computes for more than this part of the time observed counts as busy.
BUSY_FRACTION = 0.05
CORES = sorted(os.sched_getaffinity(0))

pytestmark = pytest.mark.skipif(CORES[:2] != [0, 1], reason="needs the cores 0 and 1")


@dataclass
class Sample:
    """What the kernel says of one thread at one moment."""

    ticks: int
    allowed: frozenset[int]
    core: int


def parse_cores(text: str) -> frozenset[int]:
    """"0-1,4" → {0, 1, 4}."""
    ranges = (part.split("-") for part in text.strip().split(","))
    return frozenset(core for bounds in ranges for core in range(int(bounds[0]), int(bounds[-1]) + 1))


def sample_threads(process_id: int) -> dict[int, Sample]:
    """Every thread of the process that can still be read."""
    found = {}
    for task in Path(f"/proc/{process_id}/task").iterdir():
        try:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            status = (task / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        allowed = next(line.partition(":")[2] for line in status.splitlines() if line.startswith("Cpus_allowed_list"))
        # Fields 14, 15 and 39 of proc(5)'s stat, counted from the one after the name, which is field 3.
        found[int(task.name)] = Sample(int(fields[11]) + int(fields[12]), parse_cores(allowed), int(fields[36]))
    return found


def observe(arguments: list[str]) -> list[tuple[float, dict[int, Sample]]]:
    """Runs the program and samples its threads until it ends."""
    process = subprocess.Popen([str(BINARY), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    samples = []
    while process.poll() is None:
        try:
            samples.append((time.monotonic(), sample_threads(process.pid)))
        except FileNotFoundError:
            break
        time.sleep(SAMPLE_S)
    message = process.communicate()[1].decode()
    assert process.returncode == 0, message
    return samples


def busy_threads(samples: list[tuple[float, dict[int, Sample]]]) -> dict[int, list[Sample]]:
    """The samples of each thread that computed in the second half of the run, the last moments left out."""
    window = samples[len(samples) // 2 : -2]
    assert len(window) >= 10, f"the program ran for {len(samples)} samples only; ask for more iterations"
    seconds = window[-1][0] - window[0][0]
    histories: dict[int, list[Sample]] = {}
    for _, threads in window:
        for thread, sample in threads.items():
            histories.setdefault(thread, []).append(sample)
    limit = BUSY_FRACTION * seconds * TICKS_PER_S
    return {thread: seen for thread, seen in histories.items() if seen[-1].ticks - seen[0].ticks > limit}


def tflite_model(folder: Path) -> Path:
    make_tflite.write_float(folder / "model.tflite")
    return folder / "model.tflite"


@pytest.mark.parametrize("cores", ["0", "1", "0-1"])
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "litert"])
def test_only_the_cores_asked_for_compute(engine: str, cores: str, tmp_path: Path):
    model = tflite_model(tmp_path) if engine == "litert" else MODELS / "light" / "squeezenet.onnx"
    iterations = {"litert": 120000}.get(engine, 700)
    asked = parse_cores(cores)
    arguments = ["run", "-m", str(model), "-d", f"cpu:{cores}@{engine}", "-n", str(iterations), "--placement", "none"]
    busy = busy_threads(observe(arguments))
    assert 1 <= len(busy) <= len(asked), f"{len(busy)} threads computed"
    for thread, seen in busy.items():
        assert all(sample.allowed <= asked for sample in seen), f"thread {thread} may run on {[sorted(s.allowed) for s in seen][-1]}"
        assert {sample.core for sample in seen} <= asked
    if engine != "litert":
        assert len(busy) == len(asked), "a core that was asked for has nothing to do"


def test_one_thread_on_two_cores_is_one_thread(tmp_path: Path):
    busy = busy_threads(observe(["run", "-m", str(MODELS / "light" / "squeezenet.onnx"), "-d", "cpu:0-1@onnxruntime", "--threads", "1", "-n", "700"]))
    assert len(busy) == 1
    assert np.all([sample.allowed <= {0, 1} for samples in busy.values() for sample in samples])
