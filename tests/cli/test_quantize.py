"""`consort quantize` from outside: its files run on both engines, its figures are those that others compute, and what cannot be done is
said."""

import platform

import numpy
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import engines
import models
from consort_cli import call, call_json

USAGE, BAD_INPUT, ACCURACY_MISSED = 2, 3, 5
RANDOM = "consort: calibrated on random data"


def made(path, *arguments):
    call_json("make", *arguments, "-o", path)
    return path


def sqnr_db(value, reference):
    reference = numpy.asarray(reference, numpy.float64)
    return 10 * numpy.log10(numpy.sum(reference**2) / numpy.sum((numpy.asarray(value, numpy.float64) - reference) ** 2))


def samples_of(model, count, seed=5):
    """Uniform samples of the only input, stacked on axis 0, and its name."""
    port = onnx.load(model).graph.input[0]
    shape = [dim.dim_value or 1 for dim in port.type.tensor_type.shape.dim]
    return port.name, numpy.random.default_rng(seed).random((count, *shape[1:]), numpy.float32)


def one_by_one(model, name, stack, runner):
    """The first output for each sample of the stack."""
    outputs = runner(onnx.load(model), [{name: stack[i : i + 1]} for i in range(len(stack))])
    return numpy.concatenate([next(iter(output.values())) for output in outputs])


def fails(code, *arguments, says=()):
    outcome = call("quantize", *arguments)
    assert outcome.code == code, outcome.describe()
    for word in [says] if isinstance(says, str) else says:
        assert word in outcome.stderr, outcome.describe()
    return outcome


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    return made(tmp_path_factory.mktemp("models") / "lenet.onnx", "lenet")


NETWORKS = [("lenet", ()), ("mobilenet-v2", ("--size", "96")), ("inception-v1", ("--size", "64"))]


@pytest.mark.parametrize("precision", ["int8", "uint8"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network[0])
def test_quantized_networks_run_on_both_engines(network, precision, tmp_path):
    model = made(tmp_path / "net.onnx", network[0], *network[1])
    name, stack = samples_of(model, 8)
    numpy.savez(tmp_path / "samples.npz", **{name: stack})
    report = call_json("quantize", model, "-o", tmp_path / "q.onnx", "--precision", precision, "--calibration", tmp_path / "samples.npz")
    assert report["quantized_ops"] == report["ops"] and not report["float_ops"]
    assert report["bytes_after"] < 0.4 * report["bytes_before"]
    onnx.checker.check_model(onnx.load(tmp_path / "q.onnx"), full_check=True)
    reference = one_by_one(model, name, stack, engines.run_onnxruntime)
    found = {"onnxruntime": sqnr_db(one_by_one(tmp_path / "q.onnx", name, stack, engines.run_onnxruntime), reference),
             "openvino": sqnr_db(one_by_one(tmp_path / "q.onnx", name, stack, engines.run_openvino), reference)}
    print(f"{network[0]} {precision}: SQNR {found['onnxruntime']:.1f} dB on ONNX Runtime, {found['openvino']:.1f} dB on OpenVINO")
    assert found["onnxruntime"] > 15
    # OpenVINO 2026.4 computes Concat of int8 wrongly, of other tools' models, too: when that changes, the note must go.
    wrong = network[0] == "inception-v1" and precision == "int8"
    assert (found["openvino"] > 15) is not wrong
    assert any("Concat" in note for note in report["notes"]) is wrong
    assert abs(found["onnxruntime"] - report["outputs"]["sqnr_db"]) < 1.5
    assert any("uint8 faster" in note for note in report["notes"]) is (precision == "int8")


def test_onnxruntime_computes_in_integers(tmp_path):
    """Every layer of the uint8 form becomes an integer kernel. When int8 does, too, the note about it must go."""
    model = made(tmp_path / "net.onnx", "mobilenet-v2", "--size", "96")

    def kernels(precision):
        call_json("quantize", model, "-o", tmp_path / "q.onnx", "--precision", precision)
        options = engines.onnxruntime_options()
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        onnxruntime.InferenceSession(str(tmp_path / "q.onnx"), options, providers=["CPUExecutionProvider"])
        return [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]

    found = kernels("uint8")
    assert not {"Conv", "Add", "Gemm"} & set(found)
    assert found.count("QLinearConv") == 52 and found.count("QLinearAdd") == 10
    if platform.machine() == "x86_64":
        assert {"Conv", "Add"} <= set(kernels("int8"))


def test_layers_come_worst_first(lenet, tmp_path):
    report = call_json("quantize", lenet, "-o", tmp_path / "q.onnx")
    alone = [layer["alone"]["sqnr_db"] for layer in report["layers"]]
    assert len(alone) == 8 and report["ops"] == 12
    finite = [value for value in alone if value is not None]
    assert finite == sorted(finite) and finite[0] > 15
    assert {layer["op"] for layer in report["layers"]} == {"Conv+Relu", "MaxPool", "Flatten", "Gemm+Relu", "Gemm"}
    by_name = {layer["tensor"]: layer for layer in report["layers"]}
    assert by_name["logits"]["accumulated"]["sqnr_db"] == pytest.approx(report["outputs"]["sqnr_db"], abs=0.5)


def test_tensors_keep_their_names(lenet, tmp_path):
    before = {name for node in onnx.load(lenet).graph.node for name in node.output}
    call_json("quantize", lenet, "-o", tmp_path / "q.onnx")
    graph = onnx.load(tmp_path / "q.onnx").graph
    after = {name for node in graph.node for name in node.output}
    assert before <= after
    assert [port.name for port in graph.output] == ["logits"] and "logits_quantized" in after
    assert f"{graph.input[0].name}_dequantized" in after


def test_random_calibration_is_said(lenet, tmp_path):
    outcome = call("quantize", lenet, "-o", tmp_path / "q.onnx")
    assert outcome.code == 0 and outcome.stderr.startswith(RANDOM), outcome.describe()
    assert max(len(line) for line in outcome.stdout.splitlines() if str(tmp_path) not in line) <= 80, outcome.stdout
    name, stack = samples_of(lenet, 4)
    numpy.save(tmp_path / "x.npy", stack)
    outcome = call("quantize", lenet, "-o", tmp_path / "q.onnx", "--calibration", f"{name}={tmp_path / 'x.npy'}")
    assert outcome.code == 0 and outcome.stderr == "", outcome.describe()
    assert "4 samples of" in outcome.stdout


def test_ranges_follow_the_samples(lenet, tmp_path):
    """Twice the input, twice the scale; fewer samples, others."""
    name, stack = samples_of(lenet, 4)

    def scale(factor, *arguments):
        numpy.save(tmp_path / "x.npy", factor * stack)
        call_json("quantize", lenet, "-o", tmp_path / "q.onnx", "--calibration", tmp_path / "x.npy", *arguments)
        graph = onnx.load(tmp_path / "q.onnx").graph
        return next(float(numpy_helper.to_array(tensor)) for tensor in graph.initializer if tensor.name == f"{name}_scale")

    assert scale(1) == pytest.approx(stack.max() / 255, rel=1e-6)
    assert scale(2) == pytest.approx(2 * scale(1), rel=1e-6)
    assert scale(1, "--samples", "1") == pytest.approx(stack[0].max() / 255, rel=1e-6)
    assert scale(1, "--symmetric-activations") == pytest.approx(stack.max() / 127, rel=1e-6)


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_methods(method, lenet, tmp_path):
    report = call_json("quantize", lenet, "-o", tmp_path / "q.onnx", "--method", method)
    assert report["ranges"]["method"].startswith(method)
    assert report["outputs"]["sqnr_db"] > 20


def test_a_folder_of_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    model = made(tmp_path / "m.onnx", "mobilenet-v1", "--size", "64", "--width", "0.25")
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = numpy.random.default_rng(1)
    for index in range(5):
        image.fromarray(rng.integers(0, 256, (70, 90, 3), numpy.uint8)).save(folder / f"{index}.png")
    report = call_json("quantize", model, "-o", tmp_path / "q.onnx", "--calibration", folder, "--mean", "127.5", "--scale", "0.0078431")
    assert report["ranges"]["samples"] == 5
    graph = onnx.load(tmp_path / "q.onnx").graph
    scale = next(float(numpy_helper.to_array(tensor)) for tensor in graph.initializer if tensor.name == f"{graph.input[0].name}_scale")
    assert 1.5 / 255 < scale < 2 / 255  # pixels from -1 to 1


def noisy(path):
    """Between layers that 8 bits suffice for a product whose left factor has one column of large values, which a float op makes."""
    rng = numpy.random.default_rng(0)
    first = (numpy.arange(16) == 0) * numpy.ones((1, 16))
    weights = {"w1": rng.standard_normal((16, 16)), "divisor": numpy.where(first, 1 / 3000, 1 / 0.3),
               "factor": numpy.where(first, 1e-4, 1), "w2": rng.standard_normal((16, 8))}
    initializers = [numpy_helper.from_array(value.astype(numpy.float32), name) for name, value in weights.items()]
    nodes = [helper.make_node("MatMul", ["x", "w1"], ["a"], "first"), helper.make_node("Div", ["a", "divisor"], ["b"], "spread"),
             helper.make_node("Mul", ["b", "factor"], ["c"], "narrow"), helper.make_node("MatMul", ["c", "w2"], ["y"], "last")]
    return models.save(path, nodes, [models.value("x", (4, 16))], [models.value("y", (4, 8))], initializers)


def test_a_bound_keeps_the_worst_layers_in_float(tmp_path):
    model = noisy(tmp_path / "noisy.onnx")
    plain = call_json("quantize", model, "-o", tmp_path / "plain.onnx")
    assert plain["outputs"]["sqnr_db"] < 25
    bound = plain["outputs"]["sqnr_db"] + 6
    report = call_json("quantize", model, "-o", tmp_path / "q.onnx", "--min-sqnr", str(bound))
    assert report["bound"]["met"] and report["outputs"]["sqnr_db"] >= bound
    assert report["bound"]["kept_in_float"] == ["narrow"] and report["bound"]["tries"] == 2
    assert plain["layers"][0]["name"] == "narrow"
    assert (plain["quantized_ops"], report["quantized_ops"]) == (3, 2)
    again = call_json("quantize", model, "-o", tmp_path / "q.onnx", "--min-sqnr", "-50")
    assert again["bound"]["kept_in_float"] == [] and again["bound"]["tries"] == 1


def test_a_bound_that_cannot_be_met(lenet, tmp_path):
    outcome = fails(ACCURACY_MISSED, lenet, "-o", tmp_path / "q.onnx", "--min-sqnr", "1000", says="nothing was written")
    assert "missed" in outcome.stdout
    assert not (tmp_path / "q.onnx").exists()
    assert call("quantize", lenet, "-o", tmp_path / "q.onnx", "--max-accuracy-drop", "100").code == 0


def test_scope(lenet, tmp_path):
    everything = call_json("quantize", lenet, "-o", tmp_path / "all.onnx")
    products = call_json("quantize", lenet, "-o", tmp_path / "products.onnx", "--scope", "products")
    # Two Conv and three Gemm, four of them with a Relu; without the MaxPools and Flatten between them.
    assert everything["quantized_ops"] - products["quantized_ops"] == 3 and products["quantized_ops"] == 9, products


def test_keep_float(lenet, tmp_path):
    report = call_json("quantize", lenet, "-o", tmp_path / "q.onnx", "--keep-float", "^logits$")
    assert report["float_ops"] == {"Gemm: kept in float": 1}
    graph = onnx.load(tmp_path / "q.onnx").graph
    last = next(node for node in graph.node if "logits" in node.output)
    assert last.op_type == "Gemm" and last.input[1] in {tensor.name for tensor in graph.initializer}
    fails(BAD_INPUT, lenet, "-o", tmp_path / "q.onnx", "--keep-float", "nothing-has-this-name", says="matches no op")
    fails(USAGE, lenet, "-o", tmp_path / "q.onnx", "--keep-float", "(", says="not a regular expression")


@pytest.mark.parametrize(("precision", "least_db", "share"), [("fp16", 50, 0.55), ("bf16", 35, 1.01)])
def test_sixteen_bits(precision, least_db, share, lenet, tmp_path):
    report = call_json("quantize", lenet, "-o", tmp_path / "q.onnx", "--precision", precision)
    assert report["outputs"]["sqnr_db"] > least_db
    assert report["bytes_after"] < share * report["bytes_before"]
    name, stack = samples_of(lenet, 3)
    reference = one_by_one(lenet, name, stack, engines.run_onnxruntime)
    for runner in (engines.run_onnxruntime, engines.run_openvino):
        assert sqnr_db(one_by_one(tmp_path / "q.onnx", name, stack, runner), reference) > least_db
    fails(USAGE, lenet, "-o", tmp_path / "q.onnx", "--precision", precision, "--method", "mse", says="for 8 bits")
    fails(ACCURACY_MISSED, lenet, "-o", tmp_path / "none.onnx", "--precision", precision, "--min-sqnr", "200", says="nothing was written")


def test_bad_input(lenet, tmp_path):
    out = tmp_path / "q.onnx"
    name, stack = samples_of(lenet, 2)
    numpy.save(tmp_path / "x.npy", stack)
    numpy.save(tmp_path / "wide.npy", numpy.zeros((2, 1, 8, 8), numpy.float32))
    numpy.save(tmp_path / "double.npy", stack.astype(numpy.float64))
    numpy.save(tmp_path / "none.npy", stack[:0])
    numpy.savez(tmp_path / "other.npz", something=stack, else_=stack)
    (tmp_path / "empty").mkdir()
    fails(USAGE, lenet, "-o", lenet, says="is the model that is read")
    fails(USAGE, lenet, says="--output")
    fails(USAGE, lenet, "-o", out, "--precision", "int4", says="int8|uint8|fp16|bf16")
    fails(USAGE, lenet, "-o", out, "--percentile", "20", says="--percentile")
    fails(USAGE, lenet, "-o", out, "--percentile", "99", "--method", "mse", says="goes with --method percentile")
    fails(BAD_INPUT, tmp_path / "absent.onnx", "-o", out, says="absent.onnx")
    fails(BAD_INPUT, lenet, "-o", out, "--calibration", tmp_path / "wide.npy", says=["wide.npy", "1x1x32x32"])
    fails(BAD_INPUT, lenet, "-o", out, "--calibration", tmp_path / "double.npy", says=["double.npy", "float64"])
    fails(BAD_INPUT, lenet, "-o", out, "--calibration", tmp_path / "none.npy", says="not one sample")
    fails(BAD_INPUT, lenet, "-o", out, "--calibration", tmp_path / "empty", says="holds no files")
    fails(BAD_INPUT, lenet, "-o", out, "--calibration", f"y={tmp_path / 'x.npy'}", says=["no input 'y'", name])
    fails(BAD_INPUT, lenet, "-o", out, "--calibration", tmp_path / "x.npy", "--calibration", tmp_path / "x.npy", says="given twice")
    fails(BAD_INPUT, lenet, "-o", out, "--max-accuracy-drop", "1", "--calibration", tmp_path / "absent.npy", says="absent.npy")
    integers = models.double(tmp_path / "integers.onnx", dtype=TensorProto.INT64)
    outcome = call("quantize", integers, "-o", out)
    assert outcome.code not in (0, USAGE) and "integer form" in outcome.stderr, outcome.describe()
    assert not out.exists()


def test_open_batches_stay_open(tmp_path):
    model = made(tmp_path / "m.onnx", "lenet", "--batch", "?")
    call_json("quantize", model, "-o", tmp_path / "q.onnx")
    name, stack = samples_of(model, 3)
    reference = engines.run_onnxruntime(onnx.load(model), [{name: stack}])[0]["logits"]
    value = engines.run_onnxruntime(onnx.load(tmp_path / "q.onnx"), [{name: stack}])[0]["logits"]
    assert value.shape == (3, 10) and sqnr_db(value, reference) > 20
