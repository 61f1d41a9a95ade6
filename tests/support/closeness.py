"""How far results are apart."""

import numpy as np


def relative_difference(value: np.ndarray, reference: np.ndarray) -> float:
    """max|value - reference| / max|reference|; 0 when both are the same."""
    difference = np.abs(value.astype(np.float64) - reference.astype(np.float64)).max(initial=0.0)
    return float(difference / np.abs(reference.astype(np.float64)).max(initial=0.0)) if difference else 0.0


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def bitwise_equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
