"""The command line from outside: exit codes, messages, inputs, outputs."""

import re
from pathlib import Path

import numpy
import pytest
from onnx import TensorProto, numpy_helper
from PIL import Image

import models
from consort_cli import call, call_json

ORT = "cpu@onnxruntime"
OPENVINO = "cpu@openvino"
COMMANDS = ("devices", "doctor", "inspect", "make", "run", "bench", "compare")


def fails(code, *arguments, says=()):
    """Runs the program; it must end with that code, nothing on stdout, and one message that holds the words."""
    outcome = call(*arguments)
    assert outcome.code == code, outcome.describe()
    assert outcome.stderr.startswith("consort: "), outcome.describe()
    for word in [says] if isinstance(says, str) else says:
        assert word in outcome.stderr, outcome.describe()
    return outcome


def run(model, *arguments, device=ORT):
    """`consort run` that succeeds; the report of its first target."""
    return call_json("run", "-m", model, "-d", device, *arguments)["targets"][0]


def save(path, array):
    numpy.save(path, array)
    return path


@pytest.fixture
def double(tmp_path):
    return models.double(tmp_path / "double.onnx")


@pytest.fixture
def x(tmp_path):
    return save(tmp_path / "x.npy", numpy.arange(6, dtype=numpy.float32).reshape(2, 3))


@pytest.fixture
def faulty(monkeypatch):
    monkeypatch.setenv("CONSORT_TEST_BACKENDS", "1")


# --- Help and usage -----------------------------------------------------------------------------------------------------------


def test_version():
    outcome = call("--version")
    assert outcome.code == 0 and re.fullmatch(r"consort \d+\.\d+\.\d+\n", outcome.stdout)


@pytest.mark.parametrize("command", [(), *((command,) for command in COMMANDS)])
def test_help_fits_80_columns(command):
    outcome = call(*command, "--help")
    assert outcome.code == 0 and outcome.stderr == ""
    assert "Usage: consort" in outcome.stdout and "Examples:" in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    assert "\n\n\n" not in outcome.stdout


def test_help_names_every_command_and_exit_code():
    text = call("--help").stdout
    assert all(re.search(rf"^  {command} ", text, re.M) for command in COMMANDS)
    assert all(f"{code} " in text for code in range(8))


@pytest.mark.parametrize("command", ["run", "inspect"])
def test_documented_options_are_those_of_the_help(command):
    text = call(command, "--help").stdout
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    section = page.split(f"## consort {command}\n")[1].split("\n## ")[0]
    options = set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help"}
    assert options and options == set(re.findall(r"--[a-z][a-z-]+", section))


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((), "a command is needed"),
        (("isnpect", "m.onnx"), "unknown command 'isnpect': did you mean 'inspect'?"),
        (("prune",), "unknown command 'prune'"),
        (("run",), "--model"),
        (("run", "-m", "m.onnx", "--tolerence", "1"), "unknown option '--tolerence': did you mean '--tolerance'?"),
        (("run", "-m", "m.onnx", "stray"), "unexpected argument 'stray'"),
        (("run", "-m", "m.onnx", "--threads", "0"), "'0' is not a whole number"),
        (("run", "-m", "m.onnx", "--threads", "two"), "'two'"),
        (("run", "-m", "m.onnx", "--seed", "-1"), "'-1'"),
        (("run", "-m", "m.onnx", "--shape", "x:1xq"), "--shape"),
        (("run", "-m", "m.onnx", "--dim", "batch"), "'batch' is not NAME=SIZE"),
        (("run", "-m", "m.onnx", "--image-size", "640"), "'640' is not WIDTHxHEIGHT"),
        (("run", "-m", "m.onnx", "--color", "cmyk"), "'cmyk' is not one of rgb, bgr, gray"),
        (("run", "-m", "m.onnx", "--mean", "1,two"), "'two' is not a number"),
        (("run", "-m", "m.onnx", "--mean", "1", "--mean", "2"), "is given twice for all inputs"),
        (("run", "-m", "m.onnx", "--optimization", "max"), "'max' is not one of none|basic|extended|full"),
        (("run", "-m", "m.onnx", "--timeout", "0"), "--timeout"),
        (("run", "-m", "m.onnx", "--state", "h"), "'h' is not INPUT=OUTPUT"),
        (("run", "-m", "m.onnx", "-i", "x="), "'x=' is not NAME=FILE"),
        (("run", "-m", "m.onnx", "-d", ""), "--device"),
        (("run", "-m", "m.onnx", "-d", "cpu/fp7"), "fp7"),
        (("run", "-m", "m.onnx", "-d", "toaster"), "unknown device 'toaster'"),
        (("run", "-m", "m.onnx", "-d", "cpu@toaster"), "unknown backend 'toaster'"),
        (("run", "-m", "m.onnx", "-d", f"{ORT},{ORT}"), "is given twice"),
        (("run", "-m", "m.onnx", "-m", "n.onnx"), "--model is given twice"),
        (("run", "-m", "litert=m.tflite", "-d", ORT), "none is given for cpu@onnxruntime"),
        (("run", "-m", "m.onnx", "--sequence", "x", "-n", "2"), "--iterations and --sequence"),
        (("run", "-m", "m.onnx", "--tolerance", "1"), "--tolerance needs --expect"),
        (("devices", "--format", "xml"), "'xml' is not one of table|json"),
        (("doctor", "--verbose"), "unknown option '--verbose'"),
    ],
)
def test_usage_errors(arguments, says):
    outcome = fails(2, *arguments, says=(says, "" if "is given" in says or "needs" in says else "consort"))
    assert outcome.stdout == ""


# --- Bad models and inputs ----------------------------------------------------------------------------------------------------


def test_missing_and_broken_models(tmp_path, double):
    fails(3, "run", "-m", tmp_path / "none.onnx", says="none.onnx")
    fails(3, "run", "-m", tmp_path, says=str(tmp_path))
    (tmp_path / "broken.onnx").write_bytes(double.read_bytes()[:40])
    fails(3, "run", "-m", tmp_path / "broken.onnx", says="broken.onnx")
    fails(3, "inspect", tmp_path / "broken.onnx", says="broken.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"")
    fails(3, "run", "-m", tmp_path / "empty.onnx", says="empty.onnx")


@pytest.mark.parametrize(
    "array, says",
    [
        (numpy.zeros((2, 4), numpy.float32), ("bad.npy: holds float32 2x4, but input 'x' takes float32 2x3",)),
        (numpy.zeros((6,), numpy.float32), ("bad.npy", "'x' takes float32 2x3")),
        (numpy.zeros((2, 3), numpy.float64), ("bad.npy: holds float64 2x3",)),
        (numpy.full((2, 3), numpy.nan, numpy.float32), ("bad.npy: element 0 is NaN", "--allow-nan")),
        (numpy.array(["a"]), ("bad.npy", "'<U1'")),
        (numpy.zeros((2, 3), ">f4"), ("bad.npy", "big-endian", "astype('<f4')")),
    ],
)
def test_inputs_that_do_not_fit(double, tmp_path, array, says):
    fails(3, "run", "-m", double, "-d", ORT, "-i", save(tmp_path / "bad.npy", array), says=says)


def test_inputs_that_are_no_inputs(double, tmp_path, x):
    fails(3, "run", "-m", double, "-d", ORT, "-i", tmp_path / "none.npy", says="none.npy")
    fails(3, "run", "-m", double, "-d", ORT, "-i", f"q={x}", says=("no input 'q'", "x (float32 2x3)"))
    fails(3, "run", "-m", double, "-d", ORT, "-i", f"x={x}", "-i", f"x={x}", says="input 'x' is given twice")
    fails(3, "run", "-m", double, "-d", ORT, "-i", double, says="double.onnx")
    fails(3, "run", "-m", double, "-d", ORT, "--shape", "q:1x2", says="q")
    fails(3, "run", "-m", double, "-d", ORT, "--state", "x=q", says="no output 'q'")
    numpy.savez(tmp_path / "two.npz", x=numpy.load(x), q=numpy.load(x))
    fails(3, "run", "-m", double, "-d", ORT, "-i", tmp_path / "two.npz", says="no input 'q'")
    fails(3, "run", "-m", double, "-d", ORT, "-i", f"x={tmp_path / 'two.npz'}", says="holds 2 tensors")


def test_which_input_must_be_clear(tmp_path):
    model = models.subtract(tmp_path / "sub.onnx")
    file = save(tmp_path / "v.npy", numpy.zeros(4, numpy.float32))
    fails(3, "run", "-m", model, "-d", ORT, "-i", file, says=("which input is it for?", "a, b"))
    fails(2, "run", "-m", model, "-d", ORT, "--shape", "4", says="has 2 inputs")


def test_ports_whose_names_look_like_paths(tmp_path, x):
    model = models.double(tmp_path / "slashes.onnx", names=("gpu_0/data_0", "/block/y"))
    right = save(tmp_path / "right.npy", 2 * numpy.load(x))
    output = run(model, "-i", f"gpu_0/data_0={x}", "--expect", f"/block/y={right}")["outputs"][0]
    assert output["expected"]["bitwise_equal"] is True
    (tmp_path / "a=b").mkdir()
    file = save(tmp_path / "a=b" / "x.npy", numpy.load(x))
    assert run(model, "-i", file, "--expect", right)["outputs"][0]["expected"]["bitwise_equal"] is True


def test_open_shapes_must_be_closed(tmp_path):
    model = models.double(tmp_path / "open.onnx", ("batch", 3))
    fails(3, "run", "-m", model, "-d", ORT, says=("input 'x'", "--shape", "--dim"))
    assert run(model, "--dim", "batch=5")["outputs"][0]["shape"] == [5, 3]
    assert run(model, "--shape", "4x3")["outputs"][0]["shape"] == [4, 3]
    file = save(tmp_path / "x.npy", numpy.ones((7, 3), numpy.float32))
    assert run(model, "-i", file)["outputs"][0]["shape"] == [7, 3]


# --- What comes out -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [ORT, OPENVINO])
def test_runs_and_writes(double, x, tmp_path, device):
    report = run(double, "-i", f"x={x}", "-o", tmp_path / "out", device=device)
    result = numpy.load(tmp_path / "out" / "y.npy")
    assert result.dtype == numpy.float32 and (result == 2 * numpy.load(x)).all()
    output = report["outputs"][0]
    assert (output["name"], output["dtype"], output["shape"]) == ("y", "float32", [2, 3])
    assert (output["min"], output["max"], output["mean"]) == (0, 10, 5)
    assert output["file"] == str(tmp_path / "out" / "y.npy")
    assert report["inputs"][0]["origin"] == str(x)
    assert report["denormals_flushed"] is True and report["precision"] == "fp32" and report["calls"] == 1
    assert sum(report["placement"][state] for state in ("as_asked", "eliminated", "elsewhere", "unknown")) == 1


def test_table_says_the_conditions(double):
    outcome = call("run", "-m", double, "-d", ORT, "--threads", "1", "--seed", "3")
    assert outcome.code == 0, outcome.describe()
    for words in ("ONNX Runtime", "fp32, 1 thread", "denormals flushed", "1 ops: 1 as-asked", "seed 3", "double.onnx"):
        assert words in outcome.stdout, outcome.stdout
    assert "denormals kept" in call("run", "-m", double, "-d", ORT, "--no-flush-denormals").stdout


def test_placement_op_by_op(double):
    ops = run(double, "--placement", "ops")["placement"]["by_op"]
    assert [(op["name"], op["type"], op["state"]) for op in ops] == [("twice", "Add", "as-asked")]
    assert "placement" not in run(double, "--placement", "none")
    assert "twice" in call("run", "-m", double, "-d", ORT, "--placement", "ops").stdout


def test_seeded_inputs(double, tmp_path):
    def outputs(*options):
        run(double, *options, "-o", tmp_path)
        return numpy.load(tmp_path / "y.npy")

    assert (outputs("--seed", "1") == outputs("--seed", "1")).all()
    assert (outputs("--seed", "1") != outputs("--seed", "2")).any()
    assert run(double)["inputs"][0]["origin"] == "seed 0"


def test_nan_is_accepted_when_asked(double, tmp_path):
    file = save(tmp_path / "nan.npy", numpy.full((2, 3), numpy.nan, numpy.float32))
    output = run(double, "-i", file, "--allow-nan")["outputs"][0]
    assert output["min"] is None and output["mean"] is None


@pytest.mark.parametrize("command", ["devices", "doctor"])
def test_listings(command):
    key = {"devices": "devices", "doctor": "findings"}[command]
    assert len(call_json(command)[key]) >= 2
    assert call(command).code == 0


def test_devices_name_usable_targets(double):
    devices = {device["target"]: device for device in call_json("devices")["devices"]}
    assert devices["null@null"]["usable"] is True
    usable = [target for target, device in devices.items() if device["usable"] and "onnx" in device["accepts"]]
    assert any(target.endswith("@onnxruntime") for target in usable)
    for target in usable:
        assert call("run", "-m", double, "-d", target).code == 0, target


def test_doctor_reads_another_root(tmp_path):
    for name, content in {"idVendor": "1a6e", "idProduct": "089a", "speed": "480", "busnum": "1", "devnum": "4"}.items():
        file = tmp_path / "sys/bus/usb/devices/1-1" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    findings = call_json("doctor", "--sysroot", tmp_path)["findings"]
    coral = [finding for finding in findings if finding["subject"] == "edgetpu usb 1-1"]
    assert any("480 Mbit/s" in finding["message"] for finding in coral)
    assert any("/dev/bus/usb/001/004 does not exist" in finding["message"] for finding in coral)
    assert all(finding["remedy"] for finding in coral)


# --- Kinds of input -----------------------------------------------------------------------------------------------------------


def test_npz_and_pb_find_their_inputs(tmp_path):
    model = models.subtract(tmp_path / "sub.onnx")
    a, b = numpy.array([5, 6, 7, 8], numpy.float32), numpy.array([1, 2, 3, 5], numpy.float32)
    numpy.savez_compressed(tmp_path / "both.npz", b=b, a=a)
    run(model, "-i", tmp_path / "both.npz", "-o", tmp_path)
    assert (numpy.load(tmp_path / "d.npy") == a - b).all()
    for name, array in (("a", a), ("b", b)):
        (tmp_path / f"{name}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
    run(model, "-i", tmp_path / "b.pb", "-i", tmp_path / "a.pb", "-o", tmp_path)
    assert (numpy.load(tmp_path / "d.npy") == a - b).all()
    run(model, "-i", f"a={tmp_path / 'b.pb'}", "-i", f"b={tmp_path / 'a.pb'}", "-o", tmp_path)
    assert (numpy.load(tmp_path / "d.npy") == b - a).all()


def test_fortran_order(double, tmp_path):
    array = numpy.asfortranarray(numpy.arange(6, dtype=numpy.float32).reshape(2, 3))
    run(double, "-i", save(tmp_path / "f.npy", array), "-o", tmp_path)
    assert (numpy.load(tmp_path / "y.npy") == 2 * array).all()


@pytest.fixture
def photo():
    rng = numpy.random.default_rng(5)
    small = Image.fromarray(rng.integers(0, 255, (9, 12, 3), numpy.uint8))
    return small.resize((61, 43), Image.BICUBIC)


def image_run(tmp_path, file, *options, shape=(1, 3, 4, 6)):
    model = models.picture(tmp_path / "picture.onnx", shape)
    run(model, "-i", file, *options, "-o", tmp_path / "out")
    return numpy.load(tmp_path / "out" / "y.npy")


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg"])
def test_images_decode_as_pillow_decodes(photo, tmp_path, name):
    photo.save(tmp_path / name)
    result = image_run(tmp_path, tmp_path / name, shape=(1, 3, 43, 61))
    pillow = numpy.asarray(Image.open(tmp_path / name).convert("RGB"), numpy.float32)
    assert numpy.abs(result[0].transpose(1, 2, 0) - pillow).max() <= (0 if name.endswith("png") else 1)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA"])
def test_other_kinds_of_png(photo, tmp_path, mode):
    photo.convert(mode).save(tmp_path / "photo.png")
    result = image_run(tmp_path, tmp_path / "photo.png", shape=(1, 3, 43, 61))
    pillow = numpy.asarray(Image.open(tmp_path / "photo.png").convert("RGB"), numpy.float32)
    assert (result[0].transpose(1, 2, 0) == pillow).all()


@pytest.mark.parametrize("size", [(6, 4), (100, 17), (61, 80)])
def test_images_resize_as_pillow_resizes(photo, tmp_path, size):
    photo.save(tmp_path / "photo.png")
    result = image_run(tmp_path, tmp_path / "photo.png", shape=(1, 3, size[1], size[0]))
    pillow = numpy.asarray(photo.resize(size, Image.BILINEAR), numpy.float32)
    assert numpy.abs(result[0].transpose(1, 2, 0) - pillow).max() <= 1
    if size[0] < 61:
        point = image_run(tmp_path, tmp_path / "photo.png", "--resize", "point", shape=(1, 3, size[1], size[0]))
        assert numpy.abs(point - result).max() > 5


def test_pixel_arithmetic(photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    pixels = numpy.asarray(photo, numpy.float64)
    mean, scale = numpy.array([1, 20.5, 300]), numpy.array([0.5, 2, 0.001])
    options = ("--color", "bgr", "--mean", "x:1,20.5,300", "--scale", "0.5,2,0.001", "--layout", "x:nhwc")
    result = image_run(tmp_path, tmp_path / "photo.png", *options, shape=(1, 43, 61, 3))
    assert (result[0] == ((pixels[:, :, ::-1] - mean) * scale).astype(numpy.float32)).all()
    gray = image_run(tmp_path, tmp_path / "photo.png", "--color", "gray", shape=(1, 1, 43, 61))
    assert (gray[0, 0] == numpy.asarray(photo.convert("L"))).all()


def test_image_size_where_the_model_leaves_it_open(photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    open_shape = (1, 3, "h", "w")
    assert image_run(tmp_path, tmp_path / "photo.png", shape=open_shape).shape == (1, 3, 43, 61)
    assert image_run(tmp_path, tmp_path / "photo.png", "--image-size", "20x10", shape=open_shape).shape == (1, 3, 10, 20)


def test_images_that_cannot_be_used(photo, tmp_path):
    model = models.picture(tmp_path / "picture.onnx")
    photo.save(tmp_path / "photo.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "photo.jpg").read_bytes()[:-300])
    base = ("run", "-m", model, "-d", ORT, "-i")
    fails(3, *base, tmp_path / "cut.jpg", says=("cut.jpg", "broken JPEG"))
    fails(3, *base, tmp_path / "photo.jpg", "--max-pixels", "100", says="61x43 pixels")
    fails(3, *base, tmp_path / "photo.jpg", "--color", "gray", says=("photo.jpg: holds float32 1x1x4x6", "1x3x4x6"))
    fails(3, *base, tmp_path / "photo.jpg", "--mean", "1,2", says=("photo.jpg", "mean has 2 values"))
    photo.convert("CMYK").save(tmp_path / "print.jpg")
    fails(3, *base, tmp_path / "print.jpg", says="CMYK")


# --- States and sequences -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [ORT, OPENVINO])
@pytest.mark.parametrize("shape", [(5, 1, 2), (5, 2)])
def test_state_over_a_sequence(tmp_path, device, shape):
    model = models.running_sum(tmp_path / "sum.onnx")
    steps = numpy.arange(10, dtype=numpy.float32).reshape(shape)
    file = save(tmp_path / "steps.npy", steps)
    options = ("-i", f"x={file}", "--sequence", "x", "--state", "state=next", "-o", tmp_path)
    report = run(model, *options, device=device)
    sums = steps.reshape(5, 1, 2).cumsum(axis=0)
    assert report["calls"] == 5
    assert (numpy.load(tmp_path / "y.npy") == -sums).all()
    assert (numpy.load(tmp_path / "next.npy") == sums[-1]).all()
    assert [entry["origin"] for entry in report["inputs"]] == [str(file), "zeros"]
    start = save(tmp_path / "start.npy", numpy.full((1, 2), 100, numpy.float32))
    run(model, *options, "-i", f"state={start}", device=device)
    assert (numpy.load(tmp_path / "next.npy") == sums[-1] + 100).all()


def test_state_is_carried_over_iterations(tmp_path):
    model = models.running_sum(tmp_path / "sum.onnx")
    one = save(tmp_path / "one.npy", numpy.ones((1, 2), numpy.float32))
    report = run(model, "-i", one, "--state", "state=next", "-n", "4", "-o", tmp_path)
    assert report["calls"] == 4 and (numpy.load(tmp_path / "next.npy") == 4).all()


def test_sequences_that_do_not_work(tmp_path):
    model = models.subtract(tmp_path / "sub.onnx")
    a = save(tmp_path / "a.npy", numpy.zeros((3, 4), numpy.float32))
    b = save(tmp_path / "b.npy", numpy.zeros((2, 4), numpy.float32))
    base = ("run", "-m", model, "-d", ORT)
    fails(3, *base, "-i", f"a={a}", "-i", f"b={b}", "--sequence", "a", "--sequence", "b", says="3 and 2 steps")
    fails(2, *base, "--sequence", "b", says="no file is given for input 'b'")
    fails(3, *base, "--sequence", "q", says="no input 'q'")
    empty = save(tmp_path / "e.npy", numpy.zeros((0, 4), numpy.float32))
    fails(3, *base, "-i", f"a={empty}", "--sequence", "a", says="the sequence is empty")


# --- Placement, accuracy, lost devices ----------------------------------------------------------------------------------------


def test_strict_accepts_what_is_proved(double):
    assert run(double, "--strict")["placement"]["as_asked"] == 1


def test_strict_refuses_another_precision(tmp_path):
    """OpenVINO's CPU plugin computes float64 in fp32."""
    model = models.double(tmp_path / "float64.onnx", dtype=TensorProto.DOUBLE)
    base = ("run", "-m", model, "-d", f"{ORT},{OPENVINO}", "-o", tmp_path / "out")
    fails(4, *base, "--strict", says=(OPENVINO, "'twice'", "float64"))
    assert not (tmp_path / "out").exists()
    assert call(*base).code == 0


def test_strict_proves_the_placement_that_is_not_shown(tmp_path):
    model = models.double(tmp_path / "float64.onnx", dtype=TensorProto.DOUBLE)
    fails(4, "run", "-m", model, "-d", OPENVINO, "--strict", "--placement", "none", says=("'twice'", "float64"))


def test_expected_outputs(double, x, tmp_path):
    right = save(tmp_path / "right.npy", 2 * numpy.load(x))
    output = run(double, "-i", x, "--expect", right)["outputs"][0]
    assert output["expected"]["passed"] is True and output["expected"]["bitwise_equal"] is True
    wrong = save(tmp_path / "wrong.npy", 2 * numpy.load(x) + 0.01)
    outcome = call("run", "-m", double, "-d", ORT, "-i", x, "--expect", f"y={wrong}")
    assert outcome.code == 5 and "BEYOND 1e-05" in outcome.stdout, outcome.describe()
    assert "consort: an output differs" in outcome.stderr
    assert run(double, "-i", x, "--expect", wrong, "--tolerance", "0.01")["outputs"][0]["expected"]["passed"]
    numpy.savez(tmp_path / "all.npz", y=2 * numpy.load(x))
    assert run(double, "-i", x, "--expect", tmp_path / "all.npz")["outputs"][0]["expected"]["bitwise_equal"]


def test_expectations_that_cannot_be_used(double, x, tmp_path):
    base = ("run", "-m", double, "-d", ORT, "-i", x, "--expect")
    fails(3, *base, tmp_path / "none.npy", says="none.npy")
    fails(3, *base, f"q={x}", says="no output 'q'")
    other = save(tmp_path / "other.npy", numpy.zeros((2, 2), numpy.float32))
    fails(3, *base, other, says=("other.npy", "output 'y'", "2x2"))


def test_several_targets(double, x, tmp_path):
    reports = call_json("run", "-m", double, "-d", f"{ORT},{OPENVINO}", "-i", x, "-o", tmp_path)["targets"]
    assert [report["target"] for report in reports] == [ORT, OPENVINO]
    assert "against_first" not in reports[0]["outputs"][0]
    assert reports[1]["outputs"][0]["against_first"]["bitwise_equal"] is True
    assert all((numpy.load(tmp_path / target / "y.npy") == 2 * numpy.load(x)).all() for target in (ORT, OPENVINO))


def test_targets_that_disagree(double, x):
    arguments = ("run", "-m", double, "-d", f"{ORT},null", "-i", x)
    assert "cosine 0.0" in call(*arguments).stdout
    assert call(*arguments, "--tolerance", "1e-3").code == 5


def test_lost_device(double, faulty):
    fails(6, "run", "-m", double, "-d", "faulty:lost", says="lost")


def test_isolated_crash_is_a_lost_device(double, faulty):
    fails(6, "run", "-m", double, "-d", "faulty:crash-run", "--isolate", says="faulty:crash-run")
    fails(6, "run", "-m", double, "-d", "faulty:crash-compile", "--isolate", says="faulty:crash-compile")


def test_timeout_names_the_device(double, faulty):
    fails(1, "run", "-m", double, "-d", "faulty:hang-run", "--timeout", "0.2", says=("faulty:hang-run", "0.2 s"))
    assert run(double, "--timeout", "60")["calls"] == 1


def test_what_an_engine_throws_is_another_error(double, faulty):
    fails(1, "run", "-m", double, "-d", "faulty:throw", says="faulty:throw")


def test_output_that_cannot_be_written(double, tmp_path):
    (tmp_path / "file").write_text("")
    fails(3, "run", "-m", double, "-d", ORT, "-o", tmp_path / "file" / "out", says="file/out")


def test_other_element_types(tmp_path):
    for dtype, proto in (("float64", TensorProto.DOUBLE), ("int64", TensorProto.INT64)):
        model = models.double(tmp_path / f"{dtype}.onnx", dtype=proto)
        file = save(tmp_path / f"{dtype}.npy", numpy.arange(6).reshape(2, 3).astype(dtype))
        run(model, "-i", file, "-o", tmp_path)
        result = numpy.load(tmp_path / "y.npy")
        assert result.dtype == dtype and (result == 2 * numpy.arange(6).reshape(2, 3)).all()
