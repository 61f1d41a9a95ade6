"""Placement as Consort tells it against an independent reading of the engines' own profiles.

ONNX Runtime: the profile that its Python API writes of a run (node, provider) and the graph of that session. OpenVINO: the
profiling information of a request (which nodes were executed) and the layers that its runtime model says each node stands for.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import engines
import onnx
import onnxruntime
import openvino
import pytest
from consort_cli import call_json
from model_inputs import TestModel, load_models, make_inputs

MODELS = load_models()
SUBJECTS = ("ppocr_det", "light/resnet50", "minilm")
# Ops that a compiler can do without; anything else that is said to be eliminated has to depend on constants only.
REMOVABLE = {"Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Shape", "Slice", "Gather"}
HEAVY = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


@dataclass
class Kernel:
    """An executed node, as the engine's profile has it."""

    name: str
    kind: str
    outputs: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()


def consort_placement(model: TestModel, engine: str) -> dict:
    report = call_json("run", "-m", model.path, "-d", f"cpu@{engine}", "--threads", "1", "--placement", "ops", *model.shape_options())
    return report["targets"][0]["placement"]


def constant_ops(graph: onnx.GraphProto) -> set[int]:
    """Indices of the nodes that depend on initializers only."""
    known = {tensor.name for tensor in graph.initializer} | {""}
    found = set()
    for index, node in enumerate(graph.node):
        if all(name in known for name in node.input):
            known.update(node.output)
            found.add(index)
    return found


def assert_every_op_once(placement: dict, graph: onnx.GraphProto) -> None:
    """One entry per node of the source model, in its order, none unknown or elsewhere; what is eliminated may be."""
    ops = placement["by_op"]
    assert [(op["op"], op["type"]) for op in ops] == [(index, node.op_type) for index, node in enumerate(graph.node)]
    assert all(op["name"] == node.name for op, node in zip(ops, graph.node) if node.name)
    assert len({op["name"] for op in ops}) == len(ops)
    constants = constant_ops(graph)
    for op in ops:
        assert op["state"] in ("as-asked", "eliminated"), op
        if op["state"] == "eliminated":
            assert op["op"] in constants or op["type"] in REMOVABLE, op
            assert op["why"] and not op["kernel"]
        else:
            assert op["kernel"] and op["got"], op
    counted = sum(placement[state] for state in ("as_asked", "eliminated", "elsewhere", "unknown"))
    assert counted == placement["ops"] == len(ops)


# --- ONNX Runtime -------------------------------------------------------------------------------------------------------


def onnxruntime_profile(model: TestModel, folder: Path) -> list[Kernel]:
    """The nodes that a profiled run executed, all of them on the CPU provider, with their outputs from the session's graph."""
    options = engines.onnxruntime_options()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.optimized_model_filepath = str(folder / "graph.onnx")
    session = onnxruntime.InferenceSession(model.bound().SerializeToString(), options, providers=["CPUExecutionProvider"])
    session.run(None, make_inputs(model, 0))
    events = json.loads(Path(session.end_profiling()).read_text())
    outputs = {node.name: tuple(node.output) for node in onnx.load(folder / "graph.onnx").graph.node}
    kernels = []
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        assert event["args"]["provider"] == "CPUExecutionProvider"
        name = event["name"].removesuffix("_kernel_time")
        kernels.append(Kernel(name, event["args"]["op_name"], outputs[name]))
    return kernels


@pytest.mark.parametrize("name", SUBJECTS)
def test_onnxruntime(name: str, tmp_path: Path):
    model = MODELS[name]
    placement = consort_placement(model, "onnxruntime")
    graph = model.bound().graph
    assert_every_op_once(placement, graph)

    kernels = onnxruntime_profile(model, tmp_path)
    profiled = {f"{kernel.name} ({kernel.kind})" for kernel in kernels}
    executed = [op for op in placement["by_op"] if op["state"] == "as-asked"]
    named = {op["kernel"] for op in executed}
    assert named <= profiled, f"not in the profile: {sorted(named - profiled)[:5]}"
    inserted = {text.removesuffix(" on CPUExecutionProvider") for text in placement["inserted"]}
    assert profiled - named <= inserted, f"in the profile, not in the placement: {sorted(profiled - named - inserted)[:5]}"
    assert all(op["got"].startswith("CPUExecutionProvider/") or op["got"] == "CPUExecutionProvider" for op in executed)

    # The op that makes a tensor is covered by the kernel that makes it, whatever the kernel is called.
    kernel_of = {output: f"{kernel.name} ({kernel.kind})" for kernel in kernels for output in kernel.outputs if not kernel.kind.startswith("Reorder")}
    traced = 0
    for op, node in zip(placement["by_op"], graph.node):
        kernel = next((kernel_of[output] for output in node.output if output in kernel_of), None)
        if kernel and op["state"] == "as-asked":
            assert op["kernel"] == kernel, op
            traced += 1
    assert traced > 0
    # A kernel does the work of at most one heavy op.
    heavy = [op["kernel"] for op in executed if op["type"] in HEAVY]
    assert len(heavy) == len(set(heavy)) == sum(node.op_type in HEAVY for node in graph.node)


# --- OpenVINO -----------------------------------------------------------------------------------------------------------


def text(value) -> str:
    return value if isinstance(value, str) else value.astype(str)


def openvino_profile(model: TestModel) -> tuple[list[Kernel], list[Kernel]]:
    """The nodes that a profiled run executed, with the layers of the source that each stands for; and those that it says nothing
    of: reshapes, which only look at the same memory another way, and kernels whose time rounds to no microsecond."""
    core = openvino.Core()
    options = {**engines.OPENVINO_OPTIONS, "PERF_COUNT": True}
    compiled = core.compile_model(core.read_model(model.bound().SerializeToString()), "CPU", options)
    request = compiled.create_infer_request()
    request.infer(make_inputs(model, 0))
    executed = {info.node_name for info in request.profiling_info if str(info.status).endswith("EXECUTED")}
    brief = {info.node_name for info in request.profiling_info if not info.exec_type.startswith(("undef", "unknown"))} - executed
    kernels, views = [], []
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        originals = tuple(name for name in text(info["originalLayersNames"]).split(",") if name)
        kernel = Kernel(node.get_friendly_name(), text(info["layerType"]), (), originals)
        if kernel.name in executed:
            kernels.append(kernel)
        elif kernel.kind == "Reshape" or kernel.name in brief:
            views.append(kernel)
    assert len(kernels) == len(executed)
    return kernels, views


def comparable(kernel: str, graph: onnx.GraphProto) -> str:
    """A kernel's name without what differs from one compilation to the next: OpenVINO numbers the nodes that it makes itself by a
    counter of the process, and calls the last node of a model by the output's name where Consort keeps the op's."""
    named = {node.name for node in graph.node}
    by_tensor = {output: node.name for node in graph.node for output in node.output}
    if kernel in named:
        return kernel
    return by_tensor.get(kernel, re.sub(r"_\d+", "_#", kernel))


@pytest.mark.parametrize("name", SUBJECTS)
def test_openvino(name: str):
    model = MODELS[name]
    placement = consort_placement(model, "openvino")
    graph = model.bound().graph
    assert_every_op_once(placement, graph)

    kernels, views = openvino_profile(model)
    profiled = Counter(comparable(kernel.name, graph) for kernel in kernels)
    executed = [op for op in placement["by_op"] if op["state"] == "as-asked"]
    named = Counter(comparable(kernel, graph) for kernel in {op["kernel"] for op in executed})
    inserted = Counter(comparable(text.split("'")[1], graph) for text in placement["inserted"])
    unexecuted = named - profiled - Counter(comparable(view.name, graph) for view in views)
    assert not unexecuted, f"not in the profile: {unexecuted}"
    # A kernel that OpenVINO named itself ("MVN_#") is called after its op by Consort: it is found by its type.
    missing = profiled - named - inserted
    typed = Counter(op["why"].split(" kernel")[0] for op in executed)
    kinds = Counter()
    for kernel in kernels:
        name = comparable(kernel.name, graph)
        if missing[name] and "#" in name:
            missing[name] -= 1
            kinds[kernel.kind] += 1
    assert not +missing, f"executed, not in the placement: {+missing}"
    assert not kinds - typed, f"executed, no op is said to run on such a kernel: {kinds - typed}"

    # Where the runtime model names the source layer, Consort names the same kernel.
    kernels_of: dict[str, set[str]] = {}
    for kernel in kernels:
        for original in kernel.originals:
            kernels_of.setdefault(original, set()).add(comparable(kernel.name, graph))
    traced = [op for op in executed if op["name"] in kernels_of]
    assert traced
    for op in traced:
        assert comparable(op["kernel"], graph) in kernels_of[op["name"]], op
    heavy = [op["kernel"] for op in executed if op["type"] in HEAVY]
    assert len(heavy) == sum(node.op_type in HEAVY for node in graph.node)
