"""Seeded inputs for the models that scripts/models.py brings, and how each is asked to run."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from consort_cli import MODELS
from PIL import Image

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass
class TestModel:
    """One model: its file, and what models.json says of its inputs."""

    __test__ = False  # not a test class, whatever its name says

    name: str
    path: Path
    inputs: dict[str, dict]
    states: list[tuple[str, str]]
    bind_shapes: bool  # whether its inputs' shapes may be fixed beforehand

    def shape_options(self) -> list[str]:
        """--shape options for the inputs whose shape the file leaves open."""
        if not self.bind_shapes:
            return []
        options = []
        for port in onnx.load(self.path).graph.input:
            dims = port.type.tensor_type.shape.dim
            if port.name in self.inputs and not all(dim.dim_value > 0 for dim in dims):
                options += ["--shape", f"{port.name}:{'x'.join(map(str, self.inputs[port.name]['shape']))}"]
        return options

    def bound(self) -> onnx.ModelProto:
        """The model with its inputs' shapes fixed, as --shape does it, where the model allows that."""
        model = onnx.load(self.path)
        for port in model.graph.input if self.bind_shapes else []:
            if port.name in self.inputs:
                dims = port.type.tensor_type.shape.dim
                for dim, size in zip(dims, self.inputs[port.name]["shape"]):
                    dim.dim_value = size
        return model


def load_models() -> dict[str, TestModel]:
    manifest = json.loads((MODELS / "models.json").read_text())
    return {
        name: TestModel(name, MODELS / entry["file"], entry["inputs"], [tuple(pair) for pair in entry["states"]], entry["bind_shapes"])
        for name, entry in manifest.items()
    }


def pixels(file: str, box: tuple[int, int, int, int], shape: list[int]) -> np.ndarray:
    """A part of a bundled image as a normalised NCHW tensor of `shape`."""
    image = Image.open(MODELS / "images" / file).convert("RGB").crop(box).resize((shape[3], shape[2]))
    scaled = (np.asarray(image, np.float32) / 255 - np.float32(IMAGENET_MEAN)) / np.float32(IMAGENET_DEVIATION)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def text_pixels(name: str, shape: list[int], variant: int) -> np.ndarray:
    """What the readers of text are for: parts of the scanned page and of a photographed label."""
    boxes = {
        ("ppocr_det", 0): ("page.png", (0, 0, 384, 191)),
        ("ppocr_det", 1): ("text.png", (0, 0, 448, 172)),
        ("ppocr_rec", 0): ("page.png", (0, 8, 384, 36)),
        ("ppocr_rec", 1): ("page.png", (0, 92, 384, 120)),
    }
    return pixels(*boxes[name, variant], shape)


def pattern(shape: list[int], variant: int, rng: np.random.Generator) -> np.ndarray:
    """Variant 0: noise of unit deviation. Variant 1: slanted stripes of another colour per channel, and a little noise."""
    noise = rng.standard_normal(shape, np.float32)
    if variant == 0:
        return noise
    rows, columns = np.mgrid[0 : shape[2], 0 : shape[3]] / np.float32(shape[2])
    stripes = 2 * np.sin(2 * np.pi * (7 * columns + 3 * rows))[None, None]
    per_channel = np.float32([1, -0.5, 0.2]).reshape(1, 3, 1, 1)
    offsets = np.float32([1.5, -1, 0.2]).reshape(1, 3, 1, 1)
    return (stripes * per_channel + offsets + 0.1 * noise).astype(np.float32)


def audio(shape: list[int], variant: int) -> np.ndarray:
    """Variant 0: a frame of the synthetic voice. Variant 1: one from the pause before it."""
    track = np.load(MODELS / "audio" / "voice_16khz.npy")
    start = (9000, 2000)[variant]
    return track[start : start + shape[-1]].reshape(shape)


def file_bytes(shape: list[int], variant: int, nothing: int, rng: np.random.Generator) -> np.ndarray:
    """Variant 0: random bytes, as in a compressed file. Variant 1: the start and the end of a short text, `nothing` between."""
    if variant == 0:
        return rng.integers(0, 256, shape)
    text = np.frombuffer(Path(__file__).read_bytes()[:700], np.uint8)
    value = np.full(shape, nothing)
    value[:, : text.size] = value[:, -text.size :] = text
    return value


def make_inputs(model: TestModel, variant: int) -> dict[str, np.ndarray]:
    """Inputs for a model; the two variants (0 and 1) differ as two real inputs would."""
    made = {}
    for index, (port, wants) in enumerate(model.inputs.items()):
        rng = np.random.Generator(np.random.PCG64([variant, index]))
        shape, kind = wants["shape"], wants["kind"]
        if model.name.startswith("ppocr"):
            value = text_pixels(model.name, shape, variant)
        elif kind == "image":
            value = pattern(shape, variant, rng)
        elif kind == "audio":
            value = audio(shape, variant)
        elif kind == "ids":
            value = rng.integers(0, wants["max"] + 1, shape)
        elif kind == "bytes":
            value = file_bytes(shape, variant, wants["max"], rng)
        elif kind == "mask":
            value = np.arange(shape[-1])[None].repeat(shape[0], 0) < shape[-1] - 9 * (variant + 1)
        else:
            value = np.full(shape, wants["value"])
        made[port] = np.asarray(value, wants["dtype"])
    return made
