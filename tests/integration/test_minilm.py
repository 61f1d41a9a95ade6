"""The exported sentence encoder against an implementation of its own in NumPy, read straight from the safetensors file."""

import json
import math

import engines
import numpy as np
import onnx
from closeness import relative_difference
from consort_cli import MODELS
from model_inputs import load_models, make_inputs

TOLERANCE = 1e-4
HEADS = 12


def read_weights() -> dict[str, np.ndarray]:
    """Name to float64 tensor."""
    with (MODELS / "minilm.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start = file.tell()
        weights = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] != "F32":
                continue
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            weights[name] = np.frombuffer(file.read(end - begin), "<f4").reshape(entry["shape"]).astype(np.float64)
    return weights


def layer_norm(x: np.ndarray, weights: dict, prefix: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * weights[f"{prefix}.weight"] + weights[f"{prefix}.bias"]


def linear(x: np.ndarray, weights: dict, prefix: str) -> np.ndarray:
    return np.einsum("bsi,oi->bso", x, weights[f"{prefix}.weight"], optimize=True) + weights[f"{prefix}.bias"]


def encode(weights: dict, ids: np.ndarray, mask: np.ndarray, types: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last hidden state and the sentence embedding, in float64."""
    erf = np.vectorize(math.erf)
    table = {part: weights[f"embeddings.{part}_embeddings.weight"] for part in ("word", "position", "token_type")}
    x = layer_norm(table["word"][ids] + table["token_type"][types] + table["position"][: ids.shape[1]], weights, "embeddings.LayerNorm")
    batch, length, width = x.shape
    for layer in range(6):
        prefix = f"encoder.layer.{layer}"
        q, k, v = (
            linear(x, weights, f"{prefix}.attention.self.{part}").reshape(batch, length, HEADS, width // HEADS)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(width // HEADS)
        scores = np.where(mask[:, None, None, :] == 1, scores, -np.inf)
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        mixed = np.einsum("bhqk,bkhd->bqhd", attention, v).reshape(batch, length, width)
        x = layer_norm(x + linear(mixed, weights, f"{prefix}.attention.output.dense"), weights, f"{prefix}.attention.output.LayerNorm")
        wide = linear(x, weights, f"{prefix}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / math.sqrt(2)))
        x = layer_norm(x + linear(wide, weights, f"{prefix}.output.dense"), weights, f"{prefix}.output.LayerNorm")
    kept = mask[..., None].astype(np.float64)
    mean = (x * kept).sum(1) / kept.sum(1)
    return x, mean / np.linalg.norm(mean, axis=-1, keepdims=True)


def test_export_computes_what_the_weights_say():
    model = load_models()["minilm"]
    weights = read_weights()
    cases = [make_inputs(model, variant) for variant in (0, 1)]
    for ours, inputs in zip(engines.run_onnxruntime(onnx.load(model.path), cases), cases):
        states, embedding = encode(weights, inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"])
        assert relative_difference(ours["last_hidden_state"], states) <= TOLERANCE
        assert relative_difference(ours["sentence_embedding"], embedding) <= TOLERANCE
        wrong_types = encode(weights, inputs["input_ids"], inputs["attention_mask"], 1 - inputs["token_type_ids"])[0]
        assert relative_difference(ours["last_hidden_state"], wrong_types) > 10 * TOLERANCE


def test_batch_and_length_are_free():
    """Two sentences of five tokens at once give what each gives alone."""
    rng = np.random.Generator(np.random.PCG64(5))
    ids = rng.integers(0, 30522, (2, 5))
    both = {"input_ids": ids, "attention_mask": np.ones((2, 5), np.int64), "token_type_ids": np.zeros((2, 5), np.int64)}
    alone = [{name: value[row : row + 1] for name, value in both.items()} for row in range(2)]
    results = engines.run_onnxruntime(onnx.load(MODELS / "minilm.onnx"), [both, *alone])
    for row in range(2):
        assert relative_difference(results[0]["sentence_embedding"][row], results[1 + row]["sentence_embedding"][0]) <= 1e-5
