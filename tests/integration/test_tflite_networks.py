"""Networks of the zoo, quantized and converted: layer by layer and end to end (benchmarks/tflite_layers.py says how).

Small ones by default; CONSORT_TFLITE=long takes all of the benchmark's networks at their own sizes.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from consort_cli import call_json

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import tflite_layers

LONG = os.environ.get("CONSORT_TFLITE") == "long"
CASES = [(name, None) for name in tflite_layers.NETWORKS] if LONG else [("lenet", None), ("mobilenet-v1", 64), ("mobilenet-v2", 64)]


@pytest.mark.parametrize("network, size", CASES)
def test_the_file_computes_what_the_quantized_model_computes(network, size):
    options = argparse.Namespace(quantizer="onnxruntime", size=size, images=4)
    assert tflite_layers.examine(network, options)


def test_consort_and_litert_s_own_api_agree_bitwise(tmp_path):
    """The file is LiteRT's whoever loads it."""
    float_path = tmp_path / "lenet.onnx"
    call_json("make", "lenet", "-o", float_path)
    model = onnx.load(float_path)
    path = tflite_layers.quantize(float_path, tmp_path, "onnxruntime", tflite_layers.images(model, 4, 1))
    written = tflite_layers.Written(path, tmp_path)
    (feed,) = tflite_layers.images(model, 1, 2)
    ((name, expected),) = written.run(feed).items()
    port = written.report["inputs"][0]
    stored = tflite_layers.stored(feed[port["name"]], port["scale"][0], port["zero_point"][0]).transpose(port["order"])
    np.save(tmp_path / "image.npy", np.ascontiguousarray(stored))
    call_json("run", "-m", tmp_path / f"{path.stem}.tflite", "-d", "cpu@litert", "-i", f"{port['name']}={tmp_path / 'image.npy'}", "-o", tmp_path / "out")
    assert np.array_equal(np.load(tmp_path / "out" / f"{name}.npy"), expected)
