"""ONNX models on cpu@litert/int8 and edgetpu:0 by every command. The Edge TPU is the test's: a plugin in the place of Coral's runtime, which
executes what a program in the place of Coral's compiler made."""

import json
import os

import numpy as np
import pytest

from consort_cli import BINARY, call, call_json
from test_edgetpu import with_erf
from test_plan_local import ORT, UNSTABLE

LITERT, EDGETPU = "cpu@litert/int8", "edgetpu:0"
STAND_INS = BINARY.parent.parent / "src" / "backends" / "litert"
REFUSED = 1


@pytest.fixture(autouse=True)
def edgetpu(monkeypatch):
    monkeypatch.setenv("CONSORT_EDGETPU_LIBRARY", str(STAND_INS / "libconsort_edgetpu_test_plugin.so"))
    monkeypatch.setenv("PATH", f"{STAND_INS / 'stand_in'}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    path = tmp_path_factory.mktemp("lenet") / "lenet.onnx"
    assert call("make", "lenet", "-o", path).code == 0
    return path


@pytest.fixture
def erf(tmp_path):
    return with_erf(tmp_path / "erf.onnx")


def outputs(folder, *arguments):
    outcome = call("run", *arguments, "-o", folder)
    assert outcome.code == 0, outcome.describe()
    return np.load(next(path for name in ("logits.npy", "y.npy") for path in folder.rglob(name)))


def sqnr(value, reference):
    return 10 * np.log10(np.sum(np.square(reference, dtype=np.float64)) / np.sum(np.square(value.astype(np.float64) - reference)))


def plan_of(path, *stages, **keys):
    stages = [{"first_op": first, "last_op": last, "replicas": [{"target": target}]} for first, last, target in stages]
    path.write_text(json.dumps({"stages": stages, **keys}))
    return path


@pytest.mark.parametrize("target", [LITERT, EDGETPU, f"{EDGETPU}/uint8"])
def test_a_float_model_runs_as_its_quantized_form_does(lenet, tmp_path, target):
    right = outputs(tmp_path / "float", "-m", lenet, "-d", ORT)
    qdq = sqnr(outputs(tmp_path / "qdq", "-m", lenet, "-d", f"{ORT}/int8"), right)
    assert abs(sqnr(outputs(tmp_path / "integer", "-m", lenet, "-d", target, "--strict"), right) - qdq) < 1


def test_the_placement_says_who_computed(lenet):
    report = call_json("run", "-m", lenet, "-d", EDGETPU, "--placement", "ops")
    ops = report["targets"][0]["placement"]["by_op"]
    assert len(ops) == 12 and all(op["kernel"] == "edgetpu-custom-op" and op["state"] == "as-asked" for op in ops)


def test_without_a_compiler_the_way_out_is_said(lenet, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    outcome = call("run", "-m", lenet, "-d", EDGETPU)
    assert outcome.code == REFUSED and "edgetpu_compiler is not on $PATH" in outcome.stderr and LITERT in outcome.stderr


@pytest.mark.parametrize("target", [LITERT, EDGETPU])
def test_an_operator_that_has_no_place_is_named(erf, target):
    outcome = call("run", "-m", erf, "-d", target)
    assert outcome.code == REFUSED and "'erf' (Erf)" in outcome.stderr, outcome.describe()


def test_bench_and_compare_take_them(lenet):
    outcome = call("compare", "-m", lenet, "-d", f"{ORT}/int8,{LITERT},{EDGETPU}", "-t", "0.1", "--format", "json")
    assert outcome.code in (0, UNSTABLE), outcome.describe()
    rows = json.loads(outcome.stdout)["targets"]
    assert [row["target"] for row in rows] == [f"{ORT}/int8", LITERT, f"{EDGETPU}@litert"]
    outcome = call("bench", "-m", lenet, "-d", f"{LITERT},{EDGETPU}", "-t", "0.1")
    assert outcome.code in (0, UNSTABLE), outcome.describe()


@pytest.mark.parametrize("target", [LITERT, EDGETPU])
def test_a_plan_puts_a_part_there(lenet, tmp_path, target):
    right = outputs(tmp_path / "float", "-m", lenet, "-d", ORT)
    for name, stages in {"first": (("Conv_1", "MaxPool_2", target), ("Flatten_1", "Dense_3", ORT)),
                         "last": (("Conv_1", "MaxPool_2", ORT), ("Flatten_1", "Dense_3", target))}.items():
        plan = plan_of(tmp_path / f"{name}.json", *stages)
        assert 20 < sqnr(outputs(tmp_path / name, "-m", lenet, "--plan", plan, "--strict"), right) < 60


def test_planning_leaves_to_others_what_they_cannot_run(erf, tmp_path):
    made = tmp_path / "plan.json"
    outcome = call("plan", erf, "-d", f"{ORT},{EDGETPU}", "--strategy", "pipeline", "--no-run", "--profile", tmp_path / "profile.json", "-o", made)
    assert outcome.code in (0, UNSTABLE), outcome.describe()
    stages = json.loads(made.read_text())["stages"]
    on = {stage["first_op"]: stage["replicas"][0]["target"] for stage in stages}
    assert f"{EDGETPU}@litert" in on.values() and len(stages) > 1
    entries = json.loads((tmp_path / "profile.json").read_text())["entries"]
    refused = [entry["refused"] for entry in entries if "refused" in entry]
    assert refused and all("'erf' (Erf)" in why for why in refused)
    assert json.loads(made.read_text())["ranges"]
    assert call("run", "-m", erf, "--plan", made, "--strict").code == 0


@pytest.fixture
def bundle(erf, tmp_path):
    """Of a model whose Erf and what follows is left to the CPU; compiled."""
    outcome = call("edgetpu", erf, "-o", tmp_path / "bundle", "--samples", "4")
    assert outcome.code == 0, outcome.describe()
    return tmp_path / "bundle"


def test_a_bundle_runs_in_its_parts(erf, bundle, tmp_path):
    right = outputs(tmp_path / "float", "-m", erf, "-d", ORT)
    report = call_json("run", "-m", bundle, "-o", tmp_path / "out", "--strict", "--placement", "ops")
    part = report["targets"][0]["parts"]
    assert [(one["file"], one["target"]) for one in part] == [("edgetpu_compiled.tflite", f"{EDGETPU}@litert"), ("rest.onnx", ORT)]
    assert [op["kernel"] for op in part[0]["placement"]["by_op"]] == ["edgetpu-custom-op"]
    assert 15 < sqnr(np.load(next((tmp_path / "out").rglob("y.npy"))), right) < 60
    text = call("run", "-m", bundle, "--rest", "cpu@openvino").stdout
    assert "part       edgetpu_compiled.tflite on edgetpu:0@litert: 1 ops: 1 as-asked" in text and "rest.onnx on cpu@openvino" in text
    outcome = call("bench", "-m", bundle, "-t", "0.1")
    assert outcome.code in (0, UNSTABLE), outcome.describe()


def test_a_bundle_that_was_not_compiled_runs_on_the_cpu_by_name(erf, tmp_path):
    assert call("edgetpu", erf, "-o", tmp_path / "bundle", "--samples", "4", "--no-compile").code == 0
    outcome = call("run", "-m", tmp_path / "bundle")
    assert outcome.code == REFUSED and "left out (--no-compile)" in outcome.stderr and "cpu@litert" in outcome.stderr, outcome.describe()
    right = outputs(tmp_path / "float", "-m", erf, "-d", ORT)
    assert 15 < sqnr(outputs(tmp_path / "cpu", "-m", tmp_path / "bundle", "-d", "cpu@litert", "--strict"), right) < 60


def test_a_bundle_with_a_changed_part_is_refused(bundle):
    (bundle / "rest.onnx").write_bytes(b"something else")
    outcome = call("run", "-m", bundle)
    assert outcome.code == 3 and "rest.onnx" in outcome.stderr, outcome.describe()


def numbers_of(report):
    return report["targets"][0]["emulation"]["numbers"]


@pytest.mark.parametrize("target", ["emulated:coral-usb3", "emulated:coral-usb3/int8"])
def test_an_emulated_edge_tpu_computes_what_the_integer_file_computes(lenet, tmp_path, target):
    file = outputs(tmp_path / "file", "-m", lenet, "-d", LITERT)
    assert np.array_equal(outputs(tmp_path / "emulated", "-m", lenet, "-d", target, "--clock", "virtual"), file)
    assert numbers_of(call_json("run", "-m", lenet, "-d", target, "--clock", "virtual")) == "cpu@litert, in int8"


def test_an_emulated_edge_tpu_says_where_other_numbers_come_from(erf, tmp_path):
    numbers = numbers_of(call_json("run", "-m", erf, "-d", "emulated:pi-coral.coral-usb3", "--clock", "virtual"))
    assert numbers.startswith(f"{ORT}, quantized in ONNX (no file for LiteRT: ") and "'erf' (Erf)" in numbers
    right = outputs(tmp_path / "float", "-m", erf, "-d", ORT)
    assert 15 < sqnr(outputs(tmp_path / "emulated", "-m", erf, "-d", "emulated:pi-coral.coral-usb3", "--clock", "virtual"), right) < 60
    # Other devices compute as their hosts do.
    assert numbers_of(call_json("run", "-m", erf, "-d", "emulated:seed.gtx1650", "--clock", "virtual")).endswith("in fp32")


def test_conversions_are_steps_of_a_plan(lenet, tmp_path):
    """Measured apart, in the plan's file and drawing, and in the trace: one in, one out for a stage in integers between others in float."""
    made, trace = tmp_path / "plan.json", tmp_path / "trace.json"
    outcome = call("plan", lenet, "-d", LITERT, "--no-run", "--profile", tmp_path / "profile.json", "-o", made)
    assert outcome.code in (0, UNSTABLE) and "of a call, converts: " in outcome.stdout, outcome.describe()
    replica = json.loads(made.read_text())["stages"][0]["replicas"][0]
    assert 0 < replica["convert"]["in_ms"] + replica["convert"]["out_ms"] < replica["call_ms"]
    entries = json.loads((tmp_path / "profile.json").read_text())["entries"]
    # Also of units that only move values.
    assert all(entry["convert_in_ms"] > 0 for entry in entries)
    plan = plan_of(tmp_path / "mixed.json", ("Conv_1", "MaxPool_1", ORT), ("Conv_2", "MaxPool_2", LITERT), ("Flatten_1", "Dense_3", ORT))
    outcome = call("run", "-m", lenet, "--plan", plan, "--trace", trace, "-n", "5")
    assert outcome.code == 0, outcome.describe()
    events = json.loads(trace.read_text())
    events = events["traceEvents"] if isinstance(events, dict) else events
    assert sum(event.get("name") == "conversion" for event in events) >= 10
