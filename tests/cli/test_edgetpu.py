"""`consort edgetpu` from outside: the parts of its bundle run in LiteRT's and ONNX Runtime's own Python APIs and give what the report says,
cuts are where they must be, and a compiler that does anything at all ends in a clear result."""

import hashlib
import json
import stat

import numpy
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import models
from consort_cli import call, call_json

USAGE, BAD_INPUT, PLACEMENT_REFUSED = 2, 3, 4
NOT_INSTALLED = "edgetpu_compiler is not installed (Debian package edgetpu-compiler of Coral's archive)"


def made(path, *arguments):
    call_json("make", *arguments, "-o", path)
    return path


def weights(name, *shape):
    return numpy_helper.from_array(numpy.random.default_rng(len(name)).standard_normal(shape, numpy.float32) * 0.3, name)


def with_erf(path):
    """x → conv → relu r → Erf and Sigmoid of r → product → conv2 = y: r and the sigmoid cross a cut before 'erf'."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Erf", ["r"], ["e"], "erf"),
        helper.make_node("Sigmoid", ["r"], ["s"], "sigmoid"),
        helper.make_node("Mul", ["e", "s"], ["p"], "product"),
        helper.make_node("Conv", ["p", "v"], ["y"], "conv2"),
    ]
    return models.save(path, nodes, [models.value("x", (1, 3, 8, 6))], [models.value("y", (1, 5, 8, 6))],
                       [weights("w", 4, 3, 3, 3), weights("v", 5, 4, 1, 1)])


def of_lines(path):
    """The same with one spatial axis, whose layout no name tells; r is an output of the model, too."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Sigmoid", ["r"], ["s"], "sigmoid"),
        helper.make_node("Erf", ["r"], ["e"], "erf"),
        helper.make_node("Mul", ["e", "s"], ["y"], "product"),
    ]
    return models.save(path, nodes, [models.value("x", (1, 3, 12))], [models.value("y", (1, 4, 12)), models.value("r", (1, 4, 12))],
                       [weights("w", 4, 3, 3)])


def fails(code, *arguments, says=()):
    outcome = call("edgetpu", *arguments)
    assert outcome.code == code, outcome.describe()
    for word in [says] if isinstance(says, str) else says:
        assert word in outcome.stderr, outcome.describe()
    return outcome


def program(path, script):
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def bundle_of(folder):
    bundle = json.loads((folder / "bundle.json").read_text())
    for part in ("edgetpu", "compiled", "rest"):
        if bundle[part]:
            bytes_ = (folder / bundle[part]["file"]).read_bytes()
            assert (hashlib.sha256(bytes_).hexdigest(), len(bytes_)) == (bundle[part]["sha256"], bundle[part]["bytes"])
    return bundle


def run_head(folder, bundle, inputs):
    """The head's file in LiteRT's Python API, floats in ONNX's order in and out."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(str(folder / "edgetpu.tflite"))
    interpreter.allocate_tensors()
    details = {detail["name"]: detail for detail in interpreter.get_input_details() + interpreter.get_output_details()}
    for port in bundle["edgetpu"]["inputs"]:
        values = inputs[port["name"]].transpose(port["order"])
        stored = numpy.rint(values / port["scale"][0]) + port["zero_point"][0]
        limits = numpy.iinfo(port["type"])
        stored = numpy.clip(stored, limits.min, limits.max).astype(port["type"])
        interpreter.set_tensor(details[port["name"]]["index"], stored)
    interpreter.invoke()
    outputs = {}
    for port in bundle["edgetpu"]["outputs"]:
        stored = interpreter.get_tensor(details[port["name"]]["index"]).astype(numpy.float32)
        real = (stored - port["zero_point"][0]) * numpy.float32(port["scale"][0])
        outputs[port["name"]] = real.transpose(numpy.argsort(port["order"])).reshape(port["onnx_shape"])
    return outputs


def sqnr(values, reference):
    return 10 * numpy.log10((reference**2).sum() / ((values - reference) ** 2).sum())


@pytest.mark.parametrize("network", [("lenet",), ("mobilenet-v2", "--size", "64")])
def test_networks_of_the_zoo(network, tmp_path):
    model = made(tmp_path / "net.onnx", *network)
    report = call_json("edgetpu", model, "-o", tmp_path / "out", "--samples", "4")
    assert report["compiled"] is False and report["not_compiled"] == NOT_INSTALLED
    assert "not compiled for the Edge TPU" in report["audit"] and "full-integer int8" in report["audit"]
    assert report["check"]["sqnr_db"] > 15 and report["check"]["cosine"] > 0.98
    assert report["edgetpu_ops"] <= report["ops"] and report["share_of_macs"] > 0.99
    assert sorted(file["file"] for file in report["files"]) == sorted(path.name for path in (tmp_path / "out").iterdir())
    bundle = bundle_of(tmp_path / "out")
    assert bundle["source"]["fingerprint"] == report["fingerprint"]
    assert (bundle["rest"] is None) == report["whole"]
    audit = call_json("audit", tmp_path / "out" / "edgetpu.tflite")
    assert audit["full_integer"] and not audit["compiled"]
    assert bundle["edgetpu"]["audit"]["operators"] == audit["operators"]


@pytest.mark.parametrize("build, precision", [(with_erf, "int8"), (with_erf, "uint8"), (of_lines, "int8")])
def test_the_parts_in_a_row_give_the_model(build, precision, tmp_path):
    """In the engines' own APIs, on the calibration samples; the same figure as the report's."""
    model = build(tmp_path / "net.onnx")
    shape = [dim.dim_value for dim in onnx.load(model).graph.input[0].type.tensor_type.shape.dim]
    samples = numpy.random.default_rng(1).standard_normal((6, *shape[1:]), numpy.float32)
    numpy.save(tmp_path / "samples.npy", samples)
    folder = tmp_path / "out"
    report = call_json("edgetpu", model, "-o", folder, "--calibration", tmp_path / "samples.npy", "--precision", precision)
    assert [blocker["op"] for blocker in report["blockers"]] == ["erf"]
    assert report["verdict"].startswith(f"3 of {report['ops']} ops and ") and "; cut before 'erf' (Erf): " in report["verdict"]
    assert build is not with_erf or "84.4 % of the MACs" in report["verdict"]
    assert "Relu6" in report["blockers"][0]["fix"]
    bundle = bundle_of(folder)
    assert [port["name"] for port in bundle["cut"]["tensors"]] == ["r", "s"] == bundle["rest"]["inputs"]
    for port in bundle["edgetpu"]["inputs"] + bundle["cut"]["tensors"]:
        assert port["type"] == precision and port["order"] == [0, *range(2, len(shape)), 1]
        assert port["shape"] == [port["onnx_shape"][axis] for axis in port["order"]]
    onnx.checker.check_model(onnx.load(folder / "rest.onnx"), full_check=True)
    rest, whole = (onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (folder / "rest.onnx", model))
    values, expected = [], []
    for sample in samples:
        inputs = {"x": sample[None]}
        values.append(rest.run(["y"], run_head(folder, bundle, inputs))[0])
        expected.append(whole.run(["y"], inputs)[0])
    assert abs(sqnr(numpy.stack(values), numpy.stack(expected)) - report["check"]["sqnr_db"]) < 0.1
    assert report["check"]["samples"] == 6 and report["check"]["sqnr_db"] > 20


def test_the_table_begins_with_the_verdict_and_fits_a_terminal(tmp_path):
    outcome = call("edgetpu", with_erf(tmp_path / "net.onnx"), "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.describe()
    assert "random data" in outcome.stderr
    lines = outcome.stdout.splitlines()
    assert lines[0].startswith("3 of 6 ops and ")
    text = " ".join(outcome.stdout.split())
    assert "not compiled: " + NOT_INSTALLED in text
    assert "ready" not in text
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80


def test_open_shapes_are_named_with_the_option_that_fixes_them(tmp_path):
    model = made(tmp_path / "net.onnx", "lenet", "--batch", "?")
    outcome = fails(PLACEMENT_REFUSED, model, "-o", tmp_path / "out", says=["dynamic shape", "--shape image:1x1x32x32"])
    option = outcome.stderr[outcome.stderr.index("--shape"):].split()[:2]
    assert call("edgetpu", model, "-o", tmp_path / "out", "--samples", "2", *option).code == 0
    assert not (tmp_path / "out" / "rest.onnx").exists() or bundle_of(tmp_path / "out")["rest"]


def test_exit_codes(tmp_path):
    model = with_erf(tmp_path / "net.onnx")
    out = tmp_path / "out"
    fails(PLACEMENT_REFUSED, model, "-o", out, "--no-cut", says=["3 of 6 ops", "'erf' (Erf)"])
    assert not out.exists()
    erf = models.save(tmp_path / "erf.onnx", [helper.make_node("Erf", ["x"], ["y"], "erf")], [models.value("x", (1, 4))],
                      [models.value("y", (1, 4))])
    fails(PLACEMENT_REFUSED, erf, "-o", out, says="nothing of it can run on the Edge TPU")
    ids = models.save(tmp_path / "ids.onnx", [helper.make_node("Cast", ["x"], ["y"], "cast", to=TensorProto.FLOAT)],
                      [models.value("x", (1, 4), TensorProto.INT64)], [models.value("y", (1, 4))])
    fails(PLACEMENT_REFUSED, ids, "-o", out, says="dtype int64")
    fails(BAD_INPUT, tmp_path / "absent.onnx", "-o", out)
    fails(BAD_INPUT, model, "-o", out, "--compiler", tmp_path / "absent", says="is not a program")
    fails(USAGE, model, "-o", out, "--no-compile", "--compiler", "/bin/true")
    fails(USAGE, model, says="--output")
    assert call("edgetpu", model, "-o", out, "--samples", "2").code == 0
    fails(BAD_INPUT, model, "-o", out, says="--force")
    assert call("edgetpu", model, "-o", out, "--samples", "2", "--force", "--no-check").code == 0


def compiled_model(source, path):
    """What a compiler makes of it, as far as can be seen from outside: the same ports, one operator of its own."""
    litert = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip("flatbuffers")
    model = litert.ModelT.InitFromObj(litert.Model.GetRootAs(source.read_bytes(), 0))
    graph = model.subgraphs[0]
    code = litert.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = litert.BuiltinOperator.CUSTOM
    code.customCode = b"edgetpu-custom-op"
    model.operatorCodes = [code]
    operator = litert.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, graph.inputs, graph.outputs
    graph.operators = [operator]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


LOG = """Edge TPU Compiler version 16.0.384591198

Model compiled successfully in 12 ms.

On-chip memory used for caching model parameters: 4.00KiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 3
Number of operations that will run on Edge TPU: 2
Number of operations that will run on CPU: 1

Operator                       Count      Status

CONV_2D                        1          Mapped to Edge TPU
LOGISTIC                       1          Mapped to Edge TPU
QUANTIZE                       1          More than one subgraph is not supported
Something that nobody has seen before
"""


def test_a_compiler_that_works(tmp_path):
    model = with_erf(tmp_path / "net.onnx")
    assert call("edgetpu", model, "-o", tmp_path / "first", "--samples", "2").code == 0
    result = compiled_model(tmp_path / "first" / "edgetpu.tflite", tmp_path / "result")
    (tmp_path / "log").write_text(LOG)
    compiler = program(tmp_path / "edgetpu_compiler", f'cp {result} "$3"/edgetpu_edgetpu.tflite; cat {tmp_path / "log"}\n')
    report = call_json("edgetpu", model, "-o", tmp_path / "out", "--samples", "2", "--compiler", compiler)
    assert report["compiled"] is True and report["not_compiled"] is None
    assert report["compiler"]["operators_on_cpu"] == 1 and report["compiler"]["on_chip_bytes"] == 4096
    assert report["compiler"]["other"] == ["Something that nobody has seen before"]
    assert report["audit"].startswith("compiled for the Edge TPU")
    assert bundle_of(tmp_path / "out")["compiled"]["audit"]["edgetpu_operators"] == 1
    text = " ".join(call("edgetpu", model, "-o", tmp_path / "out", "--samples", "2", "--compiler", compiler, "--force").stdout.split())
    assert "1 × QUANTIZE on the CPU: More than one subgraph is not supported" in text


@pytest.mark.parametrize("script, says", [
    ("kill -SEGV $$", "was ended by signal 11 (SIGSEGV)"),
    ("echo Internal compiler error. Aborting!; exit 1", "ended with exit code 1: Internal compiler error. Aborting!"),
    ("exit 0", "it wrote no compiled file"),
    ("sleep 600", "it did not end within 0.5 s and was stopped"),
    ("cp edgetpu.tflite edgetpu_edgetpu.tflite", "mapped nothing to the Edge TPU"),
    ("head -c 100 edgetpu.tflite > edgetpu_edgetpu.tflite", "it wrote a file that is no model"),
    ("head -c 100000 /dev/urandom", "it wrote no compiled file"),
])
def test_a_compiler_that_does_not(script, says, tmp_path):
    model = with_erf(tmp_path / "net.onnx")
    compiler = program(tmp_path / "edgetpu_compiler", script + "\n")
    fails(PLACEMENT_REFUSED, model, "-o", tmp_path / "out", "--samples", "2", "--compiler", compiler, "--compiler-timeout", "0.5" if "sleep" in script else "60",
          says=says)
    bundle = bundle_of(tmp_path / "out")
    assert bundle["compiled"] is None and says in bundle["not_compiled"]
    assert not (tmp_path / "out" / "edgetpu_compiled.tflite").exists()


def test_a_bound_sends_layers_to_the_rest(tmp_path):
    model = made(tmp_path / "net.onnx", "lenet")
    free = call_json("edgetpu", model, "-o", tmp_path / "free", "--samples", "8")
    bound = free["check"]["sqnr_db"] + 2
    report = call_json("edgetpu", model, "-o", tmp_path / "bound", "--samples", "8", "--min-sqnr", bound)
    assert report["check"]["sqnr_db"] >= bound and report["bound"]["moved"] and report["bound"]["tries"] > 1
    assert 0 < report["edgetpu_ops"] < free["edgetpu_ops"]
    assert any(blocker["why"].startswith("for the bound") for blocker in report["blockers"])
    text = call("edgetpu", model, "-o", tmp_path / "bound", "--samples", "8", "--min-sqnr", bound, "--force").stdout
    assert f"SQNR of at least {bound:g} dB: held after" in " ".join(text.split())


def test_a_bound_that_cannot_be_had_is_exit_code_5(tmp_path):
    model = made(tmp_path / "net.onnx", "lenet")
    outcome = call("edgetpu", model, "-o", tmp_path / "out", "--samples", "4", "--min-sqnr", "90")
    assert outcome.code == 5 and "cuts reached" in outcome.stderr and not (tmp_path / "out").exists(), outcome.describe()
    outcome = call("edgetpu", model, "-o", tmp_path / "out", "--samples", "4", "--min-sqnr", "90", "--no-check")
    assert outcome.code == USAGE, outcome.describe()
