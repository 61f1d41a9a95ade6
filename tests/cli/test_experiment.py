"""consort experiment: cells, raw results that are gone on with, reports. Everything by the virtual clock, but for one small measured
experiment; no test looks at how long anything took."""

import json
import os
import signal
import subprocess
import time

import pytest

from consort_cli import BINARY, call

SMALL = ("matvec", "--platform", "seed", "--param", "sides=64,256", "--param", "trials=3")


def run(folder, *arguments):
    outcome = call("experiment", *arguments, "-o", str(folder))
    assert outcome.code == 0, outcome.describe()
    return outcome


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_list_names_every_experiment_and_its_parameters():
    outcome = call("experiment", "list")
    assert outcome.code == 0, outcome.describe()
    for name in ("matvec", "dense-scaling", "alignment", "precision", "scaling"):
        assert f"\n{name}: " in "\n" + outcome.stdout
    assert "sides: sides of the matrix" in outcome.stdout and "default: 64,128,256,512,1024" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_raw_results_are_a_header_and_a_row_per_cell(tmp_path):
    run(tmp_path, *SMALL)
    header, *rows = lines(tmp_path / "matvec.jsonl")
    assert header["format"] == "consort-experiment" and header["version"] == 1 and header["experiment"] == "matvec"
    assert header["settings"] == {"sides": "64,256", "trials": "3", "quick": False}
    assert header["testbed"]["platform"]["name"] == "seed" and len(header["testbed"]["devices"]) == 3
    assert len(rows) == 2 * 2 * 3 and len({row["cell"] for row in rows}) == len(rows)
    for row in rows:
        assert row["provenance"] == "emulated" and row["trials"] == 3
        assert 0 < row["low_ms"] < row["mean_ms"] < row["high_ms"]
    resident = {(row["side"], row["device"]): row["mean_ms"] for row in rows if row["weights"] == "inference only"}
    loading = {(row["side"], row["device"]): row["mean_ms"] for row in rows if row["weights"] == "with loading"}
    assert all(loading[key] >= resident[key] for key in resident)
    assert loading[256, "coral-usb3"] > resident[256, "coral-usb3"]


def test_two_runs_write_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        run(tmp_path / folder, "dense-scaling", "--platform", "seed", "--quick", "--jitter", "0.1", "--seed", "7")
    assert (tmp_path / "a/dense-scaling.jsonl").read_bytes() == (tmp_path / "b/dense-scaling.jsonl").read_bytes()


def test_what_is_there_is_not_run_again(tmp_path):
    run(tmp_path, *SMALL)
    whole = (tmp_path / "matvec.jsonl").read_bytes()
    kept = whole.splitlines(keepends=True)
    # A cell that would not come out so shows that it was kept; a torn line, that it was run again.
    (tmp_path / "matvec.jsonl").write_bytes(b"".join(kept[:5]).replace(b'"trials":3', b'"trials":9') + kept[5][:20])
    outcome = run(tmp_path, *SMALL)
    assert "12 rows, 4 of them from before" in outcome.stdout
    after = lines(tmp_path / "matvec.jsonl")
    assert [row["trials"] for row in after[1:]] == [9] * 4 + [3] * 8


def killed_after(arguments, folder, count):
    """Starts the command and kills it once its file has so many lines; whether it was still running then."""
    path = folder / f"{arguments[0]}.jsonl"
    process = subprocess.Popen([BINARY, "experiment", *arguments, "-o", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.0005)
    return process.wait() == -signal.SIGKILL


def test_killed_at_any_point_it_ends_with_the_same_rows(tmp_path):
    arguments = ("alignment", "--platform", "seed", "--param", "models=lenet,seed-cnn,squeezenet-1.0,mobilenet-v2,resnet-50",
                 "--param", "batches=1,4")
    run(tmp_path / "whole", *arguments)
    whole = (tmp_path / "whole/alignment.jsonl").read_bytes()
    killed = 0
    for count in (0, 1, 2, 7, 15, 22, 29):
        folder = tmp_path / str(count)
        folder.mkdir()
        killed += killed_after(arguments, folder, count)
        run(folder, *arguments)
        assert (folder / "alignment.jsonl").read_bytes() == whole
    assert killed >= 1


def test_killed_within_plans_it_ends_with_the_same_rows(tmp_path):
    arguments = ("data-parallel", "--platform", "seed", "--param", "networks=seed-dense", "--param", "step=5")
    run(tmp_path / "whole", *arguments)
    whole = (tmp_path / "whole/data-parallel.jsonl").read_bytes()
    killed = 0
    for count in (1, 8, 20):
        folder = tmp_path / str(count)
        folder.mkdir()
        killed += killed_after(arguments, folder, count)
        run(folder, *arguments)
        assert (folder / "data-parallel.jsonl").read_bytes() == whole
    assert killed >= 1


def test_another_file_is_left_alone(tmp_path):
    (tmp_path / "matvec.jsonl").write_text("notes")
    outcome = call("experiment", *SMALL, "-o", str(tmp_path))
    assert outcome.code == 3 and "is no file of an experiment's results" in outcome.stderr, outcome.describe()
    assert (tmp_path / "matvec.jsonl").read_text() == "notes"


def test_other_settings_are_refused_unless_fresh(tmp_path):
    run(tmp_path, *SMALL)
    other = ("matvec", "--platform", "seed", "--param", "sides=64", "-o", str(tmp_path))
    outcome = call("experiment", *other)
    assert outcome.code != 0
    assert "settings.sides is 64,256 there and 64 here" in outcome.stderr and "--fresh" in outcome.stderr
    assert len(lines(tmp_path / "matvec.jsonl")) == 13
    outcome = call("experiment", *other, "--fresh")
    assert outcome.code == 0, outcome.describe()
    assert len(lines(tmp_path / "matvec.jsonl")) == 7


def test_a_changed_platform_is_another_testbed(tmp_path):
    run(tmp_path, *SMALL)
    outcome = call("experiment", *SMALL, "--set", "gtx1650.power.active=80W", "-o", str(tmp_path))
    assert outcome.code != 0 and "testbed.platform.fingerprint" in outcome.stderr


@pytest.mark.parametrize("arguments, message", [
    (("matvex",), "did you mean 'matvec'"),
    (("matvec", "--param", "side=64"), "did you mean 'sides'"),
    (("matvec", "--param", "sides"), "NAME=VALUE"),
    (("all", "--param", "nonsense=1"), "no experiment has a parameter 'nonsense'"),
    (("matvec", "--platform", "nowhere"), "nowhere"),
    (("matvec", "--platform", "seed", "-d", "gtx1651"), "gtx1651"),
    (("matvec", "--platform", "seed", "-d", "gtx1650/int8"), "computes in"),
    (("alignment", "--platform", "seed", "--param", "models=resnet-51"), "resnet-50"),
    (("alignment", "--platform", "seed", "--param", "models="), "no cell is left to run"),
    (("data-parallel", "--platform", "seed", "--param", "scale="), "--param scale"),
    (("sharding", "--platform", "seed", "--param", "networks=resnet-50"), "seed-cnn-large"),
    (("all", "--platform", "coral-usb3", "--param", "sides=0"), "--param sides"),
])
def test_what_cannot_be_is_a_usage_error(tmp_path, arguments, message):
    outcome = call("experiment", *arguments, "-o", str(tmp_path / "results"))
    assert outcome.code in (2, 3), outcome.describe()  # 3: the platform's file is not there
    assert message in outcome.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("parameter, message", [("sides=0", "--param sides"), ("trials=1,2", "one number is wanted")])
def test_values_that_are_none_name_their_parameter(tmp_path, parameter, message):
    outcome = call("experiment", "matvec", "--platform", "seed", "--param", parameter, "-o", str(tmp_path))
    assert outcome.code == 2 and message in outcome.stderr, outcome.describe()


def test_crossings_lie_between_points_that_were_run(tmp_path):
    outcome = run(tmp_path, "dense-scaling", "--platform", "seed")
    assert "gtx1650 overtakes xeon-2.2ghz between" in " ".join(outcome.stdout.split())
    rows = lines(tmp_path / "dense-scaling.jsonl")[1:]
    time_of = {(row["input_size"], row["device"]): row["mean_ms"] for row in rows}
    sizes = sorted({row["input_size"] for row in rows})
    faster = [time_of[size, "gtx1650"] < time_of[size, "xeon-2.2ghz"] for size in sizes]
    assert faster[0] is False and faster[-1] is True
    below = sizes[faster.index(True) - 1]
    assert f"between {below} and {sizes[faster.index(True)]} inputs" in " ".join(outcome.stdout.split())


def test_alignment_names_refusals_and_winners(tmp_path):
    outcome = run(tmp_path, "alignment", "--platform", "seed", "--param", "models=lenet,bert-tiny", "--param", "batches=1")
    assert "Refused: bert-tiny/1/coral-usb3: " in outcome.stdout
    rows = {(row["model"], row["device"]): row for row in lines(tmp_path / "alignment.jsonl")[1:]}
    assert "refused" in rows["bert-tiny", "coral-usb3"]
    assert rows["lenet", "gtx1650"]["samples_per_s"] == pytest.approx(1000 / rows["lenet", "gtx1650"]["mean_ms"])
    assert max(len(line) for line in outcome.stdout.splitlines() if not line.startswith("Raw results")) <= 80


def test_precisions_are_those_of_the_devices_and_numbers_are_computed(tmp_path):
    run(tmp_path, "precision", "--platform", "seed", "--param", "models=lenet", "--param", "inputs=2")
    rows = {(row["device"], row["precision"]): row for row in lines(tmp_path / "precision.jsonl")[1:]}
    assert set(rows) == {("xeon-2.2ghz", "fp32"), ("gtx1650", "fp32"), ("coral-usb3", "int8"), ("coral-usb3", "uint8"),
                         ("rtx2060", "fp32"), ("rtx2060", "fp16"), ("rtx2060", "int8")}
    assert rows["gtx1650", "fp32"]["sqnr_db"] is None and rows["gtx1650", "fp32"]["cosine"] == pytest.approx(1)
    assert rows["rtx2060", "fp16"]["sqnr_db"] > rows["coral-usb3", "int8"]["sqnr_db"] > 10
    assert rows["coral-usb3", "int8"]["numbers_from"] == "cpu@onnxruntime, the network in int8"


def test_scaling_gains_on_own_links_and_less_on_a_hub(tmp_path):
    run(tmp_path, "scaling", "--platform", "seed", "--param", "models=inception-v1", "--param", "counts=1,4")
    rows = {(row["links"], row["strategy"], row["count"]): row["samples_per_s"] for row in lines(tmp_path / "scaling.jsonl")[1:]}
    assert rows["own links", "data-parallel", 4] == pytest.approx(4 * rows["own links", "data-parallel", 1], rel=0.02)
    for strategy in ("data-parallel", "pipeline"):
        assert rows["own links", strategy, 1] < rows["one hub", strategy, 4] <= rows["own links", strategy, 4]


def test_references_are_laid_beside_and_told_apart_by_their_columns(tmp_path):
    published = tmp_path / "published.csv"
    published.write_text("matrix_side,device_class,includes_memory_loading,time\n64,gpu,no,0.05\n64,gpu,yes,0.5\n")
    outcome = run(tmp_path, *SMALL, "--reference", str(published))
    assert "Here over published, in the geometric mean" in outcome.stdout
    assert "TensorFlow Lite on the host's CPU" in " ".join(outcome.stdout.split())
    published.write_text("a,b\n1,2\n")
    outcome = call("experiment", *SMALL, "--reference", str(published), "-o", str(tmp_path))
    assert outcome.code == 2 and "fit none of the experiments" in outcome.stderr and "matrix_side" in outcome.stderr
    published.write_text("a,b\n1\n")
    outcome = call("experiment", *SMALL, "--reference", str(published), "-o", str(tmp_path))
    assert outcome.code == 3 and f"{published}:2: 1 fields, but 2 titles" in outcome.stderr


def test_formats_hold_every_row(tmp_path):
    as_json = json.loads(run(tmp_path, *SMALL, "--format", "json").stdout)
    (only,) = as_json["experiments"]
    assert only["experiment"] == "matvec" and len(only["rows"]) == 12 and only["verdict"].startswith("At side 64 ")
    as_lines = [json.loads(line) for line in run(tmp_path, *SMALL, "--format", "jsonl").stdout.splitlines()]
    assert [{"experiment": "matvec", **row} for row in only["rows"]] == as_lines
    takeaways = run(tmp_path, "takeaways", "--platform", "seed", "--quick", "--format", "jsonl").stdout.splitlines()
    kinds = {(row["experiment"], row["of"]) for row in map(json.loads, takeaways)}
    assert kinds == {("takeaways", of) for of in ("matvec", "dense-scaling", "sharding", "data-parallel")}


def test_reports_are_written_with_every_plot(tmp_path):
    page, data = tmp_path / "seed.html", tmp_path / "seed.json"
    run(tmp_path / "results", *SMALL, "--report", str(page), "--report", str(data))
    document = json.loads(data.read_text())
    assert document["verdict"].startswith("At side 64 ") and "experiment matvec" in document["command"]
    assert any(block.get("id") == "matvec-latency" for section in document["sections"] for block in section["blocks"])
    assert "matvec-latency" in page.read_text()
    outcome = call("experiment", *SMALL, "-o", str(tmp_path / "other"), "--report", str(tmp_path / "nowhere" / "x.html"))
    assert outcome.code == 2 and not (tmp_path / "other").exists(), outcome.describe()


def test_nothing_is_written_outside_of_the_folder(tmp_path):
    outcome = call("experiment", *SMALL, prefix=("env", "-C", str(tmp_path)))
    assert outcome.code == 0, outcome.describe()
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [
        "consort-experiments/seed/matvec.jsonl"]


def test_all_of_the_seed_quickly(tmp_path):
    outcome = run(tmp_path, "all", "--platform", "seed", "--quick", "--format", "json")
    names = [one["experiment"] for one in json.loads(outcome.stdout)["experiments"]]
    assert names == ["matvec", "dense-scaling", "sharding", "data-parallel", "alignment", "precision", "scaling", "modern", "takeaways"]
    assert {path.stem for path in tmp_path.glob("*.jsonl")} == set(names)


def test_all_leaves_out_what_the_devices_do_not_allow(tmp_path):
    outcome = run(tmp_path, "all", "--platform", "coral-usb3", "-d", "coral-usb3", "--quick", "--format", "json")
    names = {one["experiment"] for one in json.loads(outcome.stdout)["experiments"]}
    assert {"matvec", "alignment", "scaling"} <= names and not {"sharding", "data-parallel", "takeaways"} & names
    for name in ("sharding", "data-parallel", "takeaways"):
        assert f"left out: {name}: " in outcome.stderr and "needs two devices" in outcome.stderr


def test_all_goes_on_behind_one_that_ended(tmp_path):
    (tmp_path / "matvec.jsonl").write_text("notes")
    outcome = call("experiment", "all", "--platform", "coral-usb3", "-d", "coral-usb3", "--quick", "--format", "json", "-o", str(tmp_path))
    assert outcome.code == 3 and "matvec: " in outcome.stderr and "is no file of an experiment's results" in outcome.stderr
    names = {one["experiment"] for one in json.loads(outcome.stdout)["experiments"]}
    assert "matvec" not in names and {"dense-scaling", "alignment"} <= names


def test_titles_say_whose_figures_these_are(tmp_path):
    for devices, title in (("rtx2060", "matvec on emulated devices"), ("cpu@onnxruntime", "matvec on this machine")):
        data = tmp_path / f"{devices}.json"
        outcome = call("experiment", "matvec", "-d", devices, "--quick", "--param", "sides=64", "-o", str(tmp_path / devices),
                       "--report", str(data))
        assert outcome.code in (0, 7), outcome.describe()
        assert json.loads(data.read_text())["title"] == title


def test_several_references_and_names_with_dots_have_parts_of_their_own(tmp_path):
    published, data = tmp_path / "published.csv", tmp_path / "matvec.json"
    published.write_text("matrix_side,device_class,includes_memory_loading,time\n64,gpu,no,0.05\n")
    run(tmp_path, *SMALL, "--reference", str(published), "--reference", str(published), "--report", str(data))
    ids = [block.get("id") for section in json.loads(data.read_text())["sections"] for block in section["blocks"]]
    assert {"matvec-published", "matvec-published-2"} <= set(ids)
    run(tmp_path, "data-parallel", "--platform", "seed", "--param", "networks=squeezenet-1.0", "--param", "samples=2", "--report", str(data))
    assert '"data-parallel-squeezenet-1-0"' in data.read_text()


def test_targets_of_this_machine_are_measured(tmp_path):
    outcome = call("experiment", "matvec", "-d", "cpu@onnxruntime", "--quick", "--param", "sides=64", "-o", str(tmp_path))
    assert outcome.code in (0, 7), outcome.describe()
    header, *rows = lines(tmp_path / "matvec.jsonl")
    assert header["testbed"]["devices"][0]["engine"].startswith("ONNX Runtime")
    assert [row["provenance"] for row in rows] == ["measured"] * 2
    assert all(row["trials"] > 0 and row["mean_ms"] > 0 for row in rows)
