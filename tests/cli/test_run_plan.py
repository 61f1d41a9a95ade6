"""consort run --plan: stages on the targets of a plan, many samples at once. No test looks at how long something took, except in virtual
time."""

import json
import os
import pty
import select
import subprocess

import numpy as np
import pytest
from onnx import helper, numpy_helper

import models
from closeness import relative_difference
from consort_cli import BINARY, call

ORT, OV = "cpu@onnxruntime", "cpu@openvino"
STAGES = 4
NULL = "emulated:seed.gtx1650@null"
REPORT_KEYS = {
    "plan", "model", "fingerprint", "clock", "accuracy", "ran", "calls", "delivered", "failed", "given_up", "in_flight", "wall_ms",
    "throughput_per_s", "steady_throughput_per_s", "joules_per_inference", "energy_source", "provenance", "no_time", "distinct_results", "largest_difference", "stages", "losses",
    "replanned", "retries", "longest_recovery_ms", "verified", "unverified", "suspects", "failures", "trace", "inputs", "outputs",
}
REPLICA_KEYS = {
    "target", "spare", "state", "why", "calls", "busy", "call_ms", "provenance", "overruns", "share", "samples", "planned_ms", "planned_convert_ms",
    "planned_provenance", "placement",
}


@pytest.fixture(autouse=True)
def test_backends(monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")


@pytest.fixture
def chain(tmp_path):
    """x → four times (MatMul with seeded weights, Tanh) → y. Ops matmul0, tanh0, …"""
    random = np.random.default_rng(0)
    nodes, weights, tensor = [], [], "x"
    for stage in range(STAGES):
        weights.append(numpy_helper.from_array(random.standard_normal((16, 16), np.float32) / 4, f"w{stage}"))
        output = "y" if stage == STAGES - 1 else f"t{stage}"
        nodes += [
            helper.make_node("MatMul", [tensor, f"w{stage}"], [f"m{stage}"], f"matmul{stage}"),
            helper.make_node("Tanh", [f"m{stage}"], [output], f"tanh{stage}"),
        ]
        tensor = output
    return models.save(tmp_path / "chain.onnx", nodes, [models.value("x", (1, 16))], [models.value("y", (1, 16))], weights)


def reference(chain, x):
    """What the chain makes of inputs, one per row."""
    import onnx
    weights = {w.name: numpy_helper.to_array(w).astype(np.float64) for w in onnx.load(chain).graph.initializer}
    for stage in range(STAGES):
        x = np.tanh(x @ weights[f"w{stage}"])
    return x


def write_plan(tmp_path, stages, **keys):
    """Stages as lists of targets, of equally many ops of the chain."""
    each = STAGES // len(stages)
    plan = {"stages": [{"first_op": f"matmul{i * each}", "last_op": f"tanh{(i + 1) * each - 1}",
                        "replicas": [{"target": target} for target in targets]} for i, targets in enumerate(stages)], **keys}
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    return path


def run(model, plan, *arguments):
    return call("run", "-m", model, "--plan", plan, *arguments)


def run_json(model, plan, *arguments, code=0):
    outcome = run(model, plan, *arguments, "--format", "json")
    assert outcome.code == code, outcome.describe()
    return json.loads(outcome.stdout)


def replicas(report):
    return [replica for stage in report["stages"] for replica in stage["replicas"]]


# --- Plans that run -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A network and a plan for it as `consort plan` writes it."""
    folder = tmp_path_factory.mktemp("planned")
    model, plan = folder / "net.onnx", folder / "plan.json"
    assert call("make", "mobilenet-v1", "--size", "96", "--width", "0.25", "-o", model).code == 0
    outcome = call("plan", model, "--platform", "seed", "--strategy", "hybrid", "-o", plan)
    assert outcome.code == 0, outcome.describe()
    return model, plan


@pytest.mark.parametrize("clock", ["real", "virtual"])
@pytest.mark.parametrize("numbers", ["plan", "none"])
def test_a_plan_for_a_platform_runs_as_it_is(planned, clock, numbers):
    report = run_json(*planned, "-n", "30", "--clock", clock, "--numbers", numbers, "--placement", "none")
    assert set(report) == REPORT_KEYS
    assert report["clock"] == clock and report["delivered"] == report["calls"] == 30 and report["failed"] == 0
    assert report["plan"]["platform"] == "seed"
    assert all(replica["state"] == "active" and replica["emulation"] for replica in replicas(report))
    for stage in report["stages"]:
        assert sum(replica["calls"] for replica in stage["replicas"]) >= 30
    overrun = any(replica["overruns"] for replica in replicas(report))
    assert report["provenance"] == (None if overrun else "emulated")
    if numbers == "none":
        assert report["accuracy"]["whole"] is None and "has no numbers" in report["accuracy"]["problem"]
    else:
        # The Edge TPU among them computes in integers.
        assert 0.99 < report["accuracy"]["whole"]["cosine"] < 0.99999


def test_in_virtual_time_a_session_keeps_the_plans_pace(planned):
    report = run_json(*planned, "-n", "400", "--clock", "virtual", "--numbers", "none")
    assert report["steady_throughput_per_s"] == pytest.approx(report["plan"]["throughput_per_s"], rel=0.02)
    for replica in replicas(report):
        assert replica["call_ms"] == pytest.approx(replica["planned_ms"], rel=1e-3)
        assert replica["planned_provenance"] == "modelled"


def test_energy_of_emulated_devices_is_modelled(planned):
    report = run_json(*planned, "-n", "40", "--clock", "virtual", "--numbers", "none")
    assert report["energy_source"] == "modelled: active power × busy time of the platform's devices"
    plan = json.loads(planned[1].read_text())
    assert report["joules_per_inference"] == pytest.approx(plan["joules_per_sample"], rel=0.05)


def test_two_runs_in_virtual_time_say_the_same(planned):
    first, second = (run_json(*planned, "-n", "50", "--clock", "virtual", "--numbers", "none") for _ in range(2))
    assert first == second


def test_table_fits_80_columns_and_says_what_was_measured(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT, OV], [OV]])
    outcome = run(chain, plan, "-n", "50", "--placement", "none")
    assert outcome.code == 0, outcome.describe()
    assert "measured" in outcome.stdout and "modelled" not in outcome.stdout
    lines = [line for line in outcome.stdout.splitlines() if not line.startswith(("model ", "input ", "output"))]
    assert max(map(len, lines)) <= 80
    outcome = run(chain, write_plan(tmp_path, [[NULL], [NULL]]), "-n", "5", "--placement", "none")
    assert "emulated" in outcome.stdout and "has no numbers" in outcome.stdout, outcome.describe()


def test_json_has_the_documented_keys(chain, tmp_path):
    report = run_json(chain, write_plan(tmp_path, [[ORT, OV], [ORT]]), "-n", "20", "--spare", OV)
    assert set(report) == REPORT_KEYS
    for replica in replicas(report):
        missing = {"share", "samples", "planned_ms", "planned_convert_ms", "planned_provenance"} if replica["spare"] else set()
        assert set(replica) == REPLICA_KEYS - missing
    assert [len(stage["replicas"]) for stage in report["stages"]] == [2, 2], "the first stage runs on the spare's target already"
    assert report["stages"][1]["replicas"][1]["spare"] and report["stages"][1]["replicas"][1]["state"] == "spare"
    assert report["stages"][0]["first_op"] == "matmul0" and report["stages"][1]["last_op"] == "tanh3"
    assert report["in_flight"] > 2, "kept full"


def test_steps_come_out_in_order(chain, tmp_path):
    x = np.random.default_rng(1).random((64, 1, 16), np.float32)
    np.save(tmp_path / "x.npy", x)
    plan = write_plan(tmp_path, [[ORT, "cpu:0@onnxruntime"], [ORT], [ORT, "cpu:0@onnxruntime"], [ORT]])
    report = run_json(chain, plan, "-i", tmp_path / "x.npy", "--sequence", "x", "-o", tmp_path / "out")
    assert report["delivered"] == 64
    y = np.load(tmp_path / "out" / "y.npy")
    assert y.shape == (64, 1, 16)
    assert relative_difference(y, reference(chain, x.astype(np.float64))) < 1e-5


def test_states_are_carried_from_sample_to_sample(tmp_path):
    model = models.running_sum(tmp_path / "sum.onnx")
    np.save(tmp_path / "x.npy", np.ones((5, 1, 2), np.float32))
    (tmp_path / "plan.json").write_text(json.dumps({"stages": [
        {"first_op": "add", "last_op": "add", "replicas": [{"target": ORT}]},
        {"first_op": "negate", "last_op": "negate", "replicas": [{"target": ORT}]}]}))
    arguments = ("--state", "state=next", "-i", f"x={tmp_path / 'x.npy'}", "--sequence", "x", "-o", tmp_path / "out")
    run_json(model, tmp_path / "plan.json", *arguments)
    assert np.load(tmp_path / "out" / "y.npy")[:, 0, 0].tolist() == [-1, -2, -3, -4, -5]
    assert np.load(tmp_path / "out" / "next.npy").tolist() == [[5, 5]]


def test_what_is_expected_of_every_replica(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT, OV]])
    np.save(tmp_path / "x.npy", np.random.default_rng(2).random((1, 16), np.float32))
    x = ("-i", tmp_path / "x.npy")
    assert call("run", "-m", chain, *x, "-d", ORT, "-o", tmp_path / "single").code == 0
    expect = ("--expect", tmp_path / "single" / "y.npy", "-n", "40")
    assert run(chain, plan, *x, *expect, "--tolerance", "1e-4").code == 0
    np.save(tmp_path / "other.npy", np.load(tmp_path / "single" / "y.npy") + 1)
    outcome = run(chain, plan, *x, "--expect", tmp_path / "other.npy")
    assert outcome.code == 5 and "BEYOND" in outcome.stdout, outcome.describe()


def test_placement_is_proved_and_strict_is_kept(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT], [OV]])
    report = run_json(chain, plan, "--strict", "--placement", "ops")
    for replica in replicas(report):
        assert replica["placement"]["ops"] == 4 and replica["placement"]["unknown"] == 0
        assert {op["name"] for op in replica["placement"]["by_op"]} <= {f"{op}{i}" for op in ("matmul", "tanh") for i in range(4)}


# --- Right numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", range(STAGES))
def test_the_stage_that_is_wrong_is_named_and_nothing_runs(chain, tmp_path, wrong):
    plan = write_plan(tmp_path, [["faulty:wrong" if stage == wrong else ORT] for stage in range(STAGES)])
    report = run_json(chain, plan, "-n", "5", code=5)
    assert report["ran"] is False and report["calls"] == 0
    assert report["accuracy"]["first_bad_stage"] == wrong
    assert f"stage {wrong} on faulty:wrong is the first that goes wrong" in report["accuracy"]["blame"]
    for stage in report["accuracy"]["stages"]:
        assert (stage["alone"]["error"] < 1e-5) == (stage["stage"] != wrong)
    outcome = run(chain, plan)
    assert outcome.code == 5 and f"stage {wrong} on faulty:wrong" in outcome.stderr, outcome.describe()
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    assert run(chain, plan, "--reference", "none").code == 0, "nobody looked"


def test_bounds_are_those_that_are_asked_for(chain, tmp_path):
    plan = write_plan(tmp_path, [[OV], [OV]])
    accuracy = run_json(chain, plan, "--max-error", "1e-4", "--input-sets", "3")["accuracy"]
    assert accuracy["inputs"] == 3 and accuracy["min_cosine"] is None and accuracy["max_error"] == 1e-4
    assert 0 < accuracy["whole"]["error"] <= 1e-4
    accuracy = run_json(chain, plan, "--max-error", "1e-12", code=5)["accuracy"]
    assert accuracy["misses"] and "more than 1e-12" in accuracy["misses"][0]
    outcome = run(chain, write_plan(tmp_path, [[ORT], [NULL]]), "--min-cosine", "0.9")
    assert outcome.code == 5 and "stage 1 on emulated:seed.gtx1650@null has no numbers" in outcome.stderr, outcome.describe()


# --- Lost and wrong devices ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", range(STAGES))
def test_a_lost_device_loses_no_sample(chain, tmp_path, stage):
    plan = write_plan(tmp_path, [["faulty:lost", ORT] if i == stage else [ORT] for i in range(STAGES)])
    report = run_json(chain, plan, "-n", "40", "--reference", "none", "-o", tmp_path / "out")
    assert report["delivered"] == 40 and report["distinct_results"] == 1
    assert [loss["stage"] for loss in report["losses"]] == [stage] and report["retries"] == 1
    assert report["stages"][stage]["replicas"][0]["state"] == "lost"
    assert call("run", "-m", chain, "--expect", tmp_path / "out" / "y.npy").code == 0


def test_a_spare_steps_in_and_without_one_samples_fail(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT], ["faulty:lost"]])
    report = run_json(chain, plan, "-n", "20", "--reference", "none", "--spare", OV)
    assert report["delivered"] == 20
    assert report["stages"][1]["replicas"][1]["calls"] == 20 and report["stages"][1]["replicas"][1]["state"] == "active"
    outcome = run(chain, plan, "-n", "2000", "--reference", "none")
    assert outcome.code == 6 and "no device is left" in outcome.stderr, outcome.describe()
    assert "not started" in outcome.stdout and "LOST" in outcome.stdout


def test_a_hang_is_a_loss_where_stages_have_a_deadline(chain, tmp_path):
    plan = write_plan(tmp_path, [["faulty:hang-run", ORT], [ORT]])
    report = run_json(chain, plan, "-n", "10", "--reference", "none", "--stage-timeout", "0.3")
    assert report["delivered"] == 10
    assert "deadline" in report["losses"][0]["why"] and report["longest_recovery_ms"] >= 0


def test_a_crash_of_an_isolated_device_is_a_loss(chain, tmp_path):
    plan = write_plan(tmp_path, [["faulty:crash-run", ORT], [ORT]])
    report = run_json(chain, plan, "-n", "10", "--reference", "none", "--isolate")
    assert report["delivered"] == 10 and len(report["losses"]) >= 1


def test_verified_calls_are_right_and_the_wrong_device_is_distrusted(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT], ["faulty:wrong"]])
    spares = ("--spare", f"{OV},{ORT}")
    report = run_json(chain, plan, "-n", "20", "--reference", "none", "--verify", "1/1", *spares, "-o", tmp_path / "out")
    assert report["delivered"] == 20 and report["verified"] > 0 and report["distinct_results"] <= 2
    assert report["stages"][1]["replicas"][0]["state"] == "distrusted"
    assert call("run", "-m", chain, "--expect", tmp_path / "out" / "y.npy", "--tolerance", "1e-4").code == 0


def test_verify_takes_onnx_runtime_where_the_stage_does_not(chain, tmp_path):
    report = run_json(chain, write_plan(tmp_path, [[OV], [OV]]), "-n", "40", "--verify", "1/10")
    assert [stage["replicas"][1]["target"] for stage in report["stages"]] == [ORT, ORT]
    assert report["verified"] == 8 and report["losses"] == [] and report["suspects"] == []
    outcome = run(chain, write_plan(tmp_path, [[ORT], [OV]]), "--verify", "1/10")
    assert outcome.code == 2 and "stage 0 runs on cpu@onnxruntime only" in outcome.stderr, outcome.describe()


# --- Another plan -------------------------------------------------------------------------------------------------------------


REPLANNINGS = pytest.mark.parametrize("when", ["loss", "beforehand"])


@REPLANNINGS
@pytest.mark.parametrize("stage", range(STAGES))
def test_another_plan_takes_over_where_a_stage_has_lost_its_only_device(chain, tmp_path, stage, when):
    plan = write_plan(tmp_path, [["faulty:lost"] if i == stage else [(ORT, OV)[i % 2]] for i in range(STAGES)])
    report = run_json(chain, plan, "-n", "60", "--reference", "none", "--replan", when, "-o", tmp_path / "out")
    assert report["delivered"] == 60 and report["failed"] == 0 and report["distinct_results"] == 1
    replanned = report["replanned"]
    assert (replanned["when"], replanned["strategy"], replanned["problem"]) == (when, "single", "")
    [takeover] = replanned["takeovers"]
    assert takeover["why"] == "faulty:lost was lost" and takeover["prepared"] == (when == "beforehand")
    assert takeover["first_result_ms"] >= takeover["taken_over_ms"] >= 0
    assert replanned["moved"] >= 1
    [replica] = replicas(report)
    assert replica["target"] == (ORT if stage > 0 else OV) and replica["calls"] == 60
    assert report["provenance"] is None and "several plans" in report["no_time"]
    assert call("run", "-m", chain, "--expect", tmp_path / "out" / "y.npy", "--tolerance", "1e-4").code == 0


def test_stages_with_a_replica_left_stay_as_they_are(chain, tmp_path):
    plan = write_plan(tmp_path, [["faulty:lost", ORT], [OV]])
    report = run_json(chain, plan, "-n", "60", "--reference", "none", "--replan", "beforehand")
    assert report["delivered"] == 60
    if report["replanned"]["takeovers"]:  # the other replica may have taken all calls, or ended the last before
        assert [replica["target"] for replica in replicas(report)] == [ORT, OV]


def test_of_what_is_left_the_fastest_by_the_plan_takes_over(chain, tmp_path):
    for fast, slow in ((ORT, OV), (OV, ORT)):
        plan = write_plan(tmp_path, [[slow], ["faulty:lost"], [fast], [slow]])
        text = json.loads(plan.read_text())
        for stage, call_ms in zip(text["stages"], (4, 1, 0.5, 4)):
            stage["replicas"][0]["call_ms"] = call_ms
        plan.write_text(json.dumps(text))
        report = run_json(chain, plan, "-n", "20", "--reference", "none", "--replan", "loss")
        assert [replica["target"] for replica in replicas(report)] == [fast]


@REPLANNINGS
def test_a_hang_is_replanned(chain, tmp_path, when):
    plan = write_plan(tmp_path, [[ORT], ["faulty:hang-run"]])
    report = run_json(chain, plan, "-n", "20", "--reference", "none", "--stage-timeout", "0.5", "--replan", when)
    assert report["delivered"] == 20 and len(report["replanned"]["takeovers"]) == 1
    assert [replica["target"] for replica in replicas(report)] == [ORT]


@REPLANNINGS
def test_a_platforms_other_devices_are_planned_for(chain, tmp_path, when):
    """In virtual time a call of the Edge TPU is later than the deadline and so a loss; calls of the others are not."""
    slow, others = "emulated:coral-usb3@null", {"emulated:xeon-2.2ghz@null", "emulated:gtx1650@null"}
    alone = {}
    for device in {slow, *others}:
        plan = write_plan(tmp_path, [[device]], platform="seed")
        alone[device] = replicas(run_json(chain, plan, "--clock", "virtual", "--reference", "none"))[0]["call_ms"]
    timeout = (alone[slow] + max(alone[device] for device in others)) / 2e3
    plan = write_plan(tmp_path, [[slow]], platform="seed")
    report = run_json(chain, plan, "-n", "40", "--clock", "virtual", "--reference", "none", "--stage-timeout", timeout, "--replan", when)
    assert report["delivered"] == 40
    [takeover] = report["replanned"]["takeovers"]
    assert takeover["why"] == f"{slow} was lost" and takeover["prepared"] == (when == "beforehand")
    assert {replica["target"] for replica in replicas(report)} <= others


def test_states_go_on_in_the_other_plan(tmp_path):
    model = models.running_sum(tmp_path / "sum.onnx")
    np.save(tmp_path / "x.npy", np.ones((5, 1, 2), np.float32))
    (tmp_path / "plan.json").write_text(json.dumps({"stages": [
        {"first_op": "add", "last_op": "add", "replicas": [{"target": ORT}]},
        {"first_op": "negate", "last_op": "negate", "replicas": [{"target": "faulty:lost"}]}]}))
    arguments = ("--state", "state=next", "-i", f"x={tmp_path / 'x.npy'}", "--sequence", "x", "-o", tmp_path / "out")
    report = run_json(model, tmp_path / "plan.json", *arguments, "--reference", "none", "--replan", "loss")
    assert len(report["replanned"]["takeovers"]) == 1
    assert np.load(tmp_path / "out" / "y.npy")[:, 0, 0].tolist() == [-1, -2, -3, -4, -5]


def test_without_another_plan_samples_fail_and_the_report_says_why(chain, tmp_path):
    outcome = run(chain, write_plan(tmp_path, [["faulty:lost"]]), "-n", "50", "--reference", "none", "--replan", "loss")
    assert outcome.code == 6 and "there is no plan without faulty:lost" in " ".join(outcome.stdout.split()), outcome.describe()


def test_the_takeover_is_told_and_watched(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT], ["faulty:lost"]])
    outcome = run(chain, plan, "-n", "50", "--reference", "none", "--placement", "none", "--replan", "beforehand", "--watch")
    assert outcome.code == 0 and "50 of 50 calls" in outcome.stderr, outcome.describe()
    text = " ".join(outcome.stdout.split())
    assert "replanned faulty:lost was lost after" in text and "a plan prepared beforehand took over" in text
    assert "now single on cpu@onnxruntime" in text
    assert run_json(chain, write_plan(tmp_path, [[ORT], [OV]]), "--replan", "loss")["replanned"]["takeovers"] == []


# --- What is seen of it -------------------------------------------------------------------------------------------------------


def test_a_trace_has_every_call(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT], [OV]])
    report = run_json(chain, plan, "-n", "25", "--trace", tmp_path / "trace.json")
    assert report["trace"] == str(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    calls = [(event["args"]["stage"], event["args"]["sample"]) for event in events if event["name"] == "run"]
    assert sorted(calls) == [(stage, sample) for stage in (0, 1) for sample in range(25)]
    assert {"stage 0: " + ORT, "stage 1: " + OV} <= {event["args"].get("name") for event in events if event["ph"] == "M"}


def test_watch_prints_plain_lines_where_nobody_watches(chain, tmp_path):
    outcome = run(chain, write_plan(tmp_path, [[ORT, OV], [ORT]]), "-n", "50", "--watch")
    assert outcome.code == 0, outcome.describe()
    assert "\033" not in outcome.stderr and "50 of 50 calls" in outcome.stderr
    assert "stage 1, 0 waiting" in outcome.stderr and "active" in outcome.stderr
    assert max(map(len, outcome.stderr.splitlines())) <= 80


def read_all(descriptor, process):
    seen = b""
    while process.poll() is None or select.select([descriptor], [], [], 0)[0]:
        if not select.select([descriptor], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    return seen.decode()


def test_watch_redraws_on_a_terminal(chain, tmp_path):
    plan = write_plan(tmp_path, [["faulty:slow"], [ORT]])
    ours, theirs = pty.openpty()
    command = [str(BINARY), "run", "-m", str(chain), "--plan", str(plan), "-n", "30", "--reference", "none", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        seen = read_all(ours, process)
    os.close(ours)
    assert process.returncode == 0
    assert "\033[5A" in seen, "five lines: the whole, two stages, two replicas"
    assert "30 of 30 calls" in seen and "faulty:slow" in seen


# --- What cannot be -----------------------------------------------------------------------------------------------------------


def test_usage(chain, tmp_path):
    plan = write_plan(tmp_path, [[ORT], [OV]])
    for arguments, says in (
        (("-d", "cpu"), "--device and --plan exclude each other"),
        (("--threads", "2"), "--threads is not for plans"),
        (("-m", chain), "give --model once"),
        (("--verify-tolerance", "1"), "goes with --verify"),
        (("--verify", "10"), "is not 1/N"),
        (("--verify", "1/0"), "--verify"),
        (("--reference", "none", "--min-cosine", "1"), "leaves nothing to bound"),
        (("--spare", "nothing"), "--spare nothing"),
        (("--tolerance", "1"), "--tolerance needs --expect"),
        (("--stage-timeout", "0"), "--stage-timeout"),
        (("--replan", "never"), "--replan"),
        (("--replan", "loss", "--spare", OV), "--replan and --spare exclude each other"),
        (("--replan", "loss", "--verify", "1/2"), "--replan and --verify exclude each other"),
        (("--replan", "loss", "--trace", "t"), "--replan and --trace exclude each other"),
        (("--state", "x=y", "-i", f"x={plan}"), "a state starts as zeros"),
    ):
        outcome = run(chain, plan, *arguments)
        assert outcome.code == 2 and says in outcome.stderr and outcome.stdout == "", outcome.describe()
    for option in (("--watch",), ("--trace", "t"), ("--verify", "1/2"), ("--spare", "cpu"), ("--replan", "loss"), ("--max-error", "1"), ("--numbers", "none")):
        outcome = call("run", "-m", chain, *option)
        assert outcome.code == 2 and f"{option[0]} goes with --plan" in outcome.stderr, outcome.describe()
    outcome = run(chain, write_plan(tmp_path, [[NULL]]), "--verify", "1/2")
    assert outcome.code == 2 and "has no numbers" in outcome.stderr, outcome.describe()


def test_plans_that_do_not_fit_are_refused(chain, planned, tmp_path):
    outcome = run(chain, planned[1])
    assert outcome.code == 3 and "the plan is stale: it was made for another model" in outcome.stderr, outcome.describe()
    outcome = run(chain, tmp_path / "none.json")
    assert outcome.code == 3 and "none.json" in outcome.stderr, outcome.describe()
    outcome = run(chain, write_plan(tmp_path, [["cpu@onnxruntim"]]))
    assert outcome.code == 3 and "stages[0]: target 'cpu@onnxruntim'" in outcome.stderr, outcome.describe()
    outcome = run(chain, write_plan(tmp_path, [["emulated:coral-0"]]))
    assert outcome.code == 3 and "--platform" in outcome.stderr, outcome.describe()
    assert run(chain, write_plan(tmp_path, [["emulated:coral-0"]]), "--platform", "coral-x4").code == 0
    outcome = run(chain, write_plan(tmp_path, [["emulated:coral-0"]], platform="mine"))
    assert outcome.code == 2 and "give its file with --platform" in outcome.stderr, outcome.describe()
    outcome = run(chain, write_plan(tmp_path, [["emulated:coral-0"]], platform="coral-x4", platform_fingerprint="0"))
    assert outcome.code == 3 and "other figures of the platform" in outcome.stderr, outcome.describe()
    outcome = run(chain, write_plan(tmp_path, [[ORT]], batch=2))
    assert outcome.code == 3 and "fixed at 1, not 2" in outcome.stderr, outcome.describe()
