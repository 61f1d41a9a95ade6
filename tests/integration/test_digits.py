"""A net that is trained here on handwritten digits: its layers, its file, its accuracy on a fold."""

from dataclasses import dataclass
from pathlib import Path

import digits
import numpy as np
import numpy_layers
import onnx
import pytest
from closeness import relative_difference
from consort_steps import run
from digit_nets import Net, to_onnx, train

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
