"""What the outputs of four real models mean, and how far two versions of a model agree on it."""

import numpy as np

BLANK = 0  # of the recogniser's classes


Box = tuple[int, int, int, int]  # left, top, right, bottom


def text_boxes(probabilities: np.ndarray, threshold: float = 0.3, least_score: float = 0.6, least_pixels: int = 12) -> list[Box]:
    """Around the connected regions of a map (height, width) in which the detector sees text; the two thresholds are PP-OCR's."""
    marks = np.where(probabilities > threshold, np.arange(1, probabilities.size + 1).reshape(probabilities.shape), 0)
    while True:  # every pixel takes the largest mark of its region
        spread = np.pad(marks, 1)
        spread = np.maximum.reduce([spread[1:-1, 1:-1], spread[:-2, 1:-1], spread[2:, 1:-1], spread[1:-1, :-2], spread[1:-1, 2:]]) * (marks > 0)
        if np.array_equal(spread, marks):
            break
        marks = spread
    boxes = []
    for mark in np.unique(marks[marks > 0]):
        rows, columns = np.nonzero(marks == mark)
        if rows.size >= least_pixels and probabilities[rows, columns].mean() >= least_score:
            boxes.append((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
    return boxes


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    common = max(width, 0) * max(height, 0)
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return common / (area - common)


def boxes_agree(reference: list[dict], changed: list[dict]) -> str:
    """Of the reference's boxes, those with an overlap of half or more; their mean overlap; boxes that only the changed model has."""
    found, total, extra, overlaps = 0, 0, 0, []
    for before, after in zip(reference, changed):
        wanted, got = (text_boxes(next(iter(outputs.values()))[0, 0]) for outputs in (before, after))
        best = [max((overlap(box, other) for other in got), default=0.0) for box in wanted]
        overlaps += [value for value in best if value >= 0.5]
        found, total = found + sum(value >= 0.5 for value in best), total + len(wanted)
        extra += sum(max((overlap(box, other) for other in wanted), default=0.0) < 0.5 for box in got)
    return f"{found} of {total} boxes, IoU {np.mean(overlaps):.3f}, {extra} more" if overlaps else f"0 of {total} boxes, {extra} more"


def decode(probabilities: np.ndarray) -> list[int]:
    """Classes of a line (steps, classes): repetitions and blanks left out (Graves et al. 2006)."""
    best = probabilities.argmax(1)
    return [int(c) for i, c in enumerate(best) if c != BLANK and (i == 0 or c != best[i - 1])]


def edits(a: list[int], b: list[int]) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, last + (x != y))
    return row[-1]


def characters_agree(reference: list[dict], changed: list[dict]) -> str:
    lines = [[decode(next(iter(outputs.values()))[0]) for outputs in side] for side in (reference, changed)]
    wrong, total = sum(map(edits, *lines)), sum(map(len, lines[0]))
    return f"{wrong} edits in {total} characters, {sum(a == b for a, b in zip(*lines))} of {len(lines[0])} lines"


def ranking_agrees(reference: list[dict], changed: list[dict]) -> str:
    """Each sentence ranks the others by cosine: how often the first is the same, and Spearman's correlation of the ranks, least and mean."""
    ranks, first = [], []
    for side in (reference, changed):
        embeddings = np.concatenate([outputs["sentence_embedding"] for outputs in side])
        cosines = embeddings @ embeddings.T
        others = ~np.eye(len(cosines), dtype=bool)
        ranks.append(cosines[others].reshape(len(cosines), -1).argsort(1).argsort(1))
        first.append(ranks[-1].argmax(1))
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks)]
    return f"{np.sum(first[0] == first[1])} of {len(first[0])} nearest, rank corr. {np.min(correlations):.3f}, mean {np.mean(correlations):.3f}"


def speech_agrees(reference: list[dict], changed: list[dict]) -> str:
    """Frames (32 ms) with a probability on the same side of a half, and the number of segments."""
    speech = [np.array([outputs["output"].item() > 0.5 for outputs in side]) for side in (reference, changed)]
    segments = [int(np.sum(np.diff(frames.astype(int), prepend=0) == 1)) for frames in speech]
    return f"{np.sum(speech[0] == speech[1])} of {speech[0].size} frames, {segments[1]} segments for {segments[0]}"
