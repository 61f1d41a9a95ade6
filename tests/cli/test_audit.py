"""`consort audit` and `consort convert` from outside: what a file is, said in a sentence, in JSON and by the exit code."""

import sys
from pathlib import Path

import numpy as np
import pytest

from consort_cli import call, call_json

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
import make_tflite

BAD_INPUT, PLACEMENT_REFUSED = 3, 4
EDGETPU = "edgetpu-custom-op"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tflite")
    make_tflite.write_all(folder)
    return folder


def test_a_model_for_the_cpu(files):
    outcome = call("audit", files / "conv_int8.tflite", "--tensors")
    assert outcome.code == 0, outcome.describe()
    assert outcome.stdout.startswith("not compiled for the Edge TPU: 4 operators, all for the CPU; full-integer int8\n")
    assert all(len(line) <= 80 for line in outcome.stdout.splitlines())
    report = call_json("audit", files / "conv_int8.tflite")
    assert not report["compiled"] and report["full_integer"]
    # 8x8 positions, 8 filters of 3x3x3; 128 inputs, 10 units.
    assert report["cpu_macs"] == 64 * 8 * 27 + 128 * 10
    assert report["inputs"][0]["zero_point"] == [-3] and report["inputs"][0]["scale"] == [pytest.approx(0.03)]


def test_floating_point_is_said(files):
    report = call_json("audit", files / "conv_float.tflite")
    assert not report["full_integer"] and len(report["float_operators"]) == 4
    assert "not full-integer" in report["verdict"]


def test_a_compiled_model(files):
    report = call_json("audit", files / "edgetpu_custom.tflite", "--require-edgetpu")
    assert report["compiled"] and report["cpu_operators"] == 0 and report["edgetpu_operators"] == 1
    assert report["decoys"] == []


def test_a_decoy_is_not_compiled(tmp_path):
    writer = make_tflite.ModelWriter()
    x, y = writer.tensor(EDGETPU, [1, 4], "float32"), writer.tensor("y", [1, 4], "float32")
    writer.operator(make_tflite.schema.BuiltinOperator.RELU, [x], [y])
    writer.write(tmp_path / "decoy.tflite", [x], [y])
    report = call_json("audit", tmp_path / "decoy.tflite")
    assert not report["compiled"] and report["decoys"] == ["a name"]
    outcome = call("audit", tmp_path / "decoy.tflite", "--require-edgetpu")
    assert outcome.code == PLACEMENT_REFUSED, outcome.describe()
    assert "not compiled for the Edge TPU" in outcome.stderr


def test_files_that_are_no_models(files, tmp_path):
    sound = (files / "conv_int8.tflite").read_bytes()
    rng = np.random.Generator(np.random.PCG64(5))
    bad = {"truncated": sound[: len(sound) // 2], "random": rng.bytes(4096), "empty": b"", "header": sound[:8],
           "text": b"edgetpu-custom-op" * 50}
    for name, data in bad.items():
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(data)
        outcome = call("audit", path)
        assert outcome.code == BAD_INPUT, outcome.describe()
        assert f"{name}.tflite" in outcome.stderr and len(outcome.stderr.splitlines()) == 1
    assert call("audit", tmp_path / "missing.tflite").code == BAD_INPUT


def test_convert_refuses_what_is_not_quantized(tmp_path):
    call_json("make", "lenet", "-o", tmp_path / "lenet.onnx")
    outcome = call("convert", tmp_path / "lenet.onnx", "-o", tmp_path / "lenet.tflite")
    assert outcome.code == 1, outcome.describe()
    assert "is not quantized" in outcome.stderr
    assert not (tmp_path / "lenet.tflite").exists()
