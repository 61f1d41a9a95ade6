"""`consort bench` from outside: exit codes, forms of the report, sweeps, scenarios. A noisy machine may end any row as unstable (exit
code 7); what these tests assert holds either way, and no test depends on how long something takes."""

import csv
import io
import json
import re
import threading
from pathlib import Path

import numpy
import pytest

import models
from consort_cli import call

ORT = "cpu@onnxruntime"
NULL = "null@null"
QUICK = ("-n", "40", "--loads", "2", "--patience", "1", "--no-advice")
PHASES = ["load", "open", "compile", "first_run", "host_to_device", "compute", "device_to_host", "end_to_end"]


def bench(model, *arguments, device=NULL, form="json"):
    """`consort bench` that measures, whether or not the machine was quiet; its output."""
    outcome = call("bench", "-m", model, "-d", device, *QUICK, *arguments, "--format", form)
    assert outcome.code in (0, 7), outcome.describe()
    assert (outcome.code == 7) == ("consort: unstable: " in outcome.stderr), outcome.describe()
    return outcome.stdout


def rows(model, *arguments, device=NULL):
    report = json.loads(bench(model, *arguments, device=device))
    assert report["environment"]["consort"] and report["environment"]["logical_cores"] >= 1
    for row in report["rows"]:
        check(row)
    return report["rows"]


def figures(row, key):
    """A figure of the row, or of what is unreliable in it."""
    return row[key] if key in row else row["unreliable"][key]


def check(row):
    """What holds for every row."""
    assert row["kind"] == "measured"
    assert ("unstable" in row) == ("throughput_per_s" not in row)
    latency = figures(row, "latency_ms")
    assert latency["count"] == row["queries"] <= 40
    if row["queries"]:
        percentiles = [latency["percentiles"]["50"]] + [p for p in latency["percentiles"].values() if p is not None]
        assert latency["percentiles"]["99"] is None  # of 40 queries, less than one lies beyond
        if percentiles[0] is None:
            percentiles = [latency["min"], latency["max"]]
        assert percentiles == sorted(percentiles)
        assert 0 < latency["min"] <= percentiles[0] and percentiles[-1] <= latency["max"]
    assert row["inferences"] == row["queries"] * (row["batch"] or 1)
    assert [phase["name"] for phase in row["phases"]] == PHASES
    for phase in row["phases"]:
        assert len({"times_ms", "not_measured", "unstable"} & phase.keys()) == 1, phase
    assert sum(row["placement"][state] for state in ("as_asked", "eliminated", "elsewhere", "unknown")) == row["placement"]["ops"]
    assert row["memory"]["peak_bytes"] > 0
    assert (row["joules_per_inference"] is None) == row["energy_source"].startswith("not known: ")
    noise = row["noise"]
    assert noise["discarded_by_probe"] + noise["discarded_by_waiting"] == noise["discarded_blocks"]
    assert len(row["replicas"]) == row["concurrency"]


def fails(code, *arguments, says=()):
    outcome = call("bench", *arguments)
    assert outcome.code == code and outcome.stdout == "", outcome.describe()
    for word in [says] if isinstance(says, str) else says:
        assert word in outcome.stderr, outcome.describe()


@pytest.fixture
def double(tmp_path):
    return models.double(tmp_path / "double.onnx")


@pytest.fixture
def open_batch(tmp_path):
    return models.double(tmp_path / "open.onnx", ("batch", 3))


# --- Help and errors ----------------------------------------------------------------------------------------------------------


def test_help_fits_and_documents_every_option():
    text = call("bench", "--help").stdout
    assert max(map(len, text.splitlines())) <= 80 and "Examples:" in text
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    section = page.split("## consort bench\n")[1].split("\n## ")[0]
    options = set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help"}
    assert options and options == set(re.findall(r"--[a-z][a-z-]+", section))


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((), "--model"),
        (("-m", "m.onnx", "-d", "toaster"), "unknown device 'toaster'"),
        (("-m", "m.onnx", "-t", "1", "-n", "1"), "--time and --iterations exclude"),
        (("-m", "m.onnx", "-t", "0"), "--time"),
        (("-m", "m.onnx", "--scenario", "server"), "needs --qps"),
        (("-m", "m.onnx", "--scenario", "offline", "--qps", "3"), "--qps is for --scenario server"),
        (("-m", "m.onnx", "--scenario", "single", "--concurrency", "2"), "--concurrency is not for --scenario single"),
        (("-m", "m.onnx", "--scenario", "concurrent"), "needs --concurrency"),
        (("-m", "m.onnx", "--scenario", "batch"), "'batch' is not one of single|concurrent|server|offline"),
        (("-m", "m.onnx", "-b", "4-1"), "'4-1' does not rise"),
        (("-m", "m.onnx", "--threads", "two"), "'two' is not N, N-M"),
        (("-m", "m.onnx", "--concurrency", "1025"), "--concurrency: 1025 is more than 1024"),
        (("-m", "m.onnx", "--threads", "1-2,4000"), "--threads: 4000 is more than 1024"),
        (("-m", "m.onnx", "--percentiles", "50,101"), "'101' is not between"),
        (("-m", "m.onnx", "--format", "xml"), "'xml' is not one of table|md|csv|json|jsonl"),
        (("-m", "m.onnx", "--itterations", "4"), "did you mean '--iterations'?"),
    ],
)
def test_usage_errors(arguments, says):
    fails(2, *arguments, says=says)


def test_bad_models_and_inputs(tmp_path, double):
    fails(3, "-m", tmp_path / "none.onnx", says="none.onnx")
    (tmp_path / "broken.onnx").write_bytes(double.read_bytes()[:40])
    fails(3, "-m", tmp_path / "broken.onnx", says="broken.onnx")
    fails(3, "-m", double, "-d", NULL, "-b", "4", says=("axis 0 of input 'x' is fixed at 2, not 4", "consort make --batch"))
    fails(3, "-m", double, "-d", NULL, "-i", f"q={tmp_path / 'none.npy'}", says="none.npy")
    fails(2, "-m", f"litert={double}", "-d", NULL, says="none is given for null@null")


def test_a_lost_device_has_its_exit_code(double, monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")
    fails(6, "-m", double, "-d", "faulty:lost", says="faulty:lost")


# --- Rows ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [NULL, ORT])
def test_single(double, device):
    (row,) = rows(double, device=device)
    assert row["target"] == device and row["scenario"] == "single" and row["concurrency"] == 1 and row["batch"] is None
    assert row["input_bytes"] == row["output_bytes"] == 24 and row["file_bytes"] == double.stat().st_size
    assert list(figures(row, "latency_ms")["percentiles"]) == ["50", "90", "95", "99", "99.9"]
    assert not any("not_measured" in phase for phase in row["phases"])
    assert row["loads"] == 2 and row["placement"]["ops"] == 1 and row["advice"] == []


def test_targets_follow_each_other(double):
    assert [row["target"] for row in rows(double, device=f"{ORT},{NULL}")] == [ORT, NULL]


def test_sweeps_have_a_row_for_each_value(open_batch):
    measured = rows(open_batch, "-b", "1-4*2", "--threads", "1", "--concurrency", "1,2")
    assert [(row["batch"], row["threads"], row["concurrency"]) for row in measured] == [
        (batch, 1, replicas) for batch in (1, 2, 4) for replicas in (1, 2)
    ]
    assert [row["input_bytes"] for row in measured] == [12, 12, 24, 24, 48, 48]
    assert all(row["scenario"] == "concurrent" for row in measured)


def test_an_open_batch_is_one_unless_a_file_says_otherwise(open_batch, tmp_path):
    assert rows(open_batch)[0]["input_bytes"] == 12
    numpy.save(tmp_path / "x.npy", numpy.ones((7, 3), numpy.float32))
    (row,) = rows(open_batch, "-i", tmp_path / "x.npy")
    assert row["input_bytes"] == 7 * 12 and row["batch"] is None
    assert rows(open_batch, "--dim", "batch=5")[0]["input_bytes"] == 5 * 12
    assert rows(open_batch, "--shape", "6x3")[0]["input_bytes"] == 6 * 12


def test_a_batch_that_the_model_has_is_accepted(double):
    assert rows(double, "-b", "2")[0]["batch"] == 2


def test_replicas_get_cores_of_their_own_or_say_that_they_share(double):
    (row,) = rows(double, "--concurrency", "1", device=ORT)
    cores = row["cores"]
    (row,) = rows(double, "--concurrency", str(len(cores) + 1), device=ORT)
    assert row["shared_cores"] is True and row["replicas"] == [ORT] * (len(cores) + 1)
    if len(cores) == 1:
        pytest.skip("one core cannot be divided")
    (row,) = rows(double, "--concurrency", str(len(cores)), device=ORT)
    assert row["replicas"] == [f"cpu:{core}@onnxruntime" for core in cores] and row["shared_cores"] is False
    assert row["threads"] == 1 and row["cores"] == cores


def test_server_says_what_arrived(double):
    (row,) = rows(double, "--qps", "2000")
    assert row["scenario"] == "server" and row["server"]["asked_per_s"] == 2000
    assert row["server"]["arrived_per_s"] > 0 and row["server"]["busy_share"] <= 1
    if row["server"]["overloaded"]:
        assert "latency_ms" not in row


def test_offline(open_batch):
    (row,) = rows(open_batch, "--scenario", "offline", "-b", "8")
    assert row["scenario"] == "offline" and row["inferences"] == 8 * row["queries"]


def test_states_are_kept_constant(tmp_path):
    model = models.running_sum(tmp_path / "sum.onnx")
    assert rows(model, "--state", "state=next", "-b", "1", device=ORT)[0]["batch"] == 1
    fails(3, "-m", model, "-d", NULL, "--state", "state=q", *QUICK, says="no output 'q'")


def test_a_million_queries_need_no_more_memory(double):
    def peak(queries):
        outcome = call("bench", "-m", double, "-d", NULL, "-n", str(queries), "--loads", "1", "--no-advice", "--format", "json")
        assert outcome.code in (0, 7), outcome.describe()
        return json.loads(outcome.stdout)["rows"][0]["memory"]["peak_bytes"]

    # 1.9 million more latencies of 8 bytes, if they were kept, would be 14.5 MiB.
    assert peak(2_000_000) <= peak(100_000) + 2 * 2**20


def test_isolated_devices_count_their_children(double):
    (row,) = rows(double, "--isolate", device=ORT)
    assert row["isolated"] is True and row["memory"]["children_peak_bytes"] > 0


def test_advice_names_figures(double):
    outcome = call("bench", "-m", double, "-d", ORT, "-t", "0.2", "--loads", "2", "--format", "json")
    assert outcome.code in (0, 7), outcome.describe()
    for advice in json.loads(outcome.stdout)["rows"][0]["advice"]:
        assert advice["name"] in {"call_bound", "transfer_bound", "workers", "warm_up", "tail"}
        assert re.search(r"\d", advice["text"])


# --- Unstable -----------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_trusted_says_so_in_place_of_figures(double):
    """A share of 0 allows no discarded block; where none was discarded the row is stable."""
    arguments = ("bench", "-m", double, "-d", f"{ORT},{NULL}", *QUICK, "--max-discarded", "0")
    outcome = call(*arguments, "--format", "json")
    report = json.loads(outcome.stdout)["rows"]
    assert outcome.code == (7 if any("unstable" in row for row in report) else 0)
    for row in report:
        assert ("unstable" in row) or row["noise"]["discarded_blocks"] == 0
        if "unstable" in row:
            assert row["unstable"] in outcome.stderr and {"latency_ms", "throughput_per_s"} <= row["unreliable"].keys()
    table = call(*arguments)
    assert (table.code == 7) == ("unstable" in table.stdout)


# --- Forms --------------------------------------------------------------------------------------------------------------------


def test_table_fits_80_columns(open_batch):
    for arguments in ((), ("-b", "1-5", "--threads", "1"), ("--qps", "300")):
        text = bench(open_batch, *arguments, device=ORT, form="table")
        assert max(map(len, text.splitlines())) <= 80, text
        assert "measured" in text and ORT in text


def test_csv_parses_back(open_batch):
    text = bench(open_batch, "-b", "1,2", "--percentiles", "50,99", form="csv")
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["batch"], second["batch"]) == ("1", "2")
    assert {"median_ms", "p50_ms", "p99_ms", "throughput_per_s", "compile_ms", "unstable"} <= first.keys()
    for row in (first, second):
        assert None not in row and None not in row.values()
        if row["unstable"]:
            assert row["median_ms"] == row["p99_ms"] == row["throughput_per_s"] == "unstable"
        else:
            assert 0 < float(row["min_ms"]) <= float(row["p50_ms"]) <= float(row["max_ms"])
            assert row["p99_ms"] == ""  # of 40 queries


def test_json_lines_stand_alone(open_batch):
    lines = bench(open_batch, "-b", "1,2", form="jsonl").splitlines()
    assert [json.loads(line)["batch"] for line in lines] == [1, 2]
    for line in lines:
        row = json.loads(line)
        assert row.pop("environment")["kernel"]
        check(row)


def test_markdown_is_one_table(open_batch):
    lines = [line for line in bench(open_batch, "-b", "1,2", form="md").splitlines() if line.startswith("|")]
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    assert set(lines[1]) <= set("|- ")


def test_output_goes_to_a_file(double, tmp_path):
    file = tmp_path / "report.json"
    assert bench(double, "-o", file) == ""
    check(json.loads(file.read_text())["rows"][0])
    fails(3, "-m", double, "-d", NULL, *QUICK, "-o", tmp_path / "none" / "report.json", says="report.json")


# --- Energy -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def powercap(tmp_path, monkeypatch):
    """A folder like /sys/class/powercap whose package uses a joule every few milliseconds."""
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    (zone / "energy_uj").write_text("0\n")
    monkeypatch.setenv("CONSORT_POWERCAP", str(zone.parent))
    done = threading.Event()

    def count():
        joules = 0
        while not done.wait(0.002):
            joules += 1
            fresh = zone / "fresh"
            fresh.write_text(f"{joules * 1_000_000}\n")
            fresh.replace(zone / "energy_uj")

    thread = threading.Thread(target=count)
    thread.start()
    yield zone
    done.set()
    thread.join()


def test_energy_of_a_cpu_is_what_its_counters_say(double, powercap):
    timed = ("bench", "-m", double, "-d", ORT, "-t", "0.3", "--loads", "2", "--patience", "1", "--no-advice", "--format")
    outcome = call(*timed, "json")
    assert outcome.code in (0, 7), outcome.describe()
    (row,) = json.loads(outcome.stdout)["rows"]
    assert row["energy_source"] == "RAPL (package-0)"
    assert row["joules_per_inference"] > 0
    text = call(*timed, "table").stdout
    assert "(RAPL (package-0))" in text and "per inference" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_energy_without_counters_says_why_and_takes_a_stated_power(double, tmp_path, monkeypatch):
    monkeypatch.setenv("CONSORT_POWERCAP", str(tmp_path))
    (row,) = rows(double, device=ORT)
    assert row["joules_per_inference"] is None
    assert row["energy_source"] == f"not known: {tmp_path} has no RAPL counters (virtual machines rarely have)"
    (row,) = rows(double, "--watts", "35W", device=ORT)
    assert row["energy_source"] == "modelled: 35 W, as stated, × busy time"
    rate = figures(row, "throughput_per_s")["estimate"]
    assert row["joules_per_inference"] == pytest.approx(35 / rate)
    fails(2, "-m", double, "--watts", "35", says=["--watts", "unit"])
