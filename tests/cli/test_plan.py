"""consort plan: who runs what, by cost models. No test looks at how long planning took."""

import json
import xml.etree.ElementTree

import pytest

from consort_cli import call, call_json

NETWORK = "zoo:resnet-50"
REPORT_KEYS = {
    "provenance", "model", "platform", "objective", "batch", "cut_positions", "units", "planning_ms", "gain_over_best_single", "chosen",
    "best_single", "plans", "refused",
}
PLAN_KEYS = {
    "format", "version", "model", "model_fingerprint", "platform", "platform_fingerprint", "objective", "strategy", "batch", "latency_ms",
    "throughput_per_s", "joules_per_sample", "gain_over_best_single", "bottleneck", "measured", "reason", "stages",
}
STAGE_KEYS = {
    "first_op", "last_op", "inputs", "outputs", "input_bytes", "output_bytes", "divides_a_fusion", "queue_depth", "replicas",
}


def plan(*arguments):
    return call_json("plan", *arguments)


def refused(code, *arguments):
    outcome = call("plan", *arguments)
    assert outcome.code == code, outcome.describe()
    assert outcome.stdout == ""
    return outcome.stderr


def chosen(report):
    return report["plans"][report["chosen"]]


def test_table_says_modelled_draws_the_plan_and_fits_80_columns():
    for platform in ("seed", "coral-x4", "coral-x4-hub"):
        outcome = call("plan", NETWORK, "--platform", platform)
        assert outcome.code == 0, outcome.describe()
        assert outcome.stdout.startswith("modelled")
        assert "nothing was measured" in outcome.stdout and "◄" in outcome.stdout
        assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_json_has_the_documented_keys():
    report = plan(NETWORK, "--platform", "seed")
    assert set(report) == REPORT_KEYS
    for ranked in report["plans"]:
        assert set(ranked) == PLAN_KEYS | {"exact", "note", "watts", "idle_joules_per_sample", "busy"}
        for stage in ranked["stages"]:
            assert set(stage) == STAGE_KEYS
            assert sum(replica["share"] for replica in stage["replicas"]) == pytest.approx(1)


def test_plans_are_ranked_and_the_best_single_target_is_among_them():
    report = plan(NETWORK, "--platform", "seed")
    rates = [ranked["throughput_per_s"] for ranked in report["plans"]]
    assert rates == sorted(rates, reverse=True)
    single = report["plans"][report["best_single"]]
    assert single["strategy"] == "single" and single["gain_over_best_single"] == 1
    assert chosen(report)["gain_over_best_single"] == pytest.approx(rates[report["chosen"]] / single["throughput_per_s"])


def test_resnet_50_gains_what_the_hardware_allows():
    assert plan(NETWORK, "--platform", "seed")["gain_over_best_single"] >= 2
    assert plan(NETWORK, "--platform", "coral-x4")["gain_over_best_single"] >= 8


def test_one_target_agrees_with_simulate():
    report = plan(NETWORK, "--platform", "seed", "--strategy", "single")
    rows = {row["device"]: row for row in call_json("simulate", NETWORK, "--platform", "seed")["rows"]}
    assert len(report["plans"]) == 3
    for ranked in report["plans"]:
        row = rows[ranked["stages"][0]["replicas"][0]["target"].removeprefix("emulated:")]
        assert ranked["latency_ms"] == pytest.approx(row["latency_ms"])
        assert ranked["joules_per_sample"] == pytest.approx(row["joules"])


def test_stages_follow_one_another_and_carry_each_others_tensors():
    stages = chosen(plan(NETWORK, "--platform", "coral-x4"))["stages"]
    assert len(stages) == 4
    made = set()
    for stage in stages:
        assert set(stage["inputs"]) <= made | {"image"}
        made |= set(stage["outputs"])
    assert stages[-1]["outputs"] == ["logits"]


def test_a_hub_that_all_share_costs_what_it_carries():
    apart = plan(NETWORK, "--platform", "coral-x4")
    hub = plan(NETWORK, "--platform", "coral-x4-hub")
    assert hub["gain_over_best_single"] < apart["gain_over_best_single"]
    busy = {use["resource"]: use["busy_ms"] for use in chosen(hub)["busy"]}
    ports = sum(time for resource, time in busy.items() if resource.startswith("link port"))
    assert busy["link hub"] == pytest.approx(ports)


def test_what_if_changes_the_plan():
    base = plan("zoo:seed-alexnet", "--platform", "seed")["gain_over_best_single"]
    fast = plan("zoo:seed-alexnet", "--platform", "seed", "--set", "gtx1650.cost.peak_fp32=29TFLOPS", "--set",
                "gtx1650.cost.memory_bandwidth=1280GB/s")["gain_over_best_single"]
    assert fast < base


def test_strategies_can_be_asked_for():
    for strategy in ("single", "split", "pipeline", "hybrid"):
        assert chosen(plan(NETWORK, "--platform", "seed", "--strategy", strategy))["strategy"] == strategy


def test_a_batch_is_divided_for_the_latency():
    best = chosen(plan(NETWORK, "--platform", "seed", "-b", "20", "--objective", "latency"))
    assert best["strategy"] == "split"
    assert sum(replica["samples"] for replica in best["stages"][0]["replicas"]) == 20


def test_placed_operators_run_where_they_are_placed():
    report = plan(NETWORK, "--platform", "seed", "--place", "^Dense=xeon-2.2ghz", "--place", "^Conv_1$=coral-usb3")
    stages = chosen(report)["stages"]
    assert stages[0]["first_op"] == "Conv_1" and stages[0]["replicas"][0]["target"] == "emulated:coral-usb3"
    assert stages[-1]["last_op"] == "Dense_1" and stages[-1]["replicas"][0]["target"] == "emulated:xeon-2.2ghz"
    assert report["best_single"] is None and report["gain_over_best_single"] is None


def test_bounds_are_kept():
    for ranked in plan(NETWORK, "--platform", "seed", "--max-latency", "15ms", "--max-watts", "80W", "--max-stages", "2")["plans"]:
        assert ranked["latency_ms"] <= 15 and ranked["watts"] <= 80 and len(ranked["stages"]) <= 2


def test_devices_can_be_chosen():
    report = plan(NETWORK, "--platform", "seed", "-d", "xeon-2.2ghz,coral-usb3")
    targets = {replica["target"] for ranked in report["plans"] for stage in ranked["stages"] for replica in stage["replicas"]}
    assert targets == {"emulated:xeon-2.2ghz", "emulated:coral-usb3"}


def test_what_cannot_be_is_explained():
    assert "no device 'gtx'" in refused(2, NETWORK, "--platform", "seed", "-d", "gtx")
    assert "twice" in refused(2, NETWORK, "--platform", "seed", "-d", "gtx1650,gtx1650")
    assert "matches no op" in refused(2, NETWORK, "--platform", "seed", "--place", "nothing=gtx1650")
    assert "is not REGEX=DEVICE" in refused(2, NETWORK, "--platform", "seed", "--place", "nothing")
    assert "--set" in refused(2, NETWORK, "--platform", "seed", "--set", "gtx1650.speed=2")
    assert "gtx1650 alone: a sample takes" in refused(4, NETWORK, "--platform", "seed", "--max-latency", "1ms")
    assert "no device runs 'Gather_1'" in refused(4, "zoo:gpt-tiny", "--platform", "coral-x4")


def test_files_are_written_and_a_dry_run_writes_none(tmp_path):
    out, svg = tmp_path / "plan.json", tmp_path / "plan.svg"
    arguments = (NETWORK, "--platform", "seed", "-o", str(out), "--svg", str(svg))
    assert call("plan", *arguments, "--dry-run").code == 0
    assert list(tmp_path.iterdir()) == []
    outcome = call("plan", *arguments)
    assert outcome.code == 0 and f"wrote {out}" in outcome.stdout
    assert set(json.loads(out.read_text())) == PLAN_KEYS
    root = xml.etree.ElementTree.fromstring(svg.read_text())
    assert root.tag.endswith("svg") and "gtx1650" in svg.read_text()


def test_two_runs_say_the_same():
    first, second = (plan("zoo:inception-v1", "--platform", "seed") for _ in range(2))
    first.pop("planning_ms"), second.pop("planning_ms")
    assert first == second
