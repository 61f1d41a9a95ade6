"""`consort compare` from outside. Whether a machine is quiet enough is not ours to assert: where it is not, the command says
"unstable" and ends with exit code 7, and that is checked instead."""

import csv
import io
import json
import math
import re
from pathlib import Path

import numpy
import pytest
from onnx import TensorProto

import models
from consort_cli import call

ORT = "cpu@onnxruntime"
OPENVINO = "cpu@openvino"
SHORT = ("-t", "0.2", "--loads", "2")
UNSTABLE = 7


@pytest.fixture
def double(tmp_path):
    return models.double(tmp_path / "double.onnx")


@pytest.fixture
def faulty(monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")


def fails(code, *arguments, says=()):
    outcome = call("compare", *arguments)
    assert outcome.code == code, outcome.describe()
    assert outcome.stderr.startswith("consort: "), outcome.describe()
    for word in [says] if isinstance(says, str) else says:
        assert word in outcome.stderr, outcome.describe()
    return outcome


def compare(model, device, *arguments, code=0):
    """The report as JSON, of a comparison that ends with `code` or, on a busy machine and where that would be 0, is unstable."""
    outcome = call("compare", "-m", model, "-d", device, *SHORT, *arguments, "--format", "json")
    report = json.loads(outcome.stdout)
    stable = "unstable" not in report
    assert outcome.code == (code if code or stable else UNSTABLE), outcome.describe()
    assert stable or "unstable" in outcome.stderr
    return report


def figures(report, index):
    """A target's verdict and times, wherever they stand."""
    target = report["targets"][index]
    assert ("unreliable" in target) == ("unstable" in report)
    return target.get("unreliable", target)


# --- Usage ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((), "two targets"),
        (("-d", ORT), "two targets"),
        (("-d", f"{ORT},toaster"), "unknown device 'toaster'"),
        (("-d", f"{ORT},{OPENVINO}", "--reference", "toaster"), "--reference"),
        (("-d", f"{ORT},{OPENVINO}", "--reference", "none", "--max-error", "1"), "nothing to bound"),
        (("-d", f"{ORT},{OPENVINO}", "--reference", "none", "--min-cosine", "0"), "nothing to bound"),
        (("-d", f"{ORT},{OPENVINO}", "--min-cosine", "2"), "not between -1 and 1"),
        (("-d", f"{ORT},{OPENVINO}", "--loads", "0"), "--loads"),
        (("-d", f"{ORT},{OPENVINO}", "-t", "0"), "--time"),
        (("-d", f"{ORT},{OPENVINO}", "--input-sets", "0"), "--input-sets"),
        (("-d", f"{ORT},{OPENVINO}", "--format", "xml"), "'xml'"),
    ],
)
def test_usage_errors(double, arguments, says):
    assert fails(2, "-m", double, *arguments, says=says).stdout == ""


def test_a_model_is_needed_for_the_reference_too(double):
    fails(2, "-m", f"openvino={double}", "-d", f"{OPENVINO},{OPENVINO}", says="--reference: no model is given for cpu@onnxruntime")


def test_missing_models_and_inputs(double, tmp_path):
    fails(3, "-m", tmp_path / "none.onnx", "-d", f"{ORT},{OPENVINO}", says="none.onnx")
    fails(3, "-m", double, "-d", f"{ORT},{OPENVINO}", "-i", tmp_path / "none.npy", says="none.npy")


def test_documented_options_are_those_of_the_help():
    text = call("compare", "--help").stdout
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    section = page.split("## consort compare\n")[1].split("\n## ")[0]
    options = set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help"}
    assert options and options == set(re.findall(r"--[a-z][a-z-]+", section))


def test_help_fits_80_columns():
    outcome = call("compare", "--help")
    assert outcome.code == 0 and "Examples:" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80


# --- Figures --------------------------------------------------------------------------------------------------------------------


def test_json_keys(double):
    report = compare(double, f"{ORT},{OPENVINO}")
    assert set(report) - {"unstable"} == {
        "targets", "reference", "times", "rounds", "loads", "seed", "isolated", "denormals_flushed", "noise", "environment",
    }  # fmt: skip
    assert [target["target"] for target in report["targets"]] == [ORT, OPENVINO]
    for index, target in enumerate(report["targets"]):
        times = {"verdict", "median_ms", "ratio", "ratio_by_load"}
        assert set(target) | times == times | {"unreliable"} & set(target) | {
            "kind", "provenance", "target", "label", "device", "engine", "model", "fingerprint", "precision", "threads", "cores",
            "queries",
            "accuracy", "misses", "placement",
        }  # fmt: skip
        assert set(figures(report, index)) >= times
        assert set(target["accuracy"]) == {
            "inputs", "cosine", "max_rel_error", "sqnr_db", "top1", "nonfinite_mismatches", "worst_output",
        }  # fmt: skip
    assert report["reference"] == ORT and report["loads"] == 2
    assert set(report["noise"]) == {"discarded_rounds", "discarded_share", "clean_s", "probe_us", "blind_spot"}


def test_intervals_hold_their_estimates(double):
    report = compare(double, f"{ORT},{OPENVINO}")
    for index in range(2):
        for key in ("median_ms", "ratio"):
            interval = figures(report, index)[key]
            assert interval is None or 0 < interval["low"] <= interval["estimate"] <= interval["high"]
    assert report["rounds"] == 0 or figures(report, 0)["verdict"] == "baseline"
    assert report["rounds"] == 0 or figures(report, 0)["ratio"] == {"estimate": 1, "low": 1, "high": 1}


def test_the_same_target_twice_is_labelled_and_compared(double):
    report = compare(double, f"{ORT},{ORT}")
    assert [target["label"] for target in report["targets"]] == [f"{ORT} (1)", f"{ORT} (2)"]
    assert [target["target"] for target in report["targets"]] == [ORT, ORT]
    if "unstable" not in report:
        ratio, verdict = report["targets"][1]["ratio"], report["targets"][1]["verdict"]
        small = 1 / 1.05 < ratio["estimate"] < 1.05 or ratio["low"] <= 1 <= ratio["high"]
        assert (verdict == "tie") == small


# The sleeping device takes 50 ms, the null device none: no noise turns that round.
def test_a_slow_target_is_slower_and_a_fast_one_faster(double, faulty):
    options = ("--reference", "none", "-t", "0.5")
    cases = (("null,faulty:slow", "slower", lambda x: x > 10), ("faulty:slow,null", "faster", lambda x: x < 0.1))
    for device, word, compares in cases:
        outcome = call("compare", "-m", double, "-d", device, "--loads", "1", *options, "--format", "json")
        assert outcome.code in (0, UNSTABLE), outcome.describe()
        report = json.loads(outcome.stdout)
        if report["rounds"] > 0:
            assert figures(report, 1)["verdict"] == word
            assert compares(figures(report, 1)["ratio"]["estimate"])
        assert report["reference"] is None
        assert [target["accuracy"] for target in report["targets"]] == [None, None]


# --- Accuracy -------------------------------------------------------------------------------------------------------------------


def test_right_numbers(double):
    report = compare(double, f"{ORT},{OPENVINO}", "--min-cosine", "0.999999", "--max-error", "1e-6")
    for target in report["targets"]:
        assert target["accuracy"]["inputs"] == 8 and target["misses"] == []
        assert target["accuracy"]["max_rel_error"] == 0 and target["accuracy"]["sqnr_db"] is None  # equal: infinite
        assert target["accuracy"]["top1"] == 1


@pytest.mark.parametrize("bound, says", [(("--min-cosine", "0.5"), "cosine"), (("--max-error", "0.1"), "error")])
def test_wrong_numbers_end_in_code_5_and_name_the_target(double, bound, says):
    report = compare(double, f"{ORT},null", *bound, code=5)
    assert report["targets"][0]["misses"] == [] and says in report["targets"][1]["misses"][0]
    assert report["targets"][1]["accuracy"]["cosine"] == 0 and report["targets"][1]["accuracy"]["max_rel_error"] == 1
    outcome = fails(5, "-m", double, "-d", f"{ORT},null", *SHORT, *bound, says=("consort: null@null:", says))
    assert f"consort: {ORT}:" not in outcome.stderr


def test_the_reference_can_be_chosen(double):
    report = compare(double, f"{ORT},null", "--reference", "null")
    assert report["reference"] == "null@null"
    assert report["targets"][0]["accuracy"]["max_rel_error"] is None  # over a reference of zeros
    assert report["targets"][1]["accuracy"]["cosine"] == 1


def test_input_files_are_one_set(double, tmp_path):
    numpy.save(tmp_path / "x.npy", numpy.ones((2, 3), numpy.float32))
    files = ("-i", tmp_path / "x.npy")
    assert compare(double, f"{ORT},{OPENVINO}", *files)["targets"][0]["accuracy"]["inputs"] == 1
    assert compare(double, f"{ORT},{OPENVINO}", *files, "--input-sets", "3")["targets"][0]["accuracy"]["inputs"] == 3


def computes_in(precision):
    devices = json.loads(call("devices", "--format", "json").stdout)["devices"]
    return any(device["target"] == OPENVINO and precision in device["precisions"] for device in devices)


def test_less_precise_arithmetic_shows(tmp_path):
    if not computes_in("bf16"):
        pytest.skip("this processor does not compute in bf16")
    model = models.matmul(tmp_path / "matmul.onnx", 64)
    precise, rough = (target["accuracy"] for target in compare(model, f"{OPENVINO},{OPENVINO}/bf16")["targets"])
    assert precise["max_rel_error"] < 1e-5 < 1e-4 < rough["max_rel_error"] < 0.1
    assert 20 < rough["sqnr_db"] < 80 < (precise["sqnr_db"] or math.inf)
    assert rough["cosine"] > 0.999 and not math.isclose(rough["cosine"], 1, abs_tol=1e-9)


# --- Placement and faults -------------------------------------------------------------------------------------------------------


# OpenVINO's CPU plugin computes float64 in fp32.
def test_strict_refuses_before_anything_is_measured(double, tmp_path):
    model = models.double(tmp_path / "float64.onnx", dtype=TensorProto.DOUBLE)
    outcome = fails(4, "-m", model, "-d", f"{ORT},{OPENVINO}", *SHORT, "--strict", says=(OPENVINO, "float64"))
    assert outcome.stdout == ""
    compare(double, f"{ORT},{OPENVINO}", "--strict")


def test_a_lost_device_is_code_6(double, faulty):
    fails(6, "-m", double, "-d", f"{ORT},faulty:lost", *SHORT, says="faulty:lost")


# --- Forms ----------------------------------------------------------------------------------------------------------------------


def test_the_table_fits_80_columns(double):
    for device in (f"{ORT},{OPENVINO},null", f"{ORT},{ORT}"):
        outcome = call("compare", "-m", double, "-d", device, *SHORT)
        assert outcome.code in (0, UNSTABLE), outcome.describe()
        assert max(map(len, outcome.stdout.splitlines())) <= 80
        header = outcome.stdout.splitlines()[0]
        assert all(word in header for word in ("target", "ms", "95 % interval", "cosine", "error", "SQNR", "top1"))
        assert re.search(r"^rounds +\d+ counted of \d+, 2 loads", outcome.stdout, re.M)
        assert ("unstable" in outcome.stdout) == (outcome.code == UNSTABLE)


def test_csv_and_markdown_hold_every_target(double):
    outcome = call("compare", "-m", double, "-d", f"{ORT},{OPENVINO}", *SHORT, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert [row["target"] for row in rows] == [ORT, OPENVINO]
    assert float(rows[1]["cosine"]) > 0.999 and int(rows[0]["rounds"]) >= 0
    lines = call("compare", "-m", double, "-d", f"{ORT},{OPENVINO}", *SHORT, "--format", "md").stdout.splitlines()
    assert lines[0].startswith("| target | ms |") and lines[2].startswith(f"| {ORT} |") and lines[3].startswith(f"| {OPENVINO} |")
