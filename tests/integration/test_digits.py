"""A net that was trained here on handwritten digits, before and after quantization: one fold of LeNet; benchmarks/digits_precision.py has them all.

Bounds are those of paired_counts, scaled from 1,797 images to the fold's and rounded up.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import digits
import numpy as np
import numpy_layers
import onnx
import pytest
from closeness import relative_difference
from consort_steps import quantize, run, run_chain, shard, to_tflite
from digit_nets import Net, to_onnx, train
from onnx import numpy_helper
from paired_counts import ALLOWED, PairedCounts, compare

TARGET = "cpu@onnxruntime"


@dataclass
class Fold:
    net: Net
    model: Path
    calibration: np.ndarray
    held_out: np.ndarray
    labels: np.ndarray
    before: np.ndarray  # logits of the float net


@pytest.fixture(scope="module")
def fold(tmp_path_factory) -> Fold:
    folder = tmp_path_factory.mktemp("lenet")
    data = digits.load()
    held_out = digits.folds(data.labels)[0]
    training = np.setdiff1d(np.arange(data.labels.size), held_out)
    net = train("lenet", data.images[training], data.labels[training], seed=0)
    onnx.save(to_onnx(net), folder / "lenet.onnx")
    inputs = net.inputs(data.images[held_out])
    before = run(folder / "lenet.onnx", TARGET, {"image": inputs}, folder / "before")["logits"]
    return Fold(net, folder / "lenet.onnx", net.inputs(data.images[training[:256]]), inputs, data.labels[held_out], before)


def allowed(precision: str, images: int) -> int:
    return math.ceil(ALLOWED[precision] * images / digits.COUNT)


def counts(fold: Fold, model: Path, folder: Path, target: str = TARGET) -> PairedCounts:
    return compare(fold.before, run(model, target, {"image": fold.held_out}, folder / "after")["logits"], fold.labels)


def test_folds_hold_every_image_once_and_every_digit_alike():
    labels = digits.load().labels
    folds = digits.folds(labels)
    assert np.array_equal(np.sort(np.concatenate(folds)), np.arange(digits.COUNT))
    per_digit = np.array([np.bincount(labels[fold], minlength=10) for fold in folds])
    assert np.ptp(per_digit, axis=0).max() <= 1 and np.ptp([fold.size for fold in folds]) <= 1


@pytest.mark.parametrize("kind", ["Conv", "Depthwise", "BatchNorm", "Relu", "MaxPool", "GlobalAverage", "Flatten", "Dense"])
def test_gradients_are_those_of_the_layers(kind: str):
    """Against differences of a random linear function of the output, along random directions."""
    rng = np.random.default_rng(1)
    make = {"Conv": lambda: numpy_layers.Conv(rng, 3, 4, 3, pad=1), "Depthwise": lambda: numpy_layers.Depthwise(rng, 3, 3, pad=1),
            "BatchNorm": lambda: numpy_layers.BatchNorm(3), "Relu": lambda: numpy_layers.Relu(1), "Dense": lambda: numpy_layers.Dense(rng, 5, 4)}
    layer = make.get(kind, getattr(numpy_layers, kind))()
    x = rng.standard_normal((2, 5) if kind == "Dense" else (2, 4, 4, 3)).astype(np.float32)
    weights = rng.standard_normal(layer.forward(x, True).shape).astype(np.float32)
    by_input = layer.backward(weights)
    for value, gradient in [(x, by_input), *zip(layer.parameters, layer.gradients)]:
        direction = rng.standard_normal(value.shape).astype(np.float32)
        value += 1e-3 * direction
        above = np.sum(layer.forward(x, True) * weights, dtype=np.float64)
        value -= 2e-3 * direction
        below = np.sum(layer.forward(x, True) * weights, dtype=np.float64)
        value += 1e-3 * direction
        assert (above - below) / 2e-3 == pytest.approx(np.sum(gradient * direction, dtype=np.float64), rel=2e-2, abs=2e-2)


def test_the_file_computes_what_was_trained(fold: Fold):
    assert relative_difference(fold.before, fold.net.forward(fold.held_out)) <= 1e-5
    assert np.mean(fold.before.argmax(1) == fold.labels) >= 0.97


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_few_images_are_lost(fold: Fold, precision: str, tmp_path: Path):
    changed = quantize(fold.model, precision, {"image": fold.calibration}, tmp_path / "changed.onnx")
    count = counts(fold, changed, tmp_path)
    print(f"\n{precision}: {count}")
    assert count.noise > 0
    assert count.lost <= allowed(precision, count.images)


def test_few_images_are_lost_in_a_tflite_file(fold: Fold, tmp_path: Path):
    changed = to_tflite(quantize(fold.model, "int8", {"image": fold.calibration}, tmp_path / "changed.onnx"))
    count = counts(fold, changed, tmp_path, "cpu@litert/int8")
    print(f"\nint8 on LiteRT: {count}")
    assert count.noise > 0
    assert count.lost <= allowed("int8", count.images)


@pytest.mark.parametrize("index", [0, 1])
def test_few_images_are_lost_by_an_int8_shard(fold: Fold, index: int, tmp_path: Path):
    parts = shard(fold.model, f"{fold.net.cut}_out", tmp_path / "parts")
    inputs = {"image": fold.calibration}
    if index == 1:
        inputs = run(parts[0], TARGET, inputs, tmp_path / "calibration")
    parts[index] = quantize(parts[index], "int8", inputs, tmp_path / "changed.onnx")
    after = run_chain([(part, TARGET) for part in parts], {"image": fold.held_out}, tmp_path / "run")["logits"]
    count = compare(fold.before, after, fold.labels)
    print(f"\nint8 shard {index + 1} of 2: {count}")
    assert count.noise > 0
    assert count.lost <= allowed("int8", count.images)


def test_wrong_scales_are_found(fold: Fold, tmp_path: Path):
    """Activations that end at a fiftieth of their range cost more images than are allowed."""
    changed = quantize(fold.model, "int8", {"image": fold.calibration}, tmp_path / "changed.onnx")
    model = onnx.load(changed)
    scales = {node.input[1] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    assert scales
    for tensor in model.graph.initializer:
        if tensor.name in scales:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) / np.float32(50), tensor.name))
    onnx.save(model, changed)
    assert counts(fold, changed, tmp_path).lost > allowed("int8", fold.labels.size)
