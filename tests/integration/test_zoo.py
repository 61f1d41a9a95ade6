"""Every network that `consort make` makes: its activations are of unit order layer by layer, two inputs stay apart, engines agree.

The activations are those of ONNX Runtime's Python API with every intermediate tensor as an output. Networks above LONG_MACS take minutes:
they are tested where CONSORT_ZOO is "long", and only they are.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from closeness import cosine
from consort_cli import MODELS, call, call_json
from onnx import TensorProto

LONG_MACS = 2_000_000_000
RMS_BOUNDS = (0.05, 20)
TOLERANCE = 1e-4
ENGINES_COSINE = 0.99999
DIFFERENT_INPUTS_COSINE = 0.999
# Words that a model knows at least.
SMALLEST_VOCABULARY = 8192

LONG = os.environ.get("CONSORT_ZOO") == "long"
ARCHITECTURES = call_json("make", "--list")["architectures"]
CHOSEN = [entry["name"] for entry in ARCHITECTURES if (entry["macs"] > LONG_MACS) == LONG]
# Small models with real weights, of other makers, that --reseed takes; its inputs are all of fixed shape once bound.
RESEEDED = {} if LONG else {"minilm.onnx": [], "magika.onnx": [], "ppocr_det.onnx": ["x:1x3x320x320"], "light/squeezenet.onnx": [],
                            "light/shufflenet.onnx": [], "light/inception_v1.onnx": [], "light/densenet121.onnx": []}

# Before its last layer Magika spells out a normalisation that the estimates do not see through.
SMALLEST_RESEEDED = {"magika.onnx": 0.02}
# Other choices than the default ones.
VARIANTS = [] if LONG else [
    *(["seed-dense", "--scale", f"{half / 2}"] for half in range(2, 15)),
    *(["seed-dense", "--scale", scale, "--seed", str(seed)] for scale in ("1.0", "1.5", "2.0") for seed in (1, 2, 3, 5)),
    ["matvec", "--side", "64"],
    ["matvec", "--side", "1024"],
    ["lenet", "--size", "16"],
    ["squeezenet-1.0", "--size", "21"],
    ["seed-cnn", "--size", "20"],
    ["mobilenet-v1", "--width", "0.25", "--size", "128"],
    ["mobilenet-v2", "--width", "1.4", "--size", "96"],
    ["resnet-50", "--size", "32"],
    ["bert-tiny", "--sequence", "16"],
    ["gpt-tiny", "--sequence", "7"],
]
# With weights in bodies of control flow, or read there.
VOICE = [] if LONG else ["silero_vad.onnx", "silero_vad_op18.onnx"]


@dataclass
class Row:
    name: str
    smallest: float
    smallest_at: str
    largest: float
    largest_at: str
    output_deviation: float
    inputs_cosine: float


@pytest.fixture(scope="module")
def table():
    rows: list[Row] = []
    yield rows
    print(f"\n{'network':26}{'rms, smallest':>14}{'largest':>9}{'output std':>12}{'two inputs':>12}  where smallest, largest")
    for row in rows:
        print(f"{row.name:26}{row.smallest:14.3f}{row.largest:9.3f}{row.output_deviation:12.3f}{row.inputs_cosine:12.4f}"
              f"  {row.smallest_at}, {row.largest_at}")


def carriers(graph: onnx.GraphProto) -> set[str]:
    """Tensors that hold activations: what follows from weights or floating-point inputs. Masks, positions and shapes do not."""
    held = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 0}
    held |= {port.name for port in graph.input if port.type.tensor_type.elem_type == TensorProto.FLOAT}
    weights = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if any(name in held for name in node.input):
            held.update(node.output)
    return held - weights


FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def watched(model: onnx.ModelProto, types: tuple[str, ...] = ()) -> list[str]:
    """Floating-point tensors whose size means something; a softmax gives probabilities, as small as there are many."""
    inferred = onnx.shape_inference.infer_shapes(model)
    values = [*inferred.graph.value_info, *inferred.graph.output]
    floats = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    held = carriers(model.graph)
    return [name for node in model.graph.node if (node.op_type in types if types else node.op_type != "Softmax") for name in node.output[:1] if name in floats & held]


def with_outputs(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    known = {output.name for output in model.graph.output}
    exposed.graph.output.extend(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names if name not in known)
    return exposed


def smooth(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    """Coarse blocks of colour, 8 by 8 in the image."""
    rows, columns = np.arange(shape[2]) * 8 // shape[2], np.arange(shape[3]) * 8 // shape[3]
    return rng.random((*shape[:2], 8, 8), np.float32)[:, :, rows][:, :, :, columns]


def value_for(port, variant: int, rng: np.random.Generator) -> np.ndarray:
    shape = [dim if isinstance(dim, int) else {"batch": 1}.get(dim, 64) for dim in port.shape]
    if port.type == "tensor(float)":
        return smooth(shape, rng) if variant == 1 and len(shape) == 4 and min(shape[2:]) >= 8 else rng.random(shape, np.float32)
    dtype = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": bool}[port.type]
    if "mask" in port.name:
        return np.ones(shape, dtype)
    largest = SMALLEST_VOCABULARY if "input_ids" in port.name or port.name == "ids" else 2
    return rng.integers(0, largest, shape).astype(dtype)


def activations(model: onnx.ModelProto) -> tuple[list[dict], list[str]]:
    """Every watched tensor and every output by name, for two inputs; and the outputs' names."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    names = watched(model)
    session = onnxruntime.InferenceSession(with_outputs(model, names).SerializeToString(), options, providers=["CPUExecutionProvider"])
    weights = {tensor.name for tensor in model.graph.initializer}
    outputs = [output.name for output in model.graph.output]
    names = list(dict.fromkeys([*names, *outputs]))
    runs = []
    for variant in (0, 1):
        rng = np.random.Generator(np.random.PCG64(variant))
        feed = {port.name: value_for(port, variant, rng) for port in session.get_inputs() if port.name not in weights}
        runs.append(dict(zip(names, session.run(names, feed))))
    return runs, outputs


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def measure(name: str, path: Path, table: list[Row], types: tuple[str, ...] = ()) -> Row:
    model = onnx.load(path)
    runs, outputs = activations(model)
    sizes = {tensor: rms(runs[0][tensor]) for tensor in watched(model, types) if runs[0][tensor].size > 1}
    assert all(np.isfinite(values).all() for run in runs for values in run.values())
    smallest, largest = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    apart = min(cosine(runs[0][output], runs[1][output]) for output in outputs if runs[0][output].size > 1)
    row = Row(name, sizes[smallest], smallest, sizes[largest], largest, float(runs[0][outputs[0]].std()), apart)
    table.append(row)
    return row


def check(row: Row) -> None:
    assert row.smallest >= RMS_BOUNDS[0], row
    assert row.largest <= RMS_BOUNDS[1], row
    assert row.inputs_cosine < DIFFERENT_INPUTS_COSINE, row


def check_engines(path: Path, *more) -> None:
    """Both engines agree, in every element and in direction."""
    outcome = call("run", "-m", path, "-d", "cpu@onnxruntime,cpu@openvino", "--tolerance", TOLERANCE, "--placement", "none",
                   "--format", "json", *more, timeout_s=600)
    assert outcome.code == 0, outcome.describe() + outcome.stdout[-2000:]
    verdicts = list(comparisons(json.loads(outcome.stdout)))
    assert verdicts, outcome.stdout[-2000:]
    for verdict in verdicts:
        assert verdict["cosine"] >= ENGINES_COSINE, verdict


def comparisons(node) -> Iterator[dict]:
    """Everything in the report that has a cosine."""
    if isinstance(node, dict):
        if "cosine" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from comparisons(part)


@pytest.mark.parametrize("name", CHOSEN)
def test_architecture(name: str, table: list[Row], tmp_path: Path):
    path = tmp_path / f"{name}.onnx"
    made = call_json("make", name, "-o", path, timeout_s=300)
    listed = next(entry for entry in ARCHITECTURES if entry["name"] == name)
    assert made["macs"] == listed["macs"] and made["bytes"] == path.stat().st_size
    assert made["trainable_parameters"] == listed["trainable_parameters"] <= made["parameters"]
    check(measure(name, path, table))
    check_engines(path)


@pytest.mark.parametrize("arguments", VARIANTS, ids=" ".join)
def test_variant(arguments: list[str], table: list[Row], tmp_path: Path):
    """Other sizes, widths, scales and lengths than the default ones."""
    path = tmp_path / "variant.onnx"
    call_json("make", *arguments, "-o", path, timeout_s=300)
    row = measure(" ".join(arguments), path, table)
    assert row.smallest >= RMS_BOUNDS[0] and row.largest <= RMS_BOUNDS[1], row
    check_engines(path)


@pytest.mark.parametrize("file", RESEEDED)
def test_reseeded_model(file: str, table: list[Row], tmp_path: Path):
    """Outputs of layers are of unit order in any model; what exporters spell out between layers (sums, squares) may be large or small."""
    path = tmp_path / "reseeded.onnx"
    call_json("make", "--reseed", MODELS / file, "--seed", 3, "-o", path)
    row = measure(f"{file} reseeded", bound(path, RESEEDED[file]), table, LAYERS)
    assert row.smallest >= SMALLEST_RESEEDED.get(file, RMS_BOUNDS[0]) and row.largest <= RMS_BOUNDS[1], row


def bound(path: Path, shapes: list[str]) -> Path:
    """The file with its inputs' shapes fixed."""
    model = onnx.load(path)
    for name, shape in (text.split(":") for text in shapes):
        port = next(port for port in model.graph.input if port.name == name)
        for dim, size in zip(port.type.tensor_type.shape.dim, shape.split("x")):
            dim.dim_value = int(size)
    onnx.save(model, path)
    return path


def seedable(graph: onnx.GraphProto) -> int:
    """Floats of more than one element, in initializers and Constant nodes, bodies included."""
    tensors = [*graph.initializer, *(a.t for node in graph.node if node.op_type == "Constant" for a in node.attribute if a.name == "value")]
    count = sum(int(np.prod(t.dims)) for t in tensors if t.data_type in FLOATS and np.prod(t.dims) > 1)
    bodies = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return count + sum(seedable(body) for body in bodies)


@pytest.mark.parametrize("file", VOICE)
def test_weights_of_bodies_are_seeded(file: str, tmp_path: Path):
    path = tmp_path / "reseeded.onnx"
    report = call_json("make", "--reseed", MODELS / file, "--seed", 3, "-o", path)
    everything = seedable(onnx.load(MODELS / file).graph)
    assert report["seeded"]["elements"] >= 0.9 * everything, (report["seeded"], report["kept"], everything)
    assert report["seeded"]["elements"] + sum(group["elements"] for group in report["kept"]) >= everything
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    results = []
    for variant in (0, 1):
        rng = np.random.Generator(np.random.PCG64(variant))
        results.append(session.run(None, {port.name: voice_value(port, rng) for port in session.get_inputs()}))
    assert all(np.isfinite(value).all() for result in results for value in result)
    assert any((first != second).any() for first, second in zip(*results))


def voice_value(port, rng: np.random.Generator) -> np.ndarray:
    """512 samples at 16 kHz, and a state of 2×1×128."""
    if port.type == "tensor(int64)":
        return np.array(16000, np.int64)
    return rng.random((2, 1, 128) if len(port.shape) == 3 else (1, 512), np.float32) - np.float32(0.5)


@pytest.mark.skipif(LONG, reason="independent of the network's size")
def test_sixteen_bit_weights_are_seeded(tmp_path: Path):
    """An fp16 model gets the values that the fp32 one gets, rounded."""
    wide, path, output = tmp_path / "wide.onnx", tmp_path / "half.onnx", tmp_path / "reseeded.onnx"
    call_json("make", "lenet", "--seed", 1, "-o", wide)
    model = onnx.load(wide)
    wanted = {tensor.name: onnx.numpy_helper.to_array(tensor).astype(np.float16) for tensor in model.graph.initializer
              if tensor.data_type == TensorProto.FLOAT}
    for tensor in model.graph.initializer:
        if tensor.name in wanted:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros_like(wanted[tensor.name]), tensor.name))
    for port in [*model.graph.input, *model.graph.output]:
        port.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    report = call_json("make", "--reseed", path, "--seed", 1, "-o", output)
    assert report["seeded"]["elements"] == sum(values.size for values in wanted.values())
    for tensor in onnx.load(output).graph.initializer:
        if tensor.name in wanted:
            assert np.array_equal(onnx.numpy_helper.to_array(tensor), wanted[tensor.name]), tensor.name
    onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])


@pytest.mark.skipif(LONG, reason="independent of the network's size")
def test_what_is_kept_is_said(tmp_path: Path):
    report = call_json("make", "--reseed", MODELS / "silero_vad_op18.onnx", "-o", tmp_path / "reseeded.onnx")
    assert report["kept"] and all(group["reason"] and group["tensors"] > 0 for group in report["kept"])
    outcome = call("make", "--reseed", MODELS / "silero_vad_op18.onnx", "-o", tmp_path / "reseeded.onnx")
    seeded = report["seeded"]
    assert outcome.code == 0 and f"{seeded['tensors']} tensors, {seeded['elements']} elements" in outcome.stdout, outcome.describe()
    for group in report["kept"]:
        assert group["reason"] in outcome.stdout


@pytest.mark.skipif(LONG, reason="independent of the network's size")
def test_the_seed_decides(tmp_path: Path):
    prints = {}
    for label, seed in (("first", 1), ("again", 1), ("other", 2)):
        prints[label] = call_json("make", "lenet", "--seed", seed, "-o", tmp_path / f"{label}.onnx")["fingerprint"]
    assert prints["first"] == prints["again"] != prints["other"]
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "again.onnx").read_bytes()


@pytest.mark.skipif(LONG, reason="independent of the network's size")
def test_an_open_batch_runs_with_any(tmp_path: Path):
    path = tmp_path / "lenet.onnx"
    call_json("make", "lenet", "--batch", "?", "-o", path)
    check_engines(path, "--dim", "batch=3")


@pytest.mark.skipif(LONG, reason="independent of the network's size")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet50", "-o", "x.onnx"], "resnet-50"),
        (["lenet", "--width", "2", "-o", "x.onnx"], "--size"),
        (["seed-dense", "--scale", "7.25", "-o", "x.onnx"], "7.25"),
        (["lenet"], "-o"),
        ([], "--list"),
        (["lenet", "--list"], "--list"),
        (["--reseed", "x.onnx", "--size", "5", "-o", "y.onnx"], "--seed"),
        (["--reseed", "x.onnx", "--batch", "1", "-o", "y.onnx"], "--reseed takes no --batch"),
        (["--list", "--size", "5"], "--list takes no --size"),
        (["--list", "-o", "x.onnx"], "--list takes no --output"),
        (["--list", "--seed", "0"], "--list takes no --seed"),
        (["inceptionv3", "-o", "x.onnx"], "did you mean inception-v3?"),
        (["vgg-16", "--size", "31", "-o", "x.onnx"], "vgg-16 takes images whose side is 32 to 65536, not 31"),
        (["mobilenet-v1", "--width", "3", "-o", "x.onnx"], "0.1 to 2"),
    ],
)
def test_refusals(arguments: list[str], words: str, tmp_path: Path):
    outcome = call("make", *[tmp_path / word if word.endswith(".onnx") else word for word in arguments])
    assert outcome.code == 2 and words in outcome.stderr, outcome.describe()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(LONG, reason="independent of the network's size")
def test_reseeding_never_overwrites_what_it_reads(tmp_path: Path):
    path = tmp_path / "net.onnx"
    call_json("make", "lenet", "-o", path)
    before = path.read_bytes()
    (tmp_path / "link.onnx").symlink_to(path)
    for output in (path, tmp_path / "link.onnx"):
        outcome = call("make", "--reseed", path, "-o", output)
        assert outcome.code == 2 and "--reseed reads" in outcome.stderr, outcome.describe()
    assert path.read_bytes() == before


@pytest.mark.skipif(LONG, reason="independent of the network's size")
def test_external_data_becomes_inline(tmp_path: Path):
    path, output = tmp_path / "net.onnx", tmp_path / "reseeded.onnx"
    call_json("make", "lenet", "-o", path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    weights = tmp_path / "weights.bin"
    before = weights.read_bytes()
    assert call("make", "--reseed", path, "-o", weights).code == 2
    call_json("make", "--reseed", path, "--seed", 1, "-o", output)
    weights.unlink()
    onnx.checker.check_model(onnx.load(output), full_check=True)
    assert before and call_json("make", "lenet", "--seed", 1, "-o", path)["parameters"] == 61706
    named = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    for tensor in onnx.load(output).graph.initializer:
        assert np.array_equal(onnx.numpy_helper.to_array(tensor), named[tensor.name]), tensor.name
