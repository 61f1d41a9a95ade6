"""Plans over targets of this machine: `consort profile`, `consort plan` on targets, `bench --plan` and `compare --plan`. Whether a machine is
quiet enough is not ours to assert: where it is not, the commands end with exit code 7, and that is taken as well."""

import json
import shutil

import numpy as np
import pytest
from onnx import helper, numpy_helper

import models
from consort_cli import call
from model_inputs import load_models

ORT, OPENVINO = "cpu@onnxruntime", "cpu@openvino"
BOTH = f"{ORT},{OPENVINO}"
NULL = "emulated:coral-usb3@null"
STAGES, SIZE = 4, 64
UNSTABLE = 7
PROFILE_KEYS = {"format", "version", "model", "model_fingerprint", "processor", "logical_cores", "settings", "entries", "links"}
ENTRY_KEYS = {"target", "engine", "threads", "batch", "first_op", "last_op"}
MEASURED_KEYS = ENTRY_KEYS | {"call_ms", "low_ms", "high_ms", "calls", "discarded", "in_plan"}
LINK_KEYS = {"from", "to", "latency_ms", "bytes_per_s"}
PLAN_KEYS = {
    "format", "version", "model", "model_fingerprint", "platform", "platform_fingerprint", "objective", "strategy", "batch", "latency_ms",
    "throughput_per_s", "joules_per_sample", "gain_over_best_single", "bottleneck", "measured", "reason", "stages",
}
REPORT_KEYS = {
    "provenance", "model", "platform", "objective", "batch", "cut_positions", "units", "planning_ms", "gain_over_best_single", "chosen",
    "best_single", "plans", "refused", "targets", "profiling_ms", "unstable", "choice", "accuracy", "left_out", "runs",
}
RUN_KEYS = {"turn", "plan", "provenance", "predicted_ms", "measured_ms", "ratio", "ratio_low", "ratio_high"}
BENCH_KEYS = {
    "provenance", "model", "fingerprint", "name", "plan", "latency", "between_results", "throughput_per_s", "overrun", "stages", "accuracy",
    "loads", "seed", "environment", "emulation", "load_ms", "joules_per_inference", "energy_source",
}
ACCURACY_KEYS = {"reference", "inputs", "cosine", "max_rel_error", "sqnr_db", "top1", "misses", "first_bad_stage"}


def make_chain(path, seed=0):
    """x → four times (MatMul with seeded weights, Tanh) → y. Ops matmul0, tanh0, …"""
    random = np.random.default_rng(seed)
    nodes, weights, tensor = [], [], "x"
    for stage in range(STAGES):
        weights.append(numpy_helper.from_array(random.standard_normal((SIZE, SIZE), np.float32) / 8, f"w{stage}"))
        output = "y" if stage == STAGES - 1 else f"t{stage}"
        nodes += [
            helper.make_node("MatMul", [tensor, f"w{stage}"], [f"m{stage}"], f"matmul{stage}"),
            helper.make_node("Tanh", [f"m{stage}"], [output], f"tanh{stage}"),
        ]
        tensor = output
    return models.save(path, nodes, [models.value("x", (4, SIZE))], [models.value("y", (4, SIZE))], weights)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return make_chain(tmp_path_factory.mktemp("chain") / "chain.onnx")


@pytest.fixture(scope="module")
def measured(chain, tmp_path_factory):
    """A profile of the chain on two targets, so that each test need not measure."""
    path = tmp_path_factory.mktemp("profile") / "chain.profile.json"
    outcome = call("profile", chain, "-d", BOTH, "--units", "2", "-t", "0.02", "-o", path)
    assert outcome.code == 0, outcome.describe()
    return path


@pytest.fixture
def profile(measured, tmp_path):
    """Its copy: plans that run write into it."""
    return shutil.copy(measured, tmp_path / "chain.profile.json")


def write_plan(path, stages, **keys):
    """Stages as lists of targets, of equally many ops of the chain."""
    each = STAGES // len(stages)
    plan = {"stages": [{"first_op": f"matmul{i * each}", "last_op": f"tanh{(i + 1) * each - 1}",
                        "replicas": [{"target": target} for target in targets]} for i, targets in enumerate(stages)], **keys}
    path.write_text(json.dumps(plan))
    return path


@pytest.fixture
def pipeline(tmp_path):
    return write_plan(tmp_path / "plan.json", [[ORT], [OPENVINO]], batch=4, objective="throughput")


def succeeds(*arguments):
    """What was printed; a noisy machine may end it with exit code 7, and then says why."""
    outcome = call(*arguments)
    assert outcome.code in (0, UNSTABLE), outcome.describe()
    assert outcome.code == 0 or "unstable" in outcome.stderr, outcome.describe()
    return outcome.stdout


def succeeds_json(*arguments):
    return json.loads(succeeds(*arguments, "--format", "json"))


def fails(code, *arguments, says):
    outcome = call(*arguments)
    assert outcome.code == code and outcome.stdout == "", outcome.describe()
    assert outcome.stderr.startswith("consort: ") and says in outcome.stderr, outcome.describe()


def replicas(stages):
    return [replica for stage in stages for replica in stage["replicas"]]


def narrow(text):
    return max(map(len, text.splitlines())) <= 80


# --- profile --------------------------------------------------------------------------------------------------------------------


def test_a_profile_has_the_documented_keys(chain, profile):
    kept = json.loads(profile.read_text())
    assert set(kept) == PROFILE_KEYS and kept["format"] == "consort-profile"
    assert {entry["target"] for entry in kept["entries"]} == {ORT, OPENVINO}
    for entry in kept["entries"]:
        assert set(entry) == MEASURED_KEYS
        assert 0 < entry["low_ms"] <= entry["call_ms"] <= entry["high_ms"] and entry["calls"] > 0 and not entry["in_plan"]
    whole = [entry for entry in kept["entries"] if (entry["first_op"], entry["last_op"]) == ("matmul0", "tanh3")]
    assert whole and len(kept["entries"]) > len(whole), "the whole model, and its units"
    assert kept["links"] and all(set(link) == LINK_KEYS for link in kept["links"])


def test_what_the_file_holds_is_not_measured_again(chain, profile, tmp_path):
    kept = json.loads(profile.read_text())
    for entry in kept["entries"]:
        entry.update(calls=123456789, discarded=0.0)  # what was noise alone is measured again
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(kept))
    outcome = call("profile", chain, "-d", BOTH, "--units", "2", "-t", "0.02", "-o", path)
    assert outcome.code == 0, outcome.describe()
    assert json.loads(path.read_text())["entries"] == kept["entries"]
    cut_off = dict(kept, entries=kept["entries"][1:])
    path.write_text(json.dumps(cut_off))
    assert call("profile", chain, "-d", BOTH, "--units", "2", "-t", "0.02", "-o", path).code == 0
    completed = json.loads(path.read_text())["entries"]
    assert completed[1:] == cut_off["entries"] and completed[0]["calls"] != 123456789


def test_the_table_says_measured_and_names_units_and_targets(chain, profile):
    outcome = call("profile", chain, "-d", BOTH, "--units", "2", "-t", "0.02", "-o", profile)
    assert outcome.code == 0, outcome.describe()
    assert outcome.stdout.startswith("measured")
    for word in (ORT, OPENVINO, "the whole model", "matmul0", f"wrote {profile}"):
        assert word in outcome.stdout
    assert narrow(outcome.stdout.replace(str(profile), ""))


def test_a_stale_profile_is_refused(profile, tmp_path):
    other = make_chain(tmp_path / "chain.onnx", seed=0)
    double = models.double(tmp_path / "double.onnx")
    fails(3, "profile", double, "-d", ORT, "-o", profile, says="another model")
    fails(3, "plan", double, "-d", ORT, "--profile", profile, says="another model")
    fails(3, "profile", other, "-d", ORT, "--optimization", "none", "-o", profile, says="other settings")


@pytest.mark.parametrize("code, arguments, says", [
    (2, ("-d", NULL), "is emulated"),
    (2, ("-d", "toaster"), "toaster"),
    (2, ("--units", "0"), "--units"),
    (2, ("-t", "0"), "--time"),
    (3, ("-o", "/nonexistent/p.json"), "/nonexistent/p.json"),
])
def test_profile_usage(chain, code, arguments, says):
    fails(code, "profile", chain, *(("-d", ORT) if "-d" not in arguments else ()), *arguments, says=says)


# --- plan -----------------------------------------------------------------------------------------------------------------------


def test_emulated_targets_are_planned_without_a_run(chain):
    report = succeeds_json("plan", chain, "-d", f"emulated:seed.gtx1650@null,{NULL}", "--no-run")
    assert set(report) == REPORT_KEYS
    assert report["provenance"] == "modelled" and report["runs"] == [] and report["accuracy"] is None
    assert report["targets"] == ["emulated:seed.gtx1650@null", NULL]
    table = succeeds("plan", chain, "-d", f"emulated:seed.gtx1650@null,{NULL}", "--no-run")
    assert table.startswith("modelled") and "measured" not in table and narrow(table)


def test_real_and_emulated_targets_carry_both_words(chain, profile):
    report = succeeds_json("plan", chain, "-d", f"{ORT},{NULL}", "--no-run", "--profile", profile, "--profile-units", "2")
    assert report["provenance"] == "measured and modelled"


def test_a_plan_on_real_targets_is_run(chain, profile, tmp_path):
    out = tmp_path / "plan.json"
    arguments = ("plan", chain, "-d", BOTH, "--profile", profile, "--profile-units", "2", "-t", "0.2", "-o", out)
    report = succeeds_json(*arguments)
    assert set(report) == REPORT_KEYS
    assert report["provenance"] == "measured" and report["targets"] == [ORT, OPENVINO] and report["left_out"] == []
    assert report["unstable"] or (len(report["runs"]) >= 2 and report["runs"][0]["plan"]["strategy"] == "single")
    for run in report["runs"]:
        assert set(run) == RUN_KEYS and run["provenance"] == "measured"
    assert set(report["accuracy"]) == ACCURACY_KEYS
    assert report["accuracy"]["cosine"] > 0.9999 and report["accuracy"]["misses"] == []
    written = json.loads(out.read_text())
    assert set(written) == PLAN_KEYS and written == report["choice"]
    outcome = call(*arguments)
    assert outcome.code in (0, UNSTABLE) and outcome.stdout.startswith("measured") and f"wrote {out}" in outcome.stdout
    assert outcome.code == UNSTABLE or "Plans that were run, side by side" in outcome.stdout
    assert call("run", "-m", chain, "--plan", out, "-n", "5").code == 0


def test_where_units_are_no_models_the_whole_models_refusal_is_told():
    """silero-vad's branches do not take the same shapes: ONNX Runtime refuses the model, and its units, once they are fixed."""
    outcome = call("plan", load_models()["silero_vad"].path, "--shape", "input:1x576", "--shape", "state:2x1x128", "-d", ORT, "--no-run")
    assert outcome.code == 4 and "LSTM" in outcome.stderr and "not measured" not in outcome.stderr, outcome.describe()


def test_a_target_that_misses_the_bounds_is_left_out(chain, profile, tmp_path):
    report = succeeds_json("plan", chain, "-d", f"{ORT},{OPENVINO}/bf16", "--min-cosine", "0.9999999", "--no-run", "--profile-units", "2",
                           "-t", "0.2")
    assert report["targets"] == [ORT]
    assert len(report["left_out"]) == 1 and report["left_out"][0].startswith(f"{OPENVINO}/bf16: cosine")
    assert {replica["target"] for replica in replicas(report["choice"]["stages"])} == {ORT}


def test_nothing_is_written_where_no_target_keeps_the_bounds(chain, tmp_path):
    out = tmp_path / "plan.json"
    fails(5, "plan", chain, "-d", f"{OPENVINO}/bf16", "--min-cosine", "0.9999999", "-o", out, says="no target keeps the bounds")
    assert not out.exists()


def test_wrong_numbers_make_no_plan_without_a_bound_either(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")
    out = tmp_path / "plan.json"
    fails(5, "plan", chain, "-d", "faulty:wrong", "-o", out, says="no target keeps the bounds")
    assert not out.exists()


@pytest.mark.parametrize("arguments, says", [
    (("-d", ORT, "--units", "8"), "--profile-units"),
    (("-d", ORT, "--max-watts", "20W"), "power of targets of this machine is not known"),
    (("-d", f"{ORT},{ORT}"), "twice"),
    (("-d", "cpu@toaster"), "toaster"),
    (("-d", ORT, "--reference", "none", "--min-cosine", "0.9"), "nothing to bound"),
    (("-d", ORT, "--set", "gtx1650.cost.peak_fp32=6TFLOPS"), "--platform"),
])
def test_plan_usage(chain, arguments, says):
    fails(2, "plan", chain, *arguments, says=says)


# --- bench ----------------------------------------------------------------------------------------------------------------------


SHORT_BENCH = ("-t", "0.2", "--loads", "2")


def test_bench_measures_a_plan(chain, pipeline):
    report = succeeds_json("bench", "-m", chain, "--plan", pipeline, *SHORT_BENCH)
    assert set(report) == BENCH_KEYS
    assert report["provenance"] == "measured" and report["overrun"] is None and report["emulation"] == []
    assert len(report["load_ms"]) == report["loads"] == 2
    assert set(report["accuracy"]) == ACCURACY_KEYS and report["accuracy"]["cosine"] > 0.9999
    assert [[replica["target"] for replica in stage] for stage in report["stages"]] == [[ORT], [OPENVINO]]
    assert "percentiles_ms" not in report["between_results"]
    for figures in (report["latency"], report["between_results"]):
        assert figures["calls"] > 0 or figures["unstable"] or figures["median_ms"] is None
    table = succeeds("bench", "-m", chain, "--plan", pipeline, *SHORT_BENCH)
    assert table.startswith("measured") and narrow(table)
    stages = [line.split()[0] for line in table.splitlines() if line.strip().endswith("-") and "cpu@" in line]
    assert stages == ["0", "1"], "stages are counted from 0, as everywhere"


def test_bench_counts_calls(chain, pipeline):
    report = succeeds_json("bench", "-m", chain, "--plan", pipeline, "-n", "200", "--loads", "1", "--reference", "none")
    assert report["accuracy"] is None
    for figures in (report["latency"], report["between_results"]):
        assert figures["unstable"] or 200 <= figures["calls"] <= 2000


def test_bench_makes_a_plan(chain, profile):
    report = succeeds_json("bench", "-m", chain, "-d", BOTH, "--strategy", "split", "--profile", profile, *SHORT_BENCH)
    assert report["plan"]["strategy"] == "split"
    assert len(report["stages"]) == 1 and len(report["stages"][0]) >= 2


def test_bench_of_an_emulated_plan_says_so(chain, tmp_path):
    plan = write_plan(tmp_path / "plan.json", [[NULL], [ORT]], batch=4)
    outcome = call("bench", "-m", chain, "--plan", plan, *SHORT_BENCH, "--format", "json")
    report = json.loads(outcome.stdout)
    assert report["provenance"] == "measured and emulated" and len(report["emulation"]) == 1
    assert "has no numbers" in report["accuracy"]["problem"] and report["accuracy"]["misses"] == []
    if report["overrun"]:
        assert outcome.code == UNSTABLE and report["throughput_per_s"] is None and report["latency"]["median_ms"] is None
        assert report["emulation"][0]["overruns"] > 0
    else:
        assert outcome.code in (0, UNSTABLE) and report["emulation"][0]["overruns"] == 0
    fails(5, "bench", "-m", chain, "--plan", plan, "--min-cosine", "0.9", says="has no numbers")


def test_bench_measures_no_wrong_plan(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")
    plan = write_plan(tmp_path / "plan.json", [[ORT], ["faulty:wrong"]], batch=4)
    out = tmp_path / "bench.json"
    fails(5, "bench", "-m", chain, "--plan", plan, "-o", out, says="stage 1 on faulty:wrong is the first that goes wrong")
    assert not out.exists()


@pytest.mark.parametrize("arguments, says", [
    (("--plan", "PLAN", "--strategy", "auto"), "exclude each other"),
    (("--plan", "PLAN", "-d", ORT), "--device is not for --plan"),
    (("--plan", "PLAN", "-b", "2"), "--batch is not for --plan"),
    (("--plan", "PLAN", "-t", "1", "-n", "5"), "--time and --iterations exclude each other"),
    (("--plan", "PLAN", "-m", "openvino=MODEL"), "give --model once"),
    (("--plan", "PLAN", "--threads", "1"), "are not for plans"),
    (("--plan", "PLAN", "--format", "csv"), "table or json"),
    (("--plan", "PLAN", "--reference", "none", "--max-error", "1"), "nothing to bound"),
    (("--plan", "PLAN", "--profile", "p.json"), "--profile goes with --strategy"),
])
def test_bench_usage(chain, pipeline, arguments, says):
    words = [word.replace("PLAN", str(pipeline)).replace("MODEL", str(chain)) for word in arguments]
    fails(2, "bench", "-m", chain, *words, says=says)


# --- compare --------------------------------------------------------------------------------------------------------------------


def compare(chain, *arguments):
    return succeeds_json("compare", "-m", chain, "-t", "0.3", "--loads", "1", "--input-sets", "2", *arguments)


def test_compare_takes_a_plan_as_the_last_side(chain, pipeline):
    report = compare(chain, "-d", BOTH, "--plan", pipeline)
    targets = report["targets"]
    assert [row["label"] for row in targets[:2]] == [ORT, OPENVINO] and "pipeline on" in targets[2]["label"]
    assert [row["precision"] for row in targets] == ["fp32"] * 3
    assert [row["provenance"] for row in targets] == ["measured"] * 3
    assert all(row["accuracy"]["cosine"] > 0.9999 and row["misses"] == [] for row in targets)
    assert report["times"].startswith("between results")
    latency = compare(chain, "-d", ORT, "--plan", pipeline, "--objective", "latency")
    assert latency["times"] == "one query at a time" and len(latency["targets"]) == 2


def test_compare_says_what_is_emulated_and_in_which_precision(chain, tmp_path):
    plan = write_plan(tmp_path / "plan.json", [[NULL], [f"{OPENVINO}/bf16"]], batch=4)
    outcome = call("compare", "-m", chain, "-d", f"{NULL},{OPENVINO}/bf16", "--plan", plan, "-t", "0.3", "--loads", "1", "--format", "json")
    assert outcome.code in (0, UNSTABLE), outcome.describe()
    emulated, bf16, mixed = json.loads(outcome.stdout)["targets"]
    assert emulated["provenance"] == "emulated" and emulated["precision"] == "int8 as modelled" and emulated["emulation"]["calls"] > 0
    assert bf16["provenance"] == "measured" and bf16["precision"] == "bf16"
    assert mixed["provenance"] == "measured and emulated" and mixed["precision"] == "bf16 and int8 as modelled"
    assert len(mixed["emulations"]) == 1
    late = [row for row in (emulated, mixed) if row.get("emulation", row.get("emulations", [{}])[0])["overruns"] > 0]
    for row in late:
        assert outcome.code == UNSTABLE and row.get("unreliable", row)["verdict"] == "overrun"


def test_compare_holds_the_plan_to_a_bound(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")
    plan = write_plan(tmp_path / "plan.json", [[ORT], ["faulty:wrong"]], batch=4)
    outcome = call("compare", "-m", chain, "-d", ORT, "--plan", plan, "-t", "0.3", "--loads", "1")
    assert outcome.code == 5 and "stage 1 on faulty:wrong" in outcome.stderr, outcome.describe()


@pytest.mark.parametrize("arguments, says", [
    (("--plan", "PLAN", "--strategy", "auto"), "exclude each other"),
    (("--plan", "PLAN", "-m", "openvino=MODEL"), "give --model once"),
    (("--plan", "PLAN", "--reference", "none", "--min-cosine", "1"), "nothing to bound"),
    (("--plan", "PLAN", "-d", "toaster"), "toaster"),
])
def test_compare_usage(chain, pipeline, arguments, says):
    words = [word.replace("PLAN", str(pipeline)).replace("MODEL", str(chain)) for word in arguments]
    fails(2, "compare", "-m", chain, *words, says=says)


# --- run ------------------------------------------------------------------------------------------------------------------------


def test_run_makes_a_plan_over_the_targets_that_are_given(chain, profile):
    report = succeeds_json("run", "-m", chain, "-d", BOTH, "--strategy", "single", "--profile", profile, "-n", "5")
    assert report["delivered"] == 5 and report["plan"]["strategy"] == "single"
