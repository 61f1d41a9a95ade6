"""`consort experiment` sharding, data-parallel, modern and takeaways, from outside. By the virtual clock nothing depends on how fast this
machine is."""

import json

import pytest

from consort_cli import call

QUICK_SHARDING = ("--param", "networks=seed-cnn", "--param", "batches=1,16", "--param", "sets=none")


def experiment(tmp_path, name, *arguments, platform="seed"):
    outcome = call("experiment", name, "--platform", platform, "--quick", "-o", tmp_path / "results", "--format", "json", *arguments)
    assert outcome.code == 0, outcome.describe()
    (only,) = json.loads(outcome.stdout)["experiments"]
    return only


def refused(*arguments):
    outcome = call("experiment", *arguments)
    assert outcome.code in (2, 3) and outcome.stdout == "", outcome.describe()
    return outcome.stderr


def test_sharding_has_the_seeds_strategies_and_the_planners(tmp_path):
    rows = experiment(tmp_path, "sharding", *QUICK_SHARDING)["rows"]
    assert [(row["batch"], row["strategy"]) for row in rows] == [
        (batch, strategy) for batch in (1, 16) for strategy in [*"01234567", "planned for latency"]
    ]
    assert all(row["provenance"] == "emulated" for row in rows)
    assert rows[0]["on"] == "coral-usb3" and rows[4]["on"] == "gtx1650"
    for row in rows:
        assert row["per_inference_ms"] == pytest.approx(row["call_ms"] / row["batch"])


def test_two_runs_give_the_same_rows_and_the_second_takes_them_from_the_file(tmp_path):
    first = experiment(tmp_path / "a", "sharding", *QUICK_SHARDING)
    second = experiment(tmp_path / "b", "sharding", *QUICK_SHARDING)
    assert first == second
    file = tmp_path / "a" / "results" / "sharding.jsonl"
    before = file.read_bytes()
    lines = before.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:5]) + lines[5][:20])  # killed while it wrote
    assert experiment(tmp_path / "a", "sharding", *QUICK_SHARDING) == first
    assert file.read_bytes() == before


def test_a_pair_can_be_named_and_must_be_two(tmp_path):
    rows = experiment(tmp_path, "sharding", *QUICK_SHARDING, "--param", "pair=gtx1650,xeon-2.2ghz")["rows"]
    assert rows[0]["on"] == "gtx1650" and rows[4]["on"] == "xeon-2.2ghz"
    assert "gtx1650" in refused("sharding", "--platform", "seed", "--param", "pair=gtx1650", "-o", tmp_path / "c")
    assert "no-such" in refused("sharding", "--platform", "seed", "--param", "pair=gtx1650,no-such", "-o", tmp_path / "c")
    assert "needs two devices" in refused("sharding", "--platform", "coral-usb3", "-o", tmp_path / "c")


def test_data_parallel_runs_every_way_and_the_planners(tmp_path):
    rows = experiment(tmp_path, "data-parallel", "--param", "networks=seed-dense")["rows"]
    splits = [row for row in rows if row["what"] == "split"]
    assert len(splits) == 66
    assert all(row["first"] + row["second"] + row["third"] == 20 for row in splits)
    (planned,) = [row for row in rows if row["what"] == "planned"]
    assert planned["wall_ms"] <= 1.0001 * min(row["wall_ms"] for row in splits)
    assert "multiple" in refused("data-parallel", "--platform", "seed", "--param", "step=3", "-o", tmp_path / "c")


def test_modern_names_what_the_edge_tpu_refuses(tmp_path):
    report = experiment(tmp_path, "modern", "--param", "networks=bert-tiny", "--param", "tokens=16", "--param", "sets=1")
    (support,) = [row for row in report["rows"] if row["what"] == "support"]
    assert "Erf (2): " in support["refusals"] and support["refused_ops"] > 0
    assert "fastest" in report["verdict"]


def test_takeaways_are_judged_with_their_figures(tmp_path):
    outcome = call("experiment", "takeaways", "--platform", "seed", "--quick", "-o", tmp_path / "results")
    assert outcome.code == 0, outcome.describe()
    for word in ("small-samples", "not confirmed", "confirmed", "link-bottleneck", "alexnet-shared"):
        assert word in outcome.stdout
    assert "Edge TPU here is coral-usb3" in outcome.stdout


def test_targets_of_this_machine_are_measured(tmp_path):
    outcome = call("experiment", "data-parallel", "-d", "cpu@onnxruntime,cpu@openvino", "--quick", "-o", tmp_path / "results",
                   "--format", "json", "--param", "networks=seed-dense", "--param", "planned=no")
    assert outcome.code in (0, 7), outcome.describe()  # 7: the machine was not quiet
    (report,) = json.loads(outcome.stdout)["experiments"]
    assert [row["what"] for row in report["rows"]] == ["alone"] * 4 + ["split"] * 3
    for row in report["rows"]:
        assert row["provenance"] == "measured" and row.get("wall_ms", row.get("call_ms")) > 0
        assert row["energy_source"].startswith(("RAPL", "not known: "))
