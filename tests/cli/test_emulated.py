"""Emulated targets from outside: the word "emulated" on every figure, overruns, the virtual clock, names. A noisy machine may end a
row as unstable (exit code 7); no test depends on how long something takes, except that computing takes longer than a nanosecond."""

import csv
import io
import json

import pytest

import models
from consort_cli import call, call_json

ORT = "cpu@onnxruntime"
QUICK = ("-n", "40", "--loads", "2", "--patience", "1", "--no-advice")
SHORT = ("-t", "0.05", "--loads", "1", "--input-sets", "2")

PLATFORM = """
name = "bench"
summary = "Two chips"

[[device]]
name = "slow"
kind = "npu"
summary = "A chip with a long call"
precisions = ["fp32", "int8"]
memory = { value = "1 MB", source = "made up" }
missing_ops = ["Softmax"]
warning = "this chip does not exist"
power = { idle = "1 W", active = "2 W", source = "made up" }

[device.cost]
model = "roofline"
source = "made up"
peak_fp32 = "1 TFLOPS"
peak_int8 = "2 TOPS"
compute_efficiency = "50 %"
memory_bandwidth = "100 GB/s"
call_overhead = "5 ms"
error_low = "50 %"
error_high = "200 %"

[[device]]
name = "instant"
kind = "npu"
summary = "A chip with next to no time"
precisions = ["fp32"]
power = { idle = "1 W", active = "2 W", source = "made up" }

[device.cost]
model = "roofline"
source = "made up"
peak_fp32 = "1000 TFLOPS"
compute_efficiency = "100 %"
memory_bandwidth = "1000 TB/s"
call_overhead = "0.000001 ms"
error_low = "50 %"
error_high = "200 %"
"""


@pytest.fixture
def platform(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text(PLATFORM)
    return path


@pytest.fixture
def double(tmp_path):
    return models.double(tmp_path / "double.onnx")


def usage(*arguments, says):
    outcome = call(*arguments)
    assert outcome.code == 2 and outcome.stdout == "", outcome.describe()
    for word in says:
        assert word in outcome.stderr, outcome.describe()


# --- Names --------------------------------------------------------------------------------------------------------------------


def test_unknown_names_list_the_valid_ones(double, platform):
    usage("run", "-m", double, "-d", "emulated:no-such", says=["emulated:no-such", "coral-usb3", "seed.gtx1650", "--platform"])
    usage("run", "-m", double, "-d", "emulated", says=["emulated:coral-usb3"])
    usage("run", "-m", double, "-d", "emulated:seed", says=["emulated:seed.gtx1650", "say which one"])
    usage("run", "-m", double, "-d", "emulated:seed.tpu", says=["has no device 'tpu'", "emulated:seed.gtx1650"])
    usage("run", "-m", double, "-d", "emulated:quick", "--platform", platform, says=["no such device", "slow"])
    usage("run", "-m", double, "-d", "emulated:gtx1650@litert", says=["onnxruntime, openvino, null"])


def test_a_platform_that_is_not_there(double):
    outcome = call("run", "-m", double, "-d", "emulated:slow", "--platform", "no-such.toml")
    assert outcome.code == 3 and "no-such.toml" in outcome.stderr, outcome.describe()


@pytest.mark.parametrize("target", ["emulated:gtx1650", "emulated:seed.gtx1650", "emulated:coral-usb3", "emulated:xeon-2.2ghz"])
def test_shipped_devices_are_targets(double, target):
    report = call_json("run", "-m", double, "-d", target, "--clock", "virtual")["targets"][0]
    assert report["provenance"] == "emulated"
    assert report["emulation"]["modelled_ms"] > 0


def test_devices_of_a_platform_are_listed(platform):
    report = call_json("devices", "--platform", platform)
    emulated = [device for device in report["devices"] if device["provenance"] == "emulated"]
    assert {device["target"] for device in emulated} == {
        f"emulated:{name}@{host}" for name in ("slow", "instant") for host in ("onnxruntime", "openvino", "null")
    }
    assert all(device["name"].startswith("emulated ") for device in emulated)
    assert emulated[0]["warning"] == "this chip does not exist" and emulated[0]["memory_bytes"] == 1_000_000
    table = call("devices", "--platform", platform).stdout
    assert "emulated:slow@onnxruntime" in table and "this chip does not exist" in table


def test_devices_names_what_emulated_takes():
    report = call_json("devices")
    assert {"coral-usb3", "seed.gtx1650"} <= set(report["emulated"])
    assert all(device["provenance"] == "measured" for device in report["devices"])
    assert "coral-usb3" in call("devices").stdout


# --- run ----------------------------------------------------------------------------------------------------------------------


def check_emulated(target, numbers):
    assert target["emulation"]["numbers"] == numbers
    assert target["emulation"]["overruns"] == 0
    assert 5 <= target["emulation"]["modelled_ms"] < 6
    assert target["placement"]["evidence"].startswith("emulated: numbers from")


def test_numbers_are_the_hosts_bit_for_bit(tmp_path, platform):
    model = models.matmul(tmp_path / "matmul.onnx")
    report = call_json("run", "-m", model, "-d", f"{ORT},emulated:slow", "--platform", platform, "--tolerance", "0", "--clock", "virtual")
    real, emulated = report["targets"]
    assert real["provenance"] == "measured" and "emulation" not in real
    assert emulated["outputs"][0]["against_first"]["bitwise_equal"]
    check_emulated(emulated, f"{ORT}, in fp32")


def test_in_int8_numbers_are_those_of_the_quantized_model(tmp_path, platform):
    model = models.matmul(tmp_path / "matmul.onnx")
    report = call_json("run", "-m", model, "-d", f"{ORT},emulated:slow/int8", "--platform", platform, "--clock", "virtual")
    emulated = report["targets"][1]
    against = emulated["outputs"][0]["against_first"]
    assert not against["bitwise_equal"] and against["cosine"] > 0.99, against
    check_emulated(emulated, ORT)


def test_run_says_emulated(double, platform):
    text = call("run", "-m", double, "-d", "emulated:slow", "--platform", platform, "--clock", "virtual").stdout
    assert "emulated bench.slow" in text
    assert "emulated   5.000 ms per inference by cost model roofline of bench.slow" in text
    assert "expected between 2.500 ms and 15.00 ms" in text
    assert "warning    this chip does not exist" in text


def test_an_overrun_has_no_emulated_time(double, platform):
    report = call_json("run", "-m", double, "-d", "emulated:instant", "--platform", platform)["targets"][0]
    assert report["emulation"]["overruns"] == report["emulation"]["calls"] == 1
    assert report["emulation"]["modelled_ms"] is None
    assert "@null" in report["emulation"]["overrun"]
    assert report["outputs"][0]["max"] != 0
    text = call("run", "-m", double, "-d", "emulated:instant", "--platform", platform).stdout
    assert "overrun: 1 of 1 calls" in text and "per inference" not in text


def test_without_numbers_the_host_keeps_up(double, platform):
    report = call_json("run", "-m", double, "-d", f"{ORT},emulated:slow@null", "--platform", platform)["targets"][1]
    assert report["emulation"]["overruns"] == 0 and report["emulation"]["modelled_ms"] > 0
    assert report["outputs"][0]["max"] == 0
    assert "no numbers" in report["outputs"][0]["against_first"]["problem"]


def test_deadlines_pass_in_virtual_time(double, platform):
    arguments = ("run", "-m", double, "-d", "emulated:slow", "--platform", platform, "--clock", "virtual")
    late = call(*arguments, "--timeout", "0.004")
    assert late.code == 1 and "no result within 0.004 s" in late.stderr, late.describe()
    assert call(*arguments, "--timeout", "0.006").code == 0


def test_ten_thousand_virtual_calls(double, platform):
    """50 s of modelled time; the test's own limit is that the program ends at all."""
    report = call_json("run", "-m", double, "-d", "emulated:slow@null", "--platform", platform, "--clock", "virtual", "-n", "10000")
    assert report["targets"][0]["emulation"]["calls"] == 10_000


def test_what_the_device_cannot_do_is_refused(tmp_path, double, platform):
    big = models.matmul(tmp_path / "big.onnx", size=600)
    arguments = ("run", "-m", big, "--platform", platform, "--clock", "virtual", "-d")
    outcome = call(*arguments, "emulated:slow")
    assert outcome.code == 1, outcome.describe()
    assert "the weights need 1.4 MiB in fp32, and the device has 976.6 KiB" in outcome.stderr
    assert call(*arguments, "emulated:slow/int8").code == 0
    outcome = call("run", "-m", double, "--platform", platform, "-d", "emulated:slow/bf16")
    assert outcome.code == 1 and "fp32, int8 only" in outcome.stderr, outcome.describe()


def test_an_isolated_host(double, platform):
    report = call_json("run", "-m", double, "-d", "emulated:slow", "--platform", platform, "--isolate", "--clock", "virtual")
    assert report["targets"][0]["provenance"] == "emulated"
    assert report["targets"][0]["outputs"][0]["max"] != 0


# --- bench --------------------------------------------------------------------------------------------------------------------


def bench(double, platform, target, form="json"):
    outcome = call("bench", "-m", double, "-d", target, "--platform", platform, *QUICK, "--format", form)
    assert outcome.code in (0, 7), outcome.describe()
    return outcome


def test_bench_rows_say_emulated(double, platform):
    real, emulated = json.loads(bench(double, platform, f"{ORT},emulated:slow").stdout)["rows"]
    assert (real["kind"], real["provenance"]) == ("measured", "measured") and "emulation" not in real
    assert (emulated["kind"], emulated["provenance"]) == ("emulated", "emulated")
    phases = {phase["name"]: phase for phase in emulated["phases"]}
    for name in ("load", "open", "compile", "first_run"):
        assert "host" in phases[name]["not_measured"], name
    assert "modelled time" in phases["host_to_device"]["not_measured"]
    assert emulated["emulation"]["warning"] == "this chip does not exist"
    assert emulated["emulation"]["error_high"] == 3


def test_bench_prints_no_emulated_time_after_an_overrun(double, platform):
    outcome = bench(double, platform, "emulated:instant")
    assert outcome.code == 7 and "overrun: " in outcome.stderr
    (row,) = json.loads(outcome.stdout)["rows"]
    assert row["emulation"]["overruns"] > 0 and "@null" in row["overrun"]
    assert not {"latency_ms", "throughput_per_s", "load_medians_ms", "unreliable"} & row.keys()
    assert not any("times_ms" in phase or "unreliable" in phase for phase in row["phases"])
    (row,) = csv.DictReader(io.StringIO(bench(double, platform, "emulated:instant", "csv").stdout))
    assert row["provenance"] == "emulated" and row["overrun"]
    assert row["median_ms"] == row["p50_ms"] == row["throughput_per_s"] == row["end_to_end_ms"] == "overrun"


def test_bench_tables_say_emulated(double, platform):
    text = bench(double, platform, f"{ORT},emulated:slow", "table").stdout
    assert "measured and emulated, single:" in text
    assert "latency    emulated: " in text and "compute (emulated)" in text
    assert "warning    this chip does not exist" in text
    rows = [line for line in text.splitlines() if line.startswith("emulated:slow@onnxruntime ")]
    assert rows and all(" emulated " in line for line in rows)
    markdown = bench(double, platform, "emulated:slow", "md").stdout
    assert "| emulated:slow@onnxruntime | emulated |" in markdown and "this chip does not exist" in markdown
    assert "\nEmulated: " in markdown


def test_bench_refuses_the_virtual_clock(double):
    usage("bench", "-m", double, "--clock", "virtual", says=["virtual", "consort simulate -n"])


# --- compare ------------------------------------------------------------------------------------------------------------------


def test_compare_mixes_real_and_emulated(double, platform):
    outcome = call("compare", "-m", double, "-d", f"{ORT},emulated:slow", "--platform", platform, *SHORT, "--format", "json")
    assert outcome.code in (0, 7), outcome.describe()
    real, emulated = json.loads(outcome.stdout)["targets"]
    assert (real["kind"], emulated["kind"]) == ("measured", "emulated")
    assert emulated["accuracy"]["cosine"] == pytest.approx(1)
    assert emulated["emulation"]["warning"] == "this chip does not exist"


def test_compare_has_no_figures_after_an_overrun(double, platform):
    outcome = call("compare", "-m", double, "-d", f"{ORT},emulated:instant", "--platform", platform, *SHORT, "--format", "csv")
    assert outcome.code == 7 and "overrun: " in outcome.stderr, outcome.describe()
    real, emulated = csv.DictReader(io.StringIO(outcome.stdout))
    assert (real["provenance"], emulated["provenance"]) == ("measured", "emulated")
    assert emulated["median_ms"] == emulated["ratio"] == "" and emulated["overrun"]
    text = call("compare", "-m", double, "-d", f"{ORT},emulated:instant", "--platform", platform, *SHORT).stdout
    assert "emulated" in text and "overrun" in text and "per inference" not in text


def test_zeros_are_not_judged(double, platform):
    arguments = ("compare", "-m", double, "-d", f"{ORT},emulated:slow@null", "--platform", platform, *SHORT, "--format", "json")
    outcome = call(*arguments)
    assert outcome.code in (0, 7), outcome.describe()
    emulated = json.loads(outcome.stdout)["targets"][1]
    assert emulated["accuracy"] is None and "no numbers" in emulated["accuracy_problem"]
    assert call(*arguments, "--min-cosine", "0.9").code == 5
