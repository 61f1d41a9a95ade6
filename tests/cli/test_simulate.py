"""consort simulate and calibrate: what cost models say, and what two measurements change. No test looks at how long anything took."""

import csv
import io
import json

import pytest

from consort_cli import call, call_json

NETWORK = "zoo:mobilenet-v1"
KEYS = {
    "device", "precision", "batch", "calls", "settings", "latency_ms", "latency_low_ms", "latency_high_ms", "throughput_per_s", "joules",
    "load_ms", "overhead_ms", "input_ms", "output_ms", "conversion_ms", "conversion_device", "link_bytes", "input_bytes", "output_bytes",
    "streamed_bytes", "instruction_bytes", "cached_bytes", "cache_bytes", "notes",
}


def simulate(*arguments):
    return call_json("simulate", *arguments)


def rows(*arguments):
    report = simulate(*arguments)
    assert report["provenance"] == "modelled"
    return report["rows"]


def test_table_says_modelled_and_fits_80_columns():
    outcome = call("simulate", NETWORK, "--platform", "seed", "--per-layer")
    assert outcome.code == 0, outcome.describe()
    assert outcome.stdout.startswith("modelled")
    assert "nothing was measured" in outcome.stdout and "assumed int8" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_every_device_of_the_platform_has_a_row():
    found = rows(NETWORK, "--platform", "seed")
    assert [row["device"] for row in found] == ["xeon-2.2ghz", "gtx1650", "coral-usb3"]
    for row in found:
        assert set(row) - {"warning"} == KEYS
        assert 0 < row["latency_low_ms"] < row["latency_ms"] < row["latency_high_ms"]
        assert row["throughput_per_s"] == pytest.approx(1000 / row["latency_ms"])
        assert row["link_bytes"] == sum(row[key] for key in ("input_bytes", "output_bytes", "streamed_bytes", "instruction_bytes"))
    assert found[2]["precision"] == "int8" and found[2]["input_bytes"] == 3 * 224 * 224


def test_precision_of_a_device():
    (fp32, fp16) = rows(NETWORK, "--platform", "rtx2060", "-d", "rtx2060/fp32,rtx2060/fp16")
    assert (fp32["precision"], fp16["precision"]) == ("fp32", "fp16")
    assert fp16["latency_ms"] < fp32["latency_ms"]


def test_a_batch_is_one_call_but_on_an_edge_tpu():
    found = rows(NETWORK, "--platform", "seed", "-d", "gtx1650,coral-usb3", "-b", "1,8")
    assert [(row["batch"], row["calls"]) for row in found] == [(1, 1), (8, 1), (1, 1), (8, 8)]
    assert found[1]["latency_ms"] < 8 * found[0]["latency_ms"]
    assert found[3]["latency_ms"] == pytest.approx(8 * found[2]["latency_ms"])
    assert found[3]["input_bytes"] == found[2]["input_bytes"]


def test_settings_sweep_in_all_combinations():
    found = rows("zoo:vgg-16", "--platform", "coral-usb3", "--set", "coral-usb3.link.bandwidth=40,400MB/s", "--set",
                 "coral-usb3.cost.round_trip=1ms,3ms")
    assert [list(row["settings"].values()) for row in found] == [["40MB/s", "1ms"], ["40MB/s", "3ms"], ["400MB/s", "1ms"], ["400MB/s", "3ms"]]
    assert found[1]["latency_ms"] - found[0]["latency_ms"] == pytest.approx(2)
    assert found[0]["latency_ms"] > 5 * found[2]["latency_ms"]


def test_reported_bytes_and_loading_are_taken():
    (plain,) = rows("zoo:resnet-50", "--platform", "coral-usb3")
    (reported,) = rows("zoo:resnet-50", "--platform", "coral-usb3", "--off-chip-bytes", "1MiB")
    assert reported["streamed_bytes"] == 1 << 20 < plain["streamed_bytes"]
    (loading,) = rows("zoo:resnet-50", "--platform", "coral-usb3", "--with-load")
    assert loading["streamed_bytes"] == plain["streamed_bytes"] + plain["cached_bytes"]
    assert loading["latency_ms"] > plain["latency_ms"]


def test_layers_add_up():
    (row,) = rows(NETWORK, "--platform", "coral-usb3", "--per-layer")
    total = row["overhead_ms"] + row["input_ms"] + row["output_ms"] + sum(layer["time_ms"] for layer in row["layers"])
    assert total == pytest.approx(row["latency_ms"])
    assert sum(layer["share"] for layer in row["layers"]) < 1
    assert {"conv", "depthwise"} <= {layer["kind"] for layer in row["layers"]}


def test_what_an_edge_tpu_cannot_run_is_named():
    outcome = call("simulate", "zoo:bert-tiny", "--platform", "coral-usb3")
    assert outcome.code == 1 and "Gather is not on the Edge TPU's list" in outcome.stderr, outcome.describe()
    found = rows("zoo:unet-mobilenet-v2", "--platform", "coral-usb3")
    assert not any("partly mapped" in note for note in found[0]["notes"])


def test_the_published_edge_tpu_is_doubted():
    found = rows("zoo:matvec", "--side", "1024", "--platform", "seed-as-published")
    assert any("warning" in row for row in found)
    flat = call("simulate", "zoo:matvec", "--side", "1024", "--platform", "seed-as-published", "--format", "csv")
    assert [row["warning"] for row in csv.DictReader(io.StringIO(flat.stdout))] == [row.get("warning", "") for row in found]


def stages(*arguments):
    report = simulate(*arguments)
    assert report["rows"] == []
    (division,) = report["divisions"]
    return division


def test_stages_on_four_sticks_gain_more_than_four():
    own = stages("zoo:resnet-50", "--platform", "coral-x4", "--stages", "4")
    assert len(own["stages"]) == 4 and own["speedup"] > 4
    assert own["shared_link_ms"] == 0 and own["period_ms"] == own["slowest_ms"]
    assert [stage["begin"] for stage in own["stages"][1:]] == [stage["end"] for stage in own["stages"][:-1]]
    assert own["latency_ms"] == pytest.approx(sum(stage["latency_ms"] for stage in own["stages"]))
    for part in own["stages"] + [own]:
        assert part["latency_low_ms"] < part["latency_ms"] < part["latency_high_ms"]
    assert own["period_low_ms"] < own["period_ms"] < own["period_high_ms"]
    hub = stages("zoo:resnet-50", "--platform", "coral-x4-hub", "--stages", "4")
    assert hub["shared_link_ms"] > 0 and hub["period_ms"] == max(hub["slowest_ms"], hub["shared_link_ms"])
    assert hub["speedup"] <= own["speedup"]
    table = call("simulate", "zoo:resnet-50", "--platform", "coral-x4", "--stages", "4")
    assert max(map(len, table.stdout.splitlines())) <= 80, table.stdout
    assert "error band" in table.stdout
    flat = call("simulate", "zoo:resnet-50", "--platform", "coral-x4", "--stages", "4", "--format", "csv")
    parsed = list(csv.DictReader(io.StringIO(flat.stdout)))
    assert len(parsed) == 4 and all("assumed int8" in row["notes"] and row["warning"] == "" for row in parsed)
    for row in parsed:
        for name in ("latency", "period"):
            assert float(row[name + "_low_ms"]) < float(row[name + "_ms"]) < float(row[name + "_high_ms"])


def test_what_does_not_fit_the_memory_is_refused():
    arguments = ["zoo:vgg-16", "--platform", "gtx1650"]
    outcome = call("simulate", *arguments, "--set", "gtx1650.memory=1MB")
    assert outcome.code == 1 and "the weights need" in outcome.stderr, outcome.describe()
    small, large = rows(*arguments, "--set", "gtx1650.memory=1MB,1GB")
    assert "the weights need" in small["error"] and large["latency_ms"] > 0


def test_stages_fit_the_memory():
    sets = [word for i in range(4) for word in ("--set", f"coral-{i}.memory=8MB")]
    split = stages("zoo:resnet-50", "--platform", "coral-x4", "--stages", "4", *sets)
    assert split["single_latency_ms"] is None and split["speedup"] is None
    table = call("simulate", "zoo:resnet-50", "--platform", "coral-x4", "--stages", "4", *sets)
    assert "one device cannot hold the model" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80, table.stdout
    outcome = call("simulate", "zoo:resnet-50", "--platform", "coral-x4", "--stages", "2", *sets)
    assert outcome.code == 4 and "fit its memory" in outcome.stderr, outcome.describe()


def test_settings_are_numbered_in_a_table():
    outcome = call("simulate", "zoo:vgg-16", "--platform", "coral-usb3", "--set", "coral-usb3.link.bandwidth=40,400MB/s", "--set",
                   "coral-usb3.cost.round_trip=1ms,3ms", "--set", "coral-usb3.cost.activation_rate=16B/cycle")
    assert outcome.code == 0, outcome.describe()
    assert max(map(len, outcome.stdout.splitlines())) <= 80, outcome.stdout
    assert "#4  coral-usb3.link.bandwidth = 400MB/s" in outcome.stdout


def test_the_examples_of_the_help_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("make", "lenet", "--batch", "?", "-o", "net.onnx").code == 0
    text = call("simulate", "--help").stdout.replace("\\\n", " ")
    examples = [line.split()[1:] for line in text.splitlines() if line.strip().startswith("consort simulate ")]
    assert len(examples) >= 5
    for example in examples:
        outcome = call(*example)
        assert outcome.code == 0, outcome.describe()


@pytest.mark.parametrize("arguments, says", [
    (["zoo:resnet-50", "--platform", "seed", "--stages", "4"], "4 devices that are alike"),
    (["zoo:matvec", "--platform", "coral-x4", "--stages", "4"], "ask for 1 to"),
])
def test_stages_that_cannot_be(arguments, says):
    outcome = call("simulate", *arguments)
    assert outcome.code == 4 and says in outcome.stderr, outcome.describe()


def test_flat_forms():
    arguments = ["simulate", NETWORK, "--platform", "seed", "-b", "2", "--set", "coral-usb3.cost.round_trip=1ms"]
    outcome = call(*arguments, "--format", "csv")
    parsed = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert [row["device"] for row in parsed] == ["xeon-2.2ghz", "gtx1650", "coral-usb3"]
    assert all(row["provenance"] == "modelled" and float(row["latency_ms"]) > 0 for row in parsed)
    assert "assumed int8" in parsed[2]["notes"]
    assert parsed[2]["coral-usb3.cost.round_trip"] == "1ms"
    lines = [json.loads(line) for line in call(*arguments, "--format", "jsonl").stdout.splitlines()]
    assert [float(row["latency_ms"]) for row in parsed] == pytest.approx([line["latency_ms"] for line in lines], rel=1e-5)
    assert all(line["provenance"] == "modelled" and line["platform"] == "seed" for line in lines)
    assert "Modelled, not measured" in call(*arguments, "--format", "md").stdout


def test_a_file_gives_what_the_zoo_gives(tmp_path):
    path = tmp_path / "lenet.onnx"
    assert call("make", "lenet", "-o", str(path)).code == 0
    named = rows("zoo:lenet", "--platform", "seed")
    read = rows(str(path), "--platform", "seed")
    assert [row["latency_ms"] for row in read] == [row["latency_ms"] for row in named]


@pytest.mark.parametrize("arguments, code, says", [
    ([NETWORK], 2, "--platform"),
    ([NETWORK, "--platform", "nowhere"], 3, "nowhere"),
    ([NETWORK, "--platform", "seed", "-d", "gtx1660"], 2, "gtx1650"),
    ([NETWORK, "--platform", "seed", "-d", "gtx1650/int9"], 2, "int9"),
    ([NETWORK, "--platform", "seed", "--set", "gtx1650.link.bandwidth=24"], 2, "unit"),
    ([NETWORK, "--platform", "seed", "--set", "gtx1650.link.bandwith=24GB/s"], 2, "bandwidth"),
    ([NETWORK, "--platform", "seed", "-n", "10"], 2, "--trace"),
    ([NETWORK, "--platform", "coral-x4", "--stages", "2", "--per-layer"], 2, "--stages"),
    (["zoo:resnet-51", "--platform", "seed"], 2, "resnet-50"),
    (["zoo:resnet-50", "--platform", "seed", "--shape", "1x3x1x1"], 2, "--size"),
    (["nowhere.onnx", "--platform", "seed"], 3, "nowhere.onnx"),
    (["net.onnx", "--platform", "seed", "--size", "96"], 2, "--shape"),
])
def test_bad_command_lines(arguments, code, says):
    outcome = call("simulate", *arguments)
    assert outcome.code == code and says in outcome.stderr, outcome.describe()


def test_two_traces_are_the_same(tmp_path):
    texts = []
    for name in ("one.json", "two.json"):
        path = tmp_path / name
        outcome = call("simulate", NETWORK, "--platform", "seed", "-n", "50", "--trace", str(path))
        assert outcome.code == 0, outcome.describe()
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    trace = json.loads(texts[0])
    assert trace["otherData"]["provenance"] == "emulated"
    latencies = {row["device"]: 1000 * row["latency_ms"] for row in rows(NETWORK, "--platform", "seed")}
    threads = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
    for tid, device in threads.items():
        events = [event for event in trace["traceEvents"] if event["ph"] == "X" and event["tid"] == tid]
        assert len(events) == 50
        assert events[0]["dur"] == pytest.approx(latencies[device], abs=0.01)
        for before, after in zip(events, events[1:]):
            assert after["ts"] == pytest.approx(before["ts"] + before["dur"], abs=0.0015)


def test_a_hub_slows_devices_that_stream(tmp_path):
    ends = {}
    for platform in ("coral-x4", "coral-x4-hub"):
        texts = []
        for name in ("one.json", "two.json"):
            path = tmp_path / name
            outcome = call("simulate", "zoo:vgg-16", "--platform", platform, "-n", "20", "--trace", str(path))
            assert outcome.code == 0, outcome.describe()
            texts.append(path.read_bytes())
        assert texts[0] == texts[1]
        trace = json.loads(texts[0])
        assert any("assumed int8" in note for note in trace["otherData"]["notes"]["coral-0"])
        ends[platform] = max(event["ts"] + event["dur"] for event in trace["traceEvents"] if event["ph"] == "X")
    assert ends["coral-x4-hub"] > 2 * ends["coral-x4"]


# --- calibrate ---------------------------------------------------------------------------------------------------------


def test_calibrate_says_that_its_probes_are_not_compiled_for_an_edge_tpu():
    outcome = call("calibrate", "--device", "edgetpu:0")
    assert outcome.code == 1 and "edgetpu_compiler" in outcome.stderr, outcome.describe()


@pytest.mark.parametrize("arguments, says", [
    (["-d", "nothing"], "nothing"),
    (["-d", "cpu"], "--platform"),
    (["-d", "cpu", "--platform", "seed"], "--as"),
    (["-d", "cpu", "--platform", "seed", "--as", "xeon"], "xeon-2.2ghz"),
])
def test_calibrate_bad_command_lines(arguments, says):
    outcome = call("calibrate", *arguments)
    assert outcome.code in (2, 3) and says in outcome.stderr, outcome.describe()


def test_calibrate_writes_a_platform_that_can_be_used(tmp_path):
    path = tmp_path / "mine.toml"
    outcome = call("calibrate", "-d", "emulated:coral-usb2@null", "--platform", "seed", "--as", "coral-usb3", "-t", "0.3", "-o", str(path),
                   "--format", "json")
    if outcome.code == 7 or "overrun" in outcome.stderr:
        pytest.skip("this machine is too noisy to measure anything: " + outcome.stderr)
    assert outcome.code == 0, outcome.describe()
    report = json.loads(outcome.stdout)
    assert report["provenance"] == "emulated" and report["file"] == str(path)
    assert [figure["path"] for figure in report["figures"]] == ["coral-usb3.cost.round_trip", "usb3.bandwidth"]
    found = rows(NETWORK, "--platform", str(path))
    assert [row["device"] for row in found] == ["xeon-2.2ghz", "gtx1650", "coral-usb3"]
    # The bandwidth is that of USB 2: the sending of the input says so whatever the noise was.
    (described,) = rows(NETWORK, "--platform", "coral-usb3")
    assert found[2]["input_ms"] > 2 * described["input_ms"]
