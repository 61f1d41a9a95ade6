"""Threads and cores against what the kernel reports of each thread of a running program.

The program gets more calls than it can finish. Once it has computed for longer than compiling takes, its threads are sampled:
which burn time, on which cores they may run, and on which core each is seen. Then it is ended. All limits are in processor time,
not in time on the wall: other programs may compute beside it.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import make_tflite
import pytest
from consort_cli import BINARY, MODELS

SAMPLE_S = 0.02
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Processor time of the whole program when the watch begins, when it ends, and the longest wait for that.
COMPILED_S, ENOUGH_S, TIMEOUT_S = 1.5, 3.0, 60
# A thread that burns more than this part of what the program burns meanwhile counts as busy.
BUSY_FRACTION = 0.05
# A thread that computes for its caller is confined call by call: samples between two calls see its old mask again. The model for
# LiteRT takes microseconds, so that many do.
CONFINED_FRACTION = {"onnxruntime": 0.9, "openvino": 0.9, "litert": 0.3}
ENDLESS = "1000000000"
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


def children_of(process_id: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == process_id:
            found.append(int(stat.parent.name))
    return found


def sample_threads(process_id: int) -> dict[int, Sample]:
    """Every thread of the process and of those that it started, as far as they can still be read: OpenVINO on part of the cores
    computes in a process of its own."""
    found = {}
    tasks = [task for process in [process_id, *children_of(process_id)] for task in Path(f"/proc/{process}/task").glob("*")]
    for task in tasks:
        try:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            status = (task / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        allowed = next(line.partition(":")[2] for line in status.splitlines() if line.startswith("Cpus_allowed_list"))
        # Fields 14, 15 and 39 of proc(5)'s stat, counted from the one after the name, which is field 3.
        found[int(task.name)] = Sample(int(fields[11]) + int(fields[12]), parse_cores(allowed), int(fields[36]))
    return found


def burned_s(threads: dict[int, Sample]) -> float:
    return sum(sample.ticks for sample in threads.values()) / TICKS_PER_S


def observe(arguments: list[str]) -> list[dict[int, Sample]]:
    """Runs the program and samples its threads while it computes; ends it after that."""
    process = subprocess.Popen([str(BINARY), *arguments, "-n", ENDLESS], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    samples = []
    started = time.monotonic()
    try:
        while process.poll() is None and time.monotonic() - started < TIMEOUT_S:
            threads = sample_threads(process.pid)
            if burned_s(threads) > COMPILED_S:
                samples.append(threads)
            if burned_s(threads) > ENOUGH_S:
                return samples
            time.sleep(SAMPLE_S)
        raise AssertionError(f"the program ended or stood still: {process.stderr.read().decode() if process.poll() is not None else ''}")
    finally:
        process.kill()
        process.communicate()


def busy_threads(samples: list[dict[int, Sample]]) -> dict[int, list[Sample]]:
    """The samples of each thread that computed while it was watched."""
    assert len(samples) >= 10
    histories: dict[int, list[Sample]] = {}
    for threads in samples:
        for thread, sample in threads.items():
            histories.setdefault(thread, []).append(sample)
    burned = {thread: seen[-1].ticks - seen[0].ticks for thread, seen in histories.items()}
    return {thread: seen for thread, seen in histories.items() if burned[thread] > BUSY_FRACTION * sum(burned.values())}


def tflite_model(folder: Path) -> Path:
    make_tflite.write_float(folder / "model.tflite")
    return folder / "model.tflite"


@pytest.mark.parametrize("cores", ["0", "1", "0-1"])
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "litert"])
def test_only_the_cores_asked_for_compute(engine: str, cores: str, tmp_path: Path):
    model = tflite_model(tmp_path) if engine == "litert" else MODELS / "light" / "squeezenet.onnx"
    asked = parse_cores(cores)
    arguments = ["run", "-m", str(model), "-d", f"cpu:{cores}@{engine}", "--placement", "none"]
    busy = busy_threads(observe(arguments))
    assert 1 <= len(busy) <= len(asked), f"{len(busy)} threads computed"
    for thread, seen in busy.items():
        confined = [sample for sample in seen if sample.allowed <= asked]
        assert len(confined) >= CONFINED_FRACTION[engine] * len(seen), f"thread {thread} may run elsewhere while it computes"
        assert {sample.core for sample in confined} <= asked
    if engine != "litert":
        assert len(busy) == len(asked), "a core that was asked for has nothing to do"


def test_one_thread_on_two_cores_is_one_thread():
    busy = busy_threads(observe(["run", "-m", str(MODELS / "light" / "squeezenet.onnx"), "-d", "cpu:0-1@onnxruntime", "--threads", "1"]))
    assert len(busy) == 1
    assert all(sample.allowed <= {0, 1} for samples in busy.values() for sample in samples)
