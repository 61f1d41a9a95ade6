"""Four real models with inputs from their own tasks: some to calibrate with, others to judge by."""

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, version_converter
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import engines  # noqa: E402
import task_agreement  # noqa: E402
from consort_cli import MODELS  # noqa: E402
from model_inputs import load_models, pixels  # noqa: E402

Case = dict[str, np.ndarray]

DETECTOR, LINE = [1, 3, 320, 320], [1, 3, 48, 320]
FRAME, CONTEXT, RATE_HZ = 512, 64, 16000  # of silero-vad, in samples
TOKENS = 32
SUBJECTS = ("The doctor", "My neighbour", "A young engineer", "The old fisherman", "Our teacher", "The committee")
ACTIONS = ("repaired the engine before the storm", "cooked a soup of beans and onions", "read a paper about distant galaxies",
           "refused to pay the parking fine", "planted apple trees behind the house", "wrote a program that sorts numbers",
           "missed the last train to the coast", "sold the painting for too little money")


@dataclass
class Task:
    name: str
    model: onnx.ModelProto  # shapes fixed, batch 1, opset 17
    calibration: list[Case]
    tests: list[Case]
    sequence: bool  # the tests' states come from the outputs before
    output: str  # the one whose SQNR counts
    agreement: Callable[[list[Case], list[Case]], str]
    kind: str = "convolutional"  # or "transformer": what NNCF is told


def at_opset(model: onnx.ModelProto, opset: int = 17) -> onnx.ModelProto:
    """Peers write scales per channel only into models of opset 13 and above."""
    return model if model.opset_import[0].version >= opset else version_converter.convert_version(model, opset)


def outputs_of(task: Task, run: Callable[[Case], Case]) -> list[Case]:
    """Of the tests in order, by a function that runs one of them."""
    results, state = [], None
    for case in task.tests:
        results.append(run(case | ({"state": state} if state is not None else {})))
        state = results[-1]["stateN"] if task.sequence else None
    return results


# --- PP-OCR ---------------------------------------------------------------------------------------------------------------


def written(words: str, size: int, width: int, height: int, seed: int) -> Image.Image:
    """Dark words on uneven paper."""
    rng = np.random.default_rng(seed)
    paper = np.linspace(225, 170, width)[None] + 6 * rng.standard_normal((height, width))
    image = Image.fromarray(np.uint8(np.clip(paper, 0, 255))).convert("RGB")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    draw.multiline_text((6 + seed % 9, max(2, (height - size) // 3)), words, font=font, fill=(40, 40, 45), spacing=size // 2)
    return image


def normalised(image: Image.Image, shape: list[int], file: Path) -> np.ndarray:
    """As the models were trained to take images; by way of a file, as `pixels` reads them."""
    image.save(file)
    return pixels(str(file), (0, 0, *image.size), shape)


def sentences() -> list[str]:
    return [f"{subject} {action}." for action in ACTIONS for subject in SUBJECTS]


def detector(folder: Path) -> Task:
    """Calibration: written pages and parts of photographs. Tests: the scanned page, the photographed note, other photographs."""
    pages = ["\n".join(sentences()[i : i + 4]) for i in range(0, 32, 4)]
    calibration = [normalised(written(page, 14 + 2 * i, 480, 320, i), DETECTOR, folder / "page.png") for i, page in enumerate(pages)]
    calibration += [pixels(name, box, DETECTOR) for name, box in (
        ("astronaut.png", (0, 0, 256, 256)), ("astronaut.png", (256, 256, 512, 512)), ("coffee.png", (0, 0, 300, 300)),
        ("coffee.png", (250, 50, 600, 400)), ("rocket.jpg", (0, 0, 320, 320)), ("china.jpg", (0, 0, 320, 320)))]
    tests = [pixels("page.png", (left, 0, left + 191, 191), DETECTOR) for left in (0, 96, 193)]
    tests += [pixels("text.png", (left, 0, left + 172, 172), DETECTOR) for left in (0, 138, 276)]
    tests += [pixels("rocket.jpg", (320, 100, 640, 420), DETECTOR), pixels("china.jpg", (320, 100, 640, 420), DETECTOR),
              pixels("astronaut.png", (256, 0, 512, 256), DETECTOR), pixels("page.png", (0, 0, 384, 191), DETECTOR)]
    return ocr_task("ppocr_det", DETECTOR, calibration, tests, task_agreement.boxes_agree)


def recogniser(folder: Path) -> Task:
    """Calibration: written lines. Tests: the lines of the scanned page, in three parts each."""
    calibration = [normalised(written(text[:24], 20 + i % 8, 280, 42, i), LINE, folder / "line.png") for i, text in enumerate(sentences()[::2])]
    rows = ((48, 68), (66, 86), (84, 104), (102, 122), (120, 142))
    tests = [pixels("page.png", (left, top, left + 133, bottom), LINE) for top, bottom in rows for left in (0, 126, 251)]
    tests += [pixels("page.png", (0, 8, 200, 38), LINE), pixels("page.png", (184, 8, 384, 38), LINE)]
    return ocr_task("ppocr_rec", LINE, calibration, tests, task_agreement.characters_agree)


def ocr_task(name: str, shape: list[int], calibration: list[np.ndarray], tests: list[np.ndarray], agreement) -> Task:
    real = load_models()[name]
    real.inputs["x"]["shape"] = shape
    model = at_opset(real.bound())
    cases = [[{"x": x} for x in part] for part in (calibration, tests)]
    return Task(name, model, *cases, False, model.graph.output[0].name, agreement)


# --- MiniLM ---------------------------------------------------------------------------------------------------------------


def word_pieces(text: str, vocabulary: dict[str, int]) -> list[int]:
    """Devlin et al. 2019: lower case, then of each word the longest pieces that are known, from the left."""
    spaced = "".join(f" {c} " if unicodedata.category(c).startswith("P") else c for c in text.lower())
    ids = [vocabulary["[CLS]"]]
    for word in spaced.split():
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next(end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary)
            ids.append(vocabulary[prefix + word[start:end]])
            start = end
    return [*ids, vocabulary["[SEP]"]]


def sentence_encoder(_: Path) -> Task:
    """Calibration: every other sentence. Tests: the rest."""
    vocabulary = {word: i for i, word in enumerate((MODELS / "minilm_vocab.txt").read_text().splitlines())}
    cases = []
    for text in sentences():
        ids = word_pieces(text, vocabulary)
        padded = np.pad(np.array([ids], np.int64), ((0, 0), (0, TOKENS - len(ids))))
        mask = (np.arange(TOKENS) < len(ids)).astype(np.int64)[None]
        cases.append({"input_ids": padded, "attention_mask": mask, "token_type_ids": np.zeros((1, TOKENS), np.int64)})
    real = load_models()["minilm"]
    for port in real.inputs.values():
        port["shape"] = [1, TOKENS]
    return Task("minilm", real.bound(), cases[::2], cases[1::2], False, "sentence_embedding", task_agreement.ranking_agrees, "transformer")


# --- silero-vad -------------------------------------------------------------------------------------------------------------


def for_16_khz(model: onnx.ModelProto) -> onnx.ModelProto:
    """The branch of the model's one If that 16 kHz takes, as a model: peers do not quantize inside branches."""
    graph = model.graph
    branch = next(a.g for a in graph.node[-1].attribute if a.name == "then_branch")
    nodes = list(branch.node)
    for inner, outer in zip(branch.output, graph.output):
        nodes.append(helper.make_node("Identity", [inner.name], [outer.name], f"{outer.name}_of_branch"))
    used = {name for node in nodes for name in node.input}
    initializers = [t for t in [*graph.initializer, *branch.initializer] if t.name in used]
    inputs = [port for port in graph.input if port.name in used]
    made = helper.make_graph(nodes, "silero_vad_16khz", inputs, list(graph.output), initializers)
    model = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(model, full_check=True)
    return model


def voice_detector(_: Path) -> Task:
    """Calibration: the first 1.5 s of the synthesised track, with the states that belong to it. Tests: the rest, from the state there."""
    track = np.load(MODELS / "audio" / "voice_16khz.npy")
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), track])
    frames = [padded[start : start + CONTEXT + FRAME][None] for start in range(0, track.size - FRAME + 1, FRAME)]
    model = for_16_khz(load_models()["silero_vad_op18"].bound())
    run, states = engines.onnxruntime_runner(model), [np.zeros((2, 1, 128), np.float32)]
    for frame in frames:
        states.append(run({"input": frame, "state": states[-1]})["stateN"])
    first = 3 * RATE_HZ // 2 // FRAME
    calibration = [{"input": frame, "state": state} for frame, state in zip(frames[:first], states)]
    tests = [{"input": frame, "state": states[first]} for frame in frames[first:]]
    return Task("silero_vad", model, calibration, tests, True, "output", task_agreement.speech_agrees)


TASKS = {"ppocr_det": detector, "ppocr_rec": recogniser, "minilm": sentence_encoder, "silero_vad": voice_detector}
