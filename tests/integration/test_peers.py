"""Results against the engines' own Python APIs, same version, same options, same inputs.

Equal bit by bit, or within 1e-5 of the largest value where REASONS says why not. The two engines are compared with each other
too, and every model has to tell two inputs apart: a comparison of constants would prove nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import engines
import make_tflite
import numpy as np
import onnx
import pytest
from closeness import bitwise_equal, cosine, relative_difference
from consort_cli import call, call_json
from model_inputs import TestModel, load_models, make_inputs

SAME_ENGINE_TOLERANCE = 1e-5
ACROSS_ENGINES_TOLERANCE = 1e-4
ACROSS_ENGINES_COSINE = 0.99999
DIFFERENT_INPUTS_COSINE = 0.99

PEERS = {"onnxruntime": engines.run_onnxruntime, "openvino": engines.run_openvino}
# (model, engine) → why the results are close and not equal.
REASONS: dict[tuple[str, str], str] = {}
# (model, engine) → why the engine does not take the model, and a word of the message that says so.
REFUSED = {("silero_vad", "openvino"): ("OpenVINO needs the ranks that this file leaves open inside its branches", "silero_vad.onnx")}

# As models.json has them when scripts/models.py has run; without it collection fails with the file's name.
MODELS = load_models()


@dataclass
class Row:
    """A line of the table that is printed at the end."""

    model: str
    engine: str
    verdict: str
    worst: float = 0.0
    across: float | None = None
    inputs_cosine: float | None = None


@pytest.fixture(scope="module")
def table():
    rows: list[Row] = []
    yield rows
    print(f"\n{'model':22}{'engine':13}{'same engine':>16}{'across engines':>16}{'two inputs':>12}")
    for row in rows:
        same = row.verdict if row.verdict != "close" else f"{row.worst:.1e}"
        across = "" if row.across is None else f"{row.across:.1e}"
        inputs = "" if row.inputs_cosine is None else f"{row.inputs_cosine:.4f}"
        print(f"{row.model:22}{row.engine:13}{same:>16}{across:>16}{inputs:>12}")


def run_consort(model_path: Path, engine: str, inputs: dict[str, np.ndarray], folder: Path, *more) -> dict[str, np.ndarray]:
    """The outputs by name of one run on one thread."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "inputs.npz", **inputs)
    arguments = ["run", "-m", model_path, "-d", f"cpu@{engine}", "--threads", "1", "-i", folder / "inputs.npz"]
    report = call_json(*arguments, "-o", folder / "out", "--placement", "none", *more)
    return {output["name"]: np.load(output["file"]) for output in report["targets"][0]["outputs"]}


def assert_same(row: Row, results: list[dict], references: list[dict]) -> None:
    """Bitwise, or close with a reason. Fills in the row's verdict."""
    pairs = [(ours[name], theirs[name]) for ours, theirs in zip(results, references) for name in theirs]
    assert all(ours.keys() == theirs.keys() for ours, theirs in zip(results, references))
    row.worst = max(relative_difference(ours, theirs) for ours, theirs in pairs)
    row.verdict = "bitwise" if all(bitwise_equal(ours, theirs) for ours, theirs in pairs) else "close"
    if row.verdict == "close":
        reason = REASONS.get((row.model, row.engine))
        assert reason, f"{row.model} on {row.engine} differs from its own Python API by {row.worst:.1e} and no reason is recorded"
        assert row.worst <= SAME_ENGINE_TOLERANCE


def largest_cosine(results: list[dict]) -> float:
    """Of the outputs for two inputs; a single number has no direction and is left out."""
    return max(cosine(results[0][name], results[1][name]) for name in results[0] if results[0][name].size > 1)


@pytest.mark.parametrize("name", MODELS)
def test_onnx_model(name: str, table: list[Row], tmp_path: Path):
    model: TestModel = MODELS[name]
    inputs = [make_inputs(model, variant) for variant in (0, 1)]
    bound = model.bound()
    references = {}
    for engine, run_peer in PEERS.items():
        if (name, engine) in REFUSED:
            check_refusal(model, engine, run_peer, bound, inputs, table)
            continue
        row = Row(name, engine, "")
        table.append(row)
        results = [run_consort(model.path, engine, x, tmp_path / f"{engine}{i}", *model.shape_options()) for i, x in enumerate(inputs)]
        references[engine] = run_peer(bound, inputs)
        assert_same(row, results, references[engine])
        row.inputs_cosine = largest_cosine(results)
        assert row.inputs_cosine < DIFFERENT_INPUTS_COSINE
        if engine != "onnxruntime":
            row.across = check_across(results, references["onnxruntime"])


def check_across(results: list[dict], references: list[dict]) -> float:
    """Consort on one engine against another engine's own API. Returns the largest relative difference."""
    pairs = [(ours[name], theirs[name]) for ours, theirs in zip(results, references) for name in theirs]
    worst = max(relative_difference(ours, theirs) for ours, theirs in pairs)
    assert worst <= ACROSS_ENGINES_TOLERANCE
    assert min(cosine(ours, theirs) for ours, theirs in pairs) >= ACROSS_ENGINES_COSINE
    return worst


def check_refusal(model: TestModel, engine: str, run_peer, bound: onnx.ModelProto, inputs: list[dict], table: list[Row]) -> None:
    """Both the engine's own API and Consort refuse; an engine that learns to take the model fails this test."""
    reason, word = REFUSED[model.name, engine]
    table.append(Row(model.name, engine, "refused"))
    with pytest.raises(Exception):
        run_peer(bound, inputs)
    outcome = call("run", "-m", model.path, "-d", f"cpu@{engine}", "--shape", "input:1x576", "--shape", "state:2x1x128")
    assert outcome.code in (1, 3), outcome.describe()
    assert word in outcome.stderr, f"{reason}, but the message does not name it: {outcome.stderr}"


def test_state_is_carried_over_a_sequence(tmp_path: Path):
    """The voice detector over a second of sound: one call per frame, its state handed on."""
    model = MODELS["silero_vad_op18"]
    track = np.load(model.path.parent / "audio" / "voice_16khz.npy")
    frames = np.stack([track[start - 64 : start + 512] for start in range(8192, 8192 + 24 * 512, 512)])[:, None]
    np.savez(tmp_path / "inputs.npz", input=frames, sr=np.int64(16000))
    for engine, run_peer in PEERS.items():
        report = call_json("run", "-m", model.path, "-d", f"cpu@{engine}", "--threads", "1", "-i", tmp_path / "inputs.npz", "--sequence", "input",
                           "--state", "state=stateN", *model.shape_options(), "-o", tmp_path / engine)
        ours = {output["name"]: np.load(output["file"]) for output in report["targets"][0]["outputs"]}
        state, probabilities = np.zeros((2, 1, 128), np.float32), []
        for frame in frames:
            result = run_peer(model.bound(), [{"input": frame, "state": state, "sr": np.array(16000)}])[0]
            state = result["stateN"]
            probabilities.append(result["output"])
        assert report["targets"][0]["calls"] == len(frames)
        assert relative_difference(ours["output"].ravel(), np.ravel(probabilities)) <= SAME_ENGINE_TOLERANCE
        assert relative_difference(ours["stateN"], state) <= SAME_ENGINE_TOLERANCE
        assert max(probabilities) > 0.8 > 0.2 > min(probabilities)  # the track holds speech and pauses


# --- TensorFlow Lite ----------------------------------------------------------------------------------------------------

TFLITE = ("conv_float", "conv_int8", "conv_int8_channels")


def tflite_inputs(name: str, variant: int) -> dict[str, np.ndarray]:
    rng = np.random.Generator(np.random.PCG64([41, variant]))
    if name == "conv_float":
        return {"image": rng.standard_normal((1, 16, 16, 3), np.float32)}
    return {"image": rng.integers(-128, 128, (1, 16, 16, 3)).astype(np.int8)}


@pytest.mark.parametrize("name", TFLITE)
def test_tflite_model(name: str, table: list[Row], tmp_path: Path):
    make_tflite.write_all(tmp_path)
    path = tmp_path / f"{name}.tflite"
    inputs = [tflite_inputs(name, variant) for variant in (0, 1)]
    row = Row(name, "litert", "")
    table.append(row)
    results = [run_consort(path, "litert", x, tmp_path / str(i)) for i, x in enumerate(inputs)]
    assert_same(row, results, [engines.run_litert(path, x) for x in inputs])
    row.inputs_cosine = largest_cosine(results)
    assert row.inputs_cosine < DIFFERENT_INPUTS_COSINE


def test_edge_tpu_model_is_refused_by_the_cpu(tmp_path: Path):
    make_tflite.write_all(tmp_path)
    outcome = call("run", "-m", tmp_path / "edgetpu_custom.tflite", "-d", "cpu@litert")
    assert outcome.code in (1, 3), outcome.describe()
    assert "edgetpu-custom-op" in outcome.stderr
