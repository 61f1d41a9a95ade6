"""Every network that `consort make` makes: its activations are of unit order layer by layer, two inputs stay apart, engines agree.

The activations are those of ONNX Runtime's Python API with every intermediate tensor as an output. Networks above LONG_MACS take minutes:
they are tested where CONSORT_ZOO is "long", and only they are.
"""

import os
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
RMS_BOUNDS = (0.02, 50)
TOLERANCE = 1e-4
DIFFERENT_INPUTS_COSINE = 0.999
# Words that a model knows at least.
SMALLEST_VOCABULARY = 8192

LONG = os.environ.get("CONSORT_ZOO") == "long"
ARCHITECTURES = call_json("make", "--list")["architectures"]
CHOSEN = [entry["name"] for entry in ARCHITECTURES if (entry["macs"] > LONG_MACS) == LONG]
# Small models with real weights, of other makers, that --reseed takes; its inputs are all of fixed shape once bound.
RESEEDED = {} if LONG else {"minilm.onnx": [], "magika.onnx": [], "ppocr_det.onnx": ["x:1x3x320x320"], "light/squeezenet.onnx": [],
                            "light/shufflenet.onnx": [], "light/inception_v1.onnx": [], "light/densenet121.onnx": []}


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
    outcome = call("run", "-m", path, "-d", "cpu@onnxruntime,cpu@openvino", "--tolerance", TOLERANCE, "--placement", "none", *more, timeout_s=600)
    assert outcome.code == 0, outcome.describe() + outcome.stdout[-2000:]


@pytest.mark.parametrize("name", CHOSEN)
def test_architecture(name: str, table: list[Row], tmp_path: Path):
    path = tmp_path / f"{name}.onnx"
    made = call_json("make", name, "-o", path, timeout_s=300)
    listed = next(entry for entry in ARCHITECTURES if entry["name"] == name)
    assert made["macs"] == listed["macs"] and made["bytes"] == path.stat().st_size
    check(measure(name, path, table))
    check_engines(path)


@pytest.mark.parametrize("file", RESEEDED)
def test_reseeded_model(file: str, table: list[Row], tmp_path: Path):
    """Outputs of layers are of unit order in any model; what exporters spell out between layers (sums, squares) may be large or small."""
    path = tmp_path / "reseeded.onnx"
    call_json("make", "--reseed", MODELS / file, "--seed", 3, "-o", path)
    row = measure(f"{file} reseeded", bound(path, RESEEDED[file]), table, LAYERS)
    assert row.smallest >= RMS_BOUNDS[0] and row.largest <= RMS_BOUNDS[1], row


def bound(path: Path, shapes: list[str]) -> Path:
    """The file with its inputs' shapes fixed."""
    model = onnx.load(path)
    for name, shape in (text.split(":") for text in shapes):
        port = next(port for port in model.graph.input if port.name == name)
        for dim, size in zip(port.type.tensor_type.shape.dim, shape.split("x")):
            dim.dim_value = int(size)
    onnx.save(model, path)
    return path


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
