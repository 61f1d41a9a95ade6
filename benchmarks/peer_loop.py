"""A bare loop over an engine's own Python API, with bound inputs and outputs: the peer of `consort bench`.

    peer_loop.py ENGINE MODEL INPUTS.npz --threads N --seconds S

Runs under the cores of its process and prints one line of JSON: the median time of a call in milliseconds, and the number of
calls. The engine is set up as Consort sets it up. Nothing is discarded.
"""

import argparse
import ctypes
import gc
import json
import mmap
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WARM_UP_S = 0.1
# MXCSR as at the start of a process (0x1f80: all exceptions masked), with flush-to-zero (bit 15) and denormals-are-zero (bit 6).
MXCSR_FLUSH = 0x1F80 | 1 << 15 | 1 << 6


def flush_denormals() -> None:
    """Sets FTZ and DAZ in this thread. There is no call for it in Python: five bytes of machine code do it."""
    if platform.machine() != "x86_64":
        return
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\x0f\xae\x17\xc3")  # ldmxcsr [rdi]; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    value = ctypes.c_uint32(MXCSR_FLUSH)
    ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint32))(address)(ctypes.byref(value))
    flush_denormals.code = code  # the page outlives the call: ctypes still holds a view of it


def onnxruntime_call(model: Path, inputs: dict[str, np.ndarray], threads: int) -> Callable[[], None]:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    cores = sorted(os.sched_getaffinity(0))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    if threads > 1:  # entries count cores from 1; the caller has none
        numbers = [str(core + 1) for core in cores]
        entries = numbers[1:] if threads == len(cores) else [",".join(numbers)] * (threads - 1)
        options.add_session_config_entry("session.intra_op_thread_affinities", ";".join(entries))
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.intra_op.spin_duration_us", "100")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    first = session.run(None, inputs)
    binding = session.io_binding()
    for name, value in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    for output, value in zip(session.get_outputs(), first):
        binding.bind_ortvalue_output(output.name, onnxruntime.OrtValue.ortvalue_from_numpy(np.array(value)))
    return lambda: session.run_with_iobinding(binding)


def openvino_call(model: Path, inputs: dict[str, np.ndarray], threads: int) -> Callable[[], None]:
    os.environ["OPENVINO_TELEMETRY"] = "0"
    import openvino

    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "CPU_DENORMALS_OPTIMIZATION": True,
    }
    compiled = openvino.Core().compile_model(str(model), "CPU", options)
    request = compiled.create_infer_request()
    for port in compiled.inputs:
        value = inputs[next(name for name in port.get_names() if name in inputs)]
        tensor = openvino.Tensor(port.get_element_type(), openvino.Shape(value.shape))
        tensor.data[...] = value
        request.set_tensor(port, tensor)
    request.infer()
    for port in compiled.outputs:
        shape = request.get_tensor(port).get_shape()
        request.set_tensor(port, openvino.Tensor(port.get_element_type(), shape))
    return request.infer


ENGINES = {"onnxruntime": onnxruntime_call, "openvino": openvino_call}


def measure(call: Callable[[], None], seconds: float) -> list[int]:
    """Nanoseconds of each call, after a warm-up."""
    gc.collect()
    gc.disable()
    end = time.perf_counter_ns() + int(WARM_UP_S * 1e9)
    while time.perf_counter_ns() < end:
        call()
    times = []
    end = time.perf_counter_ns() + int(seconds * 1e9)
    start = time.perf_counter_ns()
    while start < end:
        call()
        now = time.perf_counter_ns()
        times.append(now - start)
        start = time.perf_counter_ns()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1)
    arguments = parser.parse_args()
    with np.load(arguments.inputs) as archive:
        inputs = {name: archive[name] for name in archive.files}
    call = ENGINES[arguments.engine](arguments.model, inputs, arguments.threads)
    flush_denormals()
    times = measure(call, arguments.seconds)
    print(json.dumps({"median_ms": statistics.median(times) / 1e6, "calls": len(times)}))


if __name__ == "__main__":
    main()
