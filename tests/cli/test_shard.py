"""`consort shard` from outside: its files are models that ONNX's own tools and the engines' own Python APIs take, its manifest is true,
and what cannot be done is said."""

import hashlib
import json

import numpy
import onnx
import onnxruntime
import openvino
import pytest
from onnx import TensorProto, helper

import engines
import models
from consort_cli import MODELS, call, call_json

USAGE, BAD_INPUT, PLACEMENT_REFUSED, ACCURACY_MISSED = 2, 3, 4, 5


def made(path, *arguments):
    call_json("make", *arguments, "-o", path)
    return path


@pytest.fixture
def chain(tmp_path):
    """x → r0 → … → r5 = y, Relus and Negs in turn; 'skip' is read by the last op, too."""
    names = ["x", "t0", "skip", "t2", "t3", "y"]
    nodes = [helper.make_node("Neg" if i % 2 else "Relu", [names[i]], [names[i + 1]], f"op{i}") for i in range(4)]
    nodes.append(helper.make_node("Add", ["t3", "skip"], ["y"], "op4"))
    return models.save(tmp_path / "chain.onnx", nodes, [models.value("x", (2, 3))], [models.value("y", (2, 3))])


def fails(code, *arguments, says=()):
    outcome = call("shard", *arguments)
    assert outcome.code == code, outcome.describe()
    assert outcome.stderr.startswith("consort: "), outcome.describe()
    for word in [says] if isinstance(says, str) else says:
        assert word in outcome.stderr, outcome.describe()
    return outcome


def numbers(port, rng):
    shape = [size if isinstance(size, int) else 2 for size in port["shape"]]
    if port["dtype"] == "float32":
        return rng.random(shape, numpy.float32)
    return rng.integers(0, 2, shape).astype(port["dtype"])


def run_chain(folder, manifest, inputs, runner):
    known = dict(inputs)
    for shard in manifest["shards"]:
        model = onnx.load(folder / shard["file"])
        known |= runner(model, [{port["name"]: known[port["name"]] for port in shard["inputs"]}])[0]
    return {output["name"]: known[output["name"]] for output in manifest["outputs"]}


@pytest.mark.parametrize("network", [("bert-tiny", "--sequence", "16"), ("gpt-tiny", "--sequence", "8"), ("mobilenet-v2", "--size", "64"),
                                     ("lenet", "--batch", "?")])
def test_shards_are_models_that_other_tools_take(network, tmp_path):
    model = made(tmp_path / "net.onnx", *network)
    folder = tmp_path / "parts"
    report = call_json("shard", model, "-o", folder, "--stages", "3")
    manifest = report["manifest"]
    assert json.loads((folder / "shards.json").read_text()) == manifest
    assert report["check"]["passed"] and report["check"]["bitwise"]
    for shard in manifest["shards"]:
        bytes_ = (folder / shard["file"]).read_bytes()
        assert (hashlib.sha256(bytes_).hexdigest(), len(bytes_)) == (shard["sha256"], shard["bytes"])
        onnx.checker.check_model(onnx.load(folder / shard["file"]), full_check=True)
        session = onnxruntime.InferenceSession(folder / shard["file"], engines.onnxruntime_options(), providers=["CPUExecutionProvider"])
        assert [port.name for port in session.get_inputs()] == [port["name"] for port in shard["inputs"]]
        assert [port.name for port in session.get_outputs()] == [port["name"] for port in shard["outputs"]]
        openvino.Core().compile_model(folder / shard["file"], "CPU", engines.OPENVINO_OPTIONS)
    rng = numpy.random.default_rng(3)
    inputs = {port["name"]: numbers(port, rng) for port in manifest["inputs"]}
    whole = engines.run_onnxruntime(onnx.load(model), [inputs])[0]
    for name, value in run_chain(folder, manifest, inputs, engines.run_onnxruntime).items():
        assert numpy.abs(value - whole[name]).max() <= 1e-5 * numpy.abs(whole[name]).max(), name


def test_at_cuts_behind_the_maker_and_everything_crosses(chain, tmp_path):
    report = call_json("shard", chain, "-o", tmp_path / "out", "--at", "t2,skip", "--at", "skip")
    cuts = report["manifest"]["cuts"]
    assert [(cut["position"], cut["after"], cut["crossing"]) for cut in cuts] == [(2, "skip", ["skip"]), (3, "t2", ["skip", "t2"])]
    assert [[port["name"] for port in shard["inputs"]] for shard in report["manifest"]["shards"]] == [["x"], ["skip"], ["skip", "t2"]]
    assert [port["from"] for port in report["manifest"]["shards"][2]["inputs"]] == [1, 2]


def test_marks_a_cut_inside_a_fusion(tmp_path):
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 3, 1, 1], numpy.ones(12, numpy.float32))
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], "conv"), helper.make_node("Relu", ["c"], ["r"], "relu"),
             helper.make_node("Neg", ["r"], ["y"], "neg")]
    model = models.save(tmp_path / "m.onnx", nodes, [models.value("x", (1, 3, 4, 4))], [models.value("y", (1, 4, 4, 4))], [weight])
    outcome = call("shard", model, "-o", tmp_path / "a", "--at", "c")
    assert outcome.code == 0, outcome.describe()
    assert "cut 1 divides the fusion Conv+Relu: results may differ in the last bits, and the stage is slower" in outcome.stdout
    assert call_json("shard", model, "-o", tmp_path / "b", "--at", "c")["manifest"]["cuts"][0]["fusions"] == ["Conv+Relu"]
    fails(BAD_INPUT, model, "-o", tmp_path / "c", "--at", "c", "--avoid-fusions", says=["divides the fusion Conv+Relu", "cut behind 'relu'"])
    assert call_json("shard", model, "-o", tmp_path / "d", "--stages", "2")["manifest"]["cuts"][0]["after"] == "r"
    fails(PLACEMENT_REFUSED, model, "-o", tmp_path / "e", "--stages", "3", says=["cannot be divided into 3 stages", "1 to 2"])
    assert len(call_json("shard", model, "-o", tmp_path / "f", "--stages", "3", "--cut-fusions")["manifest"]["shards"]) == 3


def test_like_cuts_another_version_at_the_same_tensors(tmp_path):
    first = made(tmp_path / "a.onnx", "mobilenet-v1", "--size", "64", "--width", "0.25")
    second = made(tmp_path / "b.onnx", "mobilenet-v1", "--size", "96", "--width", "0.5", "--seed", "4")
    wanted = call_json("shard", first, "-o", tmp_path / "a", "--stages", "4")["manifest"]["cuts"]
    got = call_json("shard", second, "-o", tmp_path / "b", "--like", tmp_path / "a" / "shards.json")["manifest"]["cuts"]
    assert [cut["crossing"] for cut in got] == [cut["crossing"] for cut in wanted]
    assert len(wanted) == 3
    other = made(tmp_path / "c.onnx", "lenet")
    fails(BAD_INPUT, other, "-o", tmp_path / "c", "--like", tmp_path / "a" / "shards.json", says=["cut 1", "has no tensor"])


def test_stages_balance_by_bytes_and_by_modelled_time(tmp_path):
    model = made(tmp_path / "m.onnx", "mobilenet-v1", "--size", "64", "--width", "0.25")
    by_bytes = call_json("shard", model, "-o", tmp_path / "a", "--stages", "2", "--balance", "bytes")
    assert by_bytes["balance"]["weights"] == [shard["parameter_bytes"] for shard in by_bytes["manifest"]["shards"]]
    by_time = call_json("shard", model, "-o", tmp_path / "b", "--stages", "2", "--platform", "xeon-2.2ghz")
    assert by_time["balance"]["by"] == "time" and "xeon-2.2ghz" in by_time["balance"]["of"]
    heavier, total = max(by_time["balance"]["weights"]), sum(by_time["balance"]["weights"])
    assert 0.5 <= heavier / total < 0.75


def test_usage(chain, tmp_path):
    out = tmp_path / "out"
    fails(USAGE, chain, "-o", out, says="--at TENSOR, --stages N and --like FILE")
    fails(USAGE, chain, "-o", out, "--at", "t0", "--stages", "2", says="one of")
    fails(USAGE, chain, "-o", out, "--stages", "2", "--balance", "time", says=["--platform NAME", "macs or bytes"])
    fails(USAGE, chain, "-o", out, "--at", "t0", "--balance", "macs", says="go with --stages")
    fails(USAGE, chain, "-o", out, "--stages", "2", "--platform", "coral-usb3", says="has no CPU")
    fails(USAGE, chain, "-o", out, "--stages", "0", says="--stages")
    fails(BAD_INPUT, chain, "-o", out, "--stages", "2", says="no multiply-accumulates to balance by")
    fails(BAD_INPUT, chain, "-o", out, "--at", "skipp", says=["no tensor 'skipp'", "near is 'skip'"])
    fails(BAD_INPUT, chain, "-o", out, "--at", "y", says="nothing is left behind")
    fails(BAD_INPUT, tmp_path / "absent.onnx", "-o", out, "--at", "t0", says="absent.onnx")
    assert not out.exists()


def test_nothing_is_written_over(chain, tmp_path):
    out = tmp_path / "out"
    call_json("shard", chain, "-o", out, "--at", "t0")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    fails(BAD_INPUT, chain, "-o", out, "--at", "t2", says=["exists already", "--force"])
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    call_json("shard", chain, "-o", out, "--at", "t2", "--force")
    assert (out / "shards.json").read_bytes() != before["shards.json"]
    assert sorted(path.name for path in out.iterdir()) == sorted(before)


def test_a_chain_that_differs_is_found(tmp_path):
    """Random numbers without a seed are others at every run."""
    nodes = [helper.make_node("Relu", ["x"], ["a"], "relu"), helper.make_node("RandomNormalLike", ["a"], ["n"], "noise"),
             helper.make_node("Add", ["a", "n"], ["y"], "add")]
    model = models.save(tmp_path / "m.onnx", nodes, [models.value("x", (4, 4))], [models.value("y", (4, 4))])
    outcome = fails(ACCURACY_MISSED, model, "-o", tmp_path / "a", "--at", "a", says="do not give what the whole model gives")
    assert "more than the 1e-05 allowed" in outcome.stdout
    assert call("shard", model, "-o", tmp_path / "b", "--at", "a", "--no-check").code == 0


def test_the_check_takes_inputs(chain, tmp_path):
    numpy.save(tmp_path / "x.npy", numpy.full((2, 3), -1, numpy.float32))
    report = call_json("shard", chain, "-o", tmp_path / "out", "--at", "t0", "-i", tmp_path / "x.npy")
    assert report["check"]["outputs"][0]["max_reference"] == 0
    numpy.save(tmp_path / "wrong.npy", numpy.zeros((3, 3), numpy.float32))
    fails(BAD_INPUT, chain, "-o", tmp_path / "b", "--at", "t0", "-i", tmp_path / "wrong.npy", says="wrong.npy")


def test_open_dimensions_stay_open(tmp_path):
    model = made(tmp_path / "m.onnx", "lenet", "--batch", "?")
    report = call_json("shard", model, "-o", tmp_path / "out", "--stages", "2")
    crossing = report["manifest"]["shards"][1]["inputs"][0]
    assert crossing["shape"][0] == "batch" and crossing["bytes"] is None
    bound = call_json("shard", model, "-o", tmp_path / "bound", "--stages", "2", "--dim", "batch=3")
    assert bound["manifest"]["shards"][1]["inputs"][0]["shape"][0] == 3


@pytest.mark.skipif(not (MODELS / "minilm.onnx").exists(), reason="the models are not there")
def test_control_flow_stays_whole(tmp_path):
    report = call_json("shard", MODELS / "silero_vad_op18.onnx", "-o", tmp_path / "out", "--at",
                       first_crossable(MODELS / "silero_vad_op18.onnx"), "--no-check")
    assert len(report["manifest"]["shards"]) == 2


def first_crossable(path):
    """A tensor that alone crosses some cut."""
    report = call_json("inspect", path)
    return next(cut["crossing"][0] for cut in report["cuts"] if cut["crossing"] and cut["bytes"])


def test_progress_goes_to_a_terminal_only(chain, tmp_path):
    outcome = call("shard", chain, "-o", tmp_path / "out", "--at", "t0")
    assert outcome.code == 0 and outcome.stderr == ""
