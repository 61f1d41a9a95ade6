"""Targets in int8 and uint8 take the float model: it is quantized for them, whole and in shards, with ranges that plans carry."""

import json

import numpy as np
import pytest

from consort_cli import call
from test_plan_local import OPENVINO, ORT, UNSTABLE

INT8 = f"{OPENVINO}/int8"
OPS = ["Conv_1", "Relu_1", "MaxPool_1", "Conv_2", "Relu_2", "MaxPool_2", "Flatten_1", "Dense_1", "Relu_3", "Dense_2", "Relu_4", "Dense_3"]


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    path = tmp_path_factory.mktemp("lenet") / "lenet.onnx"
    assert call("make", "lenet", "-o", path).code == 0
    return path


def outputs(folder, *arguments):
    outcome = call("run", *arguments, "-o", folder)
    assert outcome.code == 0, outcome.describe()
    return np.load(next(folder.rglob("logits.npy")))


def error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


def mixed(path, **keys):
    """Convolutions in int8 on one engine, dense layers in fp32 on the other."""
    stages = [{"first_op": first, "last_op": last, "replicas": [{"target": target}]}
              for first, last, target in (("Conv_1", "MaxPool_2", INT8), ("Flatten_1", "Dense_3", ORT))]
    path.write_text(json.dumps({"stages": stages, **keys}))
    return path


@pytest.mark.parametrize("target", [INT8, f"{ORT}/int8", f"{ORT}/uint8"])
def test_a_float_model_runs_in_integers_nearly_right(lenet, tmp_path, target):
    right = outputs(tmp_path / "float", "-m", lenet, "-d", ORT)
    assert 1e-3 < error(outputs(tmp_path / "integer", "-m", lenet, "-d", target), right) < 0.15


def test_the_placement_is_told_by_the_float_models_ops(lenet):
    report = json.loads(call("run", "-m", lenet, "-d", INT8, "--placement", "ops", "--format", "json").stdout)
    assert [op["name"] for op in report["targets"][0]["placement"]["by_op"]] == OPS


def test_a_plan_mixes_precisions_and_heeds_the_ranges_that_it_carries(lenet, tmp_path):
    right = outputs(tmp_path / "float", "-m", lenet, "-d", ORT)
    good = error(outputs(tmp_path / "mixed", "-m", lenet, "--plan", mixed(tmp_path / "plan.json")), right)
    assert 1e-4 < good < 0.15
    # With ranges of a tenth of a tenth its first half saturates, and is told to be the stage that goes wrong.
    ranges = [[name, -0.01, 0.01] for name in ("image", *OPS[:6])]
    outcome = call("run", "-m", lenet, "--plan", mixed(tmp_path / "narrow.json", ranges=ranges), "--max-error", "0.2")
    assert outcome.code == 5 and f"stage 0 on {INT8} is the first that goes wrong" in outcome.stderr, outcome.describe()


def test_planning_chooses_among_precisions_within_the_bounds(lenet, tmp_path):
    made = tmp_path / "plan.json"
    outcome = call("plan", lenet, "-d", INT8, "--no-run", "-o", made)
    assert outcome.code in (0, UNSTABLE), outcome.describe()
    plan = json.loads(made.read_text())
    assert {replica["target"] for stage in plan["stages"] for replica in stage["replicas"]} == {INT8}
    assert {entry[0] for entry in plan["ranges"]} >= {"image", "logits", *OPS[:-1]}
    report = json.loads(call("plan", lenet, "-d", f"{ORT},{INT8}", "--no-run", "--min-cosine", "0.9999999", "--format", "json").stdout)
    assert report["targets"] == [ORT] and INT8 in report["left_out"][0]
