"""--report of the commands, and consort report. What pages look like in a browser: tests/integration/test_report_page.py."""

import json
import os

import pytest

from consort_cli import MODELS, call

NETWORK = "zoo:resnet-50"
NET = MODELS / "light" / "squeezenet.onnx"
PNG = b"\x89PNG"


def succeeded(*arguments, code=0):
    outcome = call(*arguments)
    assert outcome.code == code, outcome.describe()
    return outcome


def document(path):
    read = json.loads(path.read_text())
    assert (read["format"], read["version"]) == ("consort-report", 1)
    return read


def blocks(read):
    return {block["id"]: block for section in read["sections"] for block in section["blocks"] if "id" in block}


def rows(read, id):
    table = blocks(read)[id]
    titles = [column["title"] for column in table["columns"]]
    return [dict(zip(titles, row["cells"]), origin=row["origin"]) for row in table["rows"]]


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """Two plans for one network, as data and as pages."""
    folder = tmp_path_factory.mktemp("plans")
    for name, more in (("a", ()), ("b", ("--set", "gtx1650.cost.peak_fp32=6TFLOPS"))):
        succeeded("plan", NETWORK, "--platform", "seed", *more, "--report", folder / f"{name}.json", "--report", folder / f"{name}.html")
    return folder


def test_a_plans_report_says_what_the_command_says(plans):
    read = document(plans / "a.json")
    assert "2.18 times the best single device" in read["verdict"] and "modelled" in read["verdict"]
    assert read["command"].startswith("consort plan zoo:resnet-50 --platform seed --report ")
    assert {"processor", "kernel", "platform"} <= {entry["name"] for entry in read["environment"]}
    assert {"plan-drawing", "stages", "crossings", "ranked", "throughputs", "energies", "predicted-line", "busy", "operators"} <= set(blocks(read))
    assert blocks(read)["plan-drawing"]["svg"].startswith("<svg")
    ranked = rows(read, "ranked")
    assert [row["throughput"] for row in ranked] == sorted((row["throughput"] for row in ranked), reverse=True)
    assert all(row["origin"] == "modelled" for row in ranked)


def test_every_operator_of_the_model_has_its_device(plans):
    read = document(plans / "a.json")
    outcome = call("inspect", NETWORK, "--format", "json")
    operators = rows(read, "operators")
    assert len({row["operator"] for row in operators}) == len(operators) > 100
    assert {row["device"] for row in operators} == {"xeon-2.2ghz + coral-usb3", "gtx1650"}
    if outcome.code == 0:
        assert len(operators) == len(json.loads(outcome.stdout)["ops"])


def test_the_predicted_time_line_keeps_the_stages_order(plans):
    line = blocks(document(plans / "a.json"))["predicted-line"]
    ends = {span["label"]: span["end_s"] for span in line["spans"]}
    for span in line["spans"]:
        stage, call_number = span["label"].split(", ")
        if stage == "stage 1":
            assert span["begin_s"] >= ends[f"stage 0, {call_number}"] - 1e-12
    for lane in range(len(line["lanes"])):
        spans = sorted((span["begin_s"], span["end_s"]) for span in line["spans"] if span["lane"] == lane)
        assert all(before[1] <= after[0] + 1e-12 for before, after in zip(spans, spans[1:]))


def test_pages_are_whole_and_small(plans):
    page = (plans / "a.html").read_bytes()
    assert page.startswith(b"<!doctype html>") and page.endswith(b"</html>\n")
    assert len(page) < 6_000_000
    assert b"default-src 'none'" in page


def test_two_reports_are_compared(plans, tmp_path):
    outcome = succeeded("report", plans / "a.json", plans / "b.json", "-o", tmp_path / "c.json", "-o", tmp_path / "c.html")
    assert "are the same within 5 %" in outcome.stdout and "B / A" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) < 260
    read = document(tmp_path / "c.json")
    gtx = next(row for row in rows(read, "ranked") if row["strategy"] == "single" and row["devices"] == "gtx1650" and row["figure"] == "throughput")
    assert gtx["B / A"] == pytest.approx(gtx["B"] / gtx["A"]) and gtx["B / A"] > 1.5
    names = {series["name"] for series in blocks(read)["throughputs"]["series"]}
    assert names == {"throughput (A)", "throughput (B)"}
    assert any(row["what"] == "command" for row in rows(read, "environments"))


def test_a_report_against_itself_is_the_same(plans):
    outcome = succeeded("report", plans / "a.json", plans / "a.json")
    assert " 0 differ." in outcome.stdout


def test_reports_with_nothing_in_common_are_refused(plans, tmp_path):
    other = document(plans / "a.json") | {"sections": []}
    (tmp_path / "other.json").write_text(json.dumps(other))
    outcome = succeeded("report", plans / "a.json", tmp_path / "other.json", code=3)
    assert "no table, chart or map in common" in outcome.stderr


def test_every_form_is_written(plans, tmp_path):
    outcome = succeeded("report", plans / "a.json", "-o", tmp_path / "x.md", "-o", tmp_path / "x.png", "-o", tmp_path / "x.json")
    written = [line.removeprefix("wrote ") for line in outcome.stdout.splitlines()]
    assert sorted(written) == sorted(str(path) for path in tmp_path.rglob("*") if path.is_file())
    assert (tmp_path / "x-throughputs.png").read_bytes().startswith(PNG)
    assert (tmp_path / "x-plots" / "throughputs.png").read_bytes().startswith(PNG)
    assert "](<x-plots/throughputs.png>)" in (tmp_path / "x.md").read_text()
    assert document(tmp_path / "x.json") == document(plans / "a.json")


@pytest.mark.parametrize("name,why", (("x.pdf", ".html, .md, .json or .png"), ("no/x.html", "folder does not exist"), ("x.html", "it is a folder")))
def test_paths_that_cannot_be_written_are_told_before_anything_is_done(tmp_path, name, why):
    (tmp_path / "x.html").mkdir()
    for command in (("plan", NETWORK, "--platform", "seed"), ("bench", "-m", NET), ("run", "-m", NET), ("compare", "-m", NET, "-d", "cpu,cpu")):
        outcome = succeeded(*command, "--report", tmp_path / name, code=2)
        assert why in outcome.stderr and outcome.stdout == ""


@pytest.mark.parametrize("text,why", (("{", "not JSON"), ('{"format": "consort-plan"}', "there is no"), ("[]", "must be an object")))
def test_what_is_no_report_is_refused(tmp_path, text, why):
    (tmp_path / "x.json").write_text(text)
    outcome = succeeded("report", tmp_path / "x.json", "-o", tmp_path / "x.html", code=3)
    assert str(tmp_path / "x.json") in outcome.stderr
    assert not (tmp_path / "x.html").exists()


def test_usage():
    assert "say where the report goes" in succeeded("report", "a.json", code=2).stderr
    assert "there are more" in succeeded("report", "a", "b", "c", code=2).stderr
    succeeded("report", code=2)


def test_bench_reports_latencies_phases_and_trust(tmp_path):
    outcome = call("bench", "-m", NET, "-d", "emulated:gtx1650@null", "--platform", "seed", "-n", "40", "--loads", "2", "--report", tmp_path / "x.json", "--format", "json")
    assert outcome.code in (0, 7), outcome.describe()  # 7: a busy machine
    read = document(tmp_path / "x.json")
    assert {"results", "medians", "percentiles", "distribution", "phases", "placed", "trust"} <= set(blocks(read))
    row, = rows(read, "results")
    assert row["origin"] == "emulated" and row["target"] == "emulated:gtx1650@null"


def test_compare_reports_ratios_and_placement(tmp_path):
    targets = "emulated:coral-usb3@null,emulated:gtx1650@null"
    outcome = call("compare", "-m", NET, "-d", targets, "--platform", "seed", "-t", "0.3", "--loads", "1", "--reference", "none", "--report", tmp_path / "x.json")
    assert outcome.code in (0, 7), outcome.describe()  # 7: a busy machine
    read = document(tmp_path / "x.json")
    assert [row["target"] for row in rows(read, "results")] == targets.split(",")
    assert {"as-asked", "elsewhere"} <= {row["state"] for row in rows(read, "placement-ops")}


def test_run_reports_placement_and_accuracy(tmp_path):
    succeeded("run", "-m", NET, "-d", "cpu@onnxruntime,cpu@openvino", "--report", tmp_path / "x.json")
    read = document(tmp_path / "x.json")
    placed = rows(read, "placement-ops")
    assert {row["target"] for row in placed} == {"cpu@onnxruntime", "cpu@openvino"}
    output, = rows(read, "outputs")
    assert output["against"] == "first target" and output["error"] < 1e-4


def test_a_run_of_a_plan_reports_its_time_line(tmp_path):
    succeeded("plan", NET, "--platform", "seed", "-o", tmp_path / "plan.json")
    succeeded("run", "-m", NET, "--plan", tmp_path / "plan.json", "--platform", "seed", "--clock", "virtual", "-n", "30", "--numbers", "none",
              "--reference", "none", "--report", tmp_path / "x.json")
    read = document(tmp_path / "x.json")
    line = blocks(read)["time-line"]
    runs = [span for span in line["spans"] if span["kind"] == "run"]
    assert line["origin"] == "emulated"
    assert len(runs) == sum(row["calls"] for row in rows(read, "replicas"))
    for row in rows(read, "replicas"):
        assert row["as run"] == pytest.approx(row["planned"], rel=0.01)
    assert {"bytes", "energy", "plan-drawing", "predicted-measured"} <= set(blocks(read))


def test_a_report_of_hostile_names_holds_them_as_data(tmp_path):
    name = tmp_path / "<script>alert(1)</script>.onnx"
    os.makedirs(name.parent, exist_ok=True)
    name.write_bytes(NET.read_bytes())
    succeeded("plan", name, "--platform", "seed", "--report", tmp_path / "x.html", "--report", tmp_path / "x.md")
    page = (tmp_path / "x.html").read_text()
    assert page.count("<script") == 3
