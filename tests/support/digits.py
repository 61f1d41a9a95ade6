"""Labelled images: the 1,797 handwritten digits of 8 x 8 pixels that scikit-learn's package carries.

Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998 (its test set).
"""

import gzip
from dataclasses import dataclass

import numpy as np
from consort_cli import MODELS

FILE = MODELS / "digits" / "digits.csv.gz"
COUNT, SIDE, BRIGHTEST = 1797, 8, 16


@dataclass(frozen=True)
class Digits:
    images: np.ndarray  # (1797, 1, 8, 8), float32 in [0, 1]
    labels: np.ndarray  # (1797,), 0 to 9


def load() -> Digits:
    """A row of the file: 64 pixels from 0 to 16, then the digit."""
    with gzip.open(FILE, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    assert table.shape == (COUNT, SIDE * SIDE + 1), f"{FILE} holds a table of {table.shape}"
    return Digits(table[:, :-1].reshape(COUNT, 1, SIDE, SIDE) / BRIGHTEST, table[:, -1].astype(np.int64))


def folds(labels: np.ndarray, count: int = 5, seed: int = 0) -> list[np.ndarray]:
    """Indices held out in each fold, ascending. Every image is in one of them; no two hold numbers of one digit that differ by more than 1."""
    rng = np.random.default_rng(seed)
    fold_of = np.empty(labels.size, np.int64)
    dealt = 0  # the next digit goes on where the last one ended, so that the folds stay alike in size
    for digit in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == digit))
        fold_of[members] = (dealt + np.arange(members.size)) % count
        dealt += members.size
    return [np.flatnonzero(fold_of == fold) for fold in range(count)]


def enlarge(images: np.ndarray, times: int, margin: int) -> np.ndarray:
    """NCHW; every pixel becomes `times` x `times` of them, with `margin` black ones on each side."""
    larger = images.repeat(times, axis=2).repeat(times, axis=3)
    return np.pad(larger, ((0, 0), (0, 0), (margin, margin), (margin, margin)))
