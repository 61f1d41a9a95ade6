"""The engines' own Python APIs, with the options that Consort uses: the peers that its results are compared with.

The first ONNX Runtime session of a process decides whether denormals are flushed; every session here asks for it.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
from ai_edge_litert.interpreter import Interpreter

OPENVINO_OPTIONS = {
    "INFERENCE_PRECISION_HINT": "f32",
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,
    "PERFORMANCE_HINT": "LATENCY",
}


def onnxruntime_options() -> onnxruntime.SessionOptions:
    """One thread, all optimisations, denormals flushed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.log_severity_level = 3
    return options


Runner = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]  # inputs by name to outputs by name


def onnxruntime_runner(model: onnx.ModelProto) -> Runner:
    session = onnxruntime.InferenceSession(model.SerializeToString(), onnxruntime_options(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))


def openvino_runner(model: onnx.ModelProto) -> Runner:
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", OPENVINO_OPTIONS)
    request = compiled.create_infer_request()
    names = [output.name for output in model.graph.output]

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        request.infer(inputs)
        return {name: request.get_tensor(name).data.copy() for name in names}

    return run


def run_onnxruntime(model: onnx.ModelProto, cases: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """The outputs by name, for each set of inputs."""
    return list(map(onnxruntime_runner(model), cases))


def run_openvino(model: onnx.ModelProto, cases: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """The outputs by name, for each set of inputs."""
    return list(map(openvino_runner(model), cases))


def run_litert(path: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With the XNNPACK delegate that the Python API adds by itself."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    for port in interpreter.get_input_details():
        interpreter.set_tensor(port["index"], inputs[port["name"]])
    interpreter.invoke()
    return {port["name"]: interpreter.get_tensor(port["index"]) for port in interpreter.get_output_details()}
