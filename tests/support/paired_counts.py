"""What a change did to a classifier, image by image: two nets with the same accuracy may still be right about different images."""

from dataclasses import astuple, dataclass

import numpy as np

# Of all 1,797 digits, net; half a point is 8.98 images.
ALLOWED = {"int8": 8, "uint8": 8, "fp16": 1, "bf16": 1}


@dataclass(frozen=True)
class PairedCounts:
    """Images that are right before and after the change, before only, after only; of so many. Energies of the logits and of their change."""

    both: int = 0
    only_before: int = 0
    only_after: int = 0
    images: int = 0
    signal: float = 0
    noise: float = 0

    @property
    def lost(self) -> int:
        """Net; negative when the change made more right."""
        return self.only_before - self.only_after

    @property
    def right_after(self) -> int:
        return self.both + self.only_after

    @property
    def sqnr_db(self) -> float:
        """Of the logits; infinite where no bit changed."""
        return 10 * np.log10(self.signal / self.noise) if self.noise else np.inf

    def __add__(self, other: "PairedCounts") -> "PairedCounts":
        return PairedCounts(*(a + b for a, b in zip(astuple(self), astuple(other))))


def compare(before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> PairedCounts:
    """Logits (count, classes) before and after. A row that holds a NaN is wrong."""
    was_right, is_right = is_largest(before, labels), is_largest(after, labels)
    kinds = (was_right & is_right, was_right & ~is_right, ~was_right & is_right)
    reference, difference = before.astype(np.float64), after.astype(np.float64) - before
    return PairedCounts(*(int(kind.sum()) for kind in kinds), labels.size, float(np.sum(reference**2)), float(np.sum(difference**2)))


def is_largest(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    assert logits.shape[:1] == labels.shape and logits.ndim == 2, f"logits of {logits.shape} for {labels.size} images"
    return (logits.argmax(1) == labels) & ~np.isnan(logits).any(1)
