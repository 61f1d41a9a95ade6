#!/usr/bin/env python3
"""Quantizes an ONNX model with NNCF, which wants an environment of its own: nncf_quantize.py convolutional|transformer MODEL OUTPUT INPUTS.npz ...

Each file of inputs is one calibration sample, arrays by the inputs' names.
"""

import sys

import nncf
import numpy as np
import onnx


def main() -> None:
    kind, model, output, *files = sys.argv[1:]
    model_type = nncf.ModelType.TRANSFORMER if kind == "transformer" else None
    samples = [dict(np.load(file)) for file in files]
    onnx.save(nncf.quantize(onnx.load(model), nncf.Dataset(samples), model_type=model_type, subset_size=len(samples)), output)


if __name__ == "__main__":
    main()
