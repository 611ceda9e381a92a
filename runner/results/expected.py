"""Answers beside the outputs that are expected of them: golden ones, targets, or masks."""

import math
from collections.abc import Sequence
from typing import Any

from .result import Expected

MASKED = 0.5
"""From here on a pixel of a mask with one channel is in it."""
Pair = tuple[str, Any, Any]
"""Name of an input; its outputs and the expected ones, as arrays."""


def beside(
    wanted: Sequence[tuple[str, Any]],
    outputs: Sequence[Sequence[float]],
    metric: str,
    tolerance: float,
    channels: int,
) -> Expected:
    """Return how far outputs are the expected ones, by "exact", "regression" or "iou".

    `wanted` has the name of each input and the values that are expected of it, none where there
    are none. An input without an answer, or with another number of values, differs from golden
    outputs, and is left out of the others. Ref: sklearn.metrics.mean_absolute_error, r2_score with
    multioutput="variance_weighted", jaccard_score.
    """
    import numpy as np

    pairs = [
        (name, np.array(out, np.float64), np.array(values, np.float64))
        for (name, values), out in zip(wanted, outputs, strict=True)
        if len(values)
    ]
    same = [pair for pair in pairs if pair[1].shape == pair[2].shape]
    if metric == "iou":
        return Expected(count=len(same), iou=_iou(same, channels))
    if metric == "regression":
        return _regression(same)
    differs = [(name, _differing(found, want, tolerance)) for name, found, want in pairs]
    return Expected(
        count=len(pairs),
        equal=sum(not words for _, words in differs),
        tolerance=tolerance,
        first_differing=next((f"{name}: {words}" for name, words in differs if words), None),
    )


def _differing(found: Any, want: Any, tolerance: float) -> str:
    """Return where outputs differ by more than the tolerance; "" where nowhere."""
    if found.shape != want.shape:
        return f"{found.size} outputs, not {want.size}"
    off = abs(found - want) > tolerance
    if not off.any():
        return ""
    at = int(off.argmax())
    return f"output {at} is {found[at]:g}, not {want[at]:g}; {off.sum()} of {off.size} differ"


def _regression(pairs: Sequence[Pair]) -> Expected:
    """Return the errors, and R2: how much of the spread of each target about its mean they leave.

    Targets that are all the same have no spread to explain.
    """
    if not pairs:
        return Expected(count=0)
    values = sum(want.size for _, _, want in pairs)
    off = sum(float(abs(found - want).sum()) for _, found, want in pairs)
    squares = sum(float(((found - want) ** 2).sum()) for _, found, want in pairs)
    mean = sum(want for _, _, want in pairs) / len(pairs)
    spread = sum(float(((want - mean) ** 2).sum()) for _, _, want in pairs)
    return Expected(
        count=len(pairs),
        mae=off / values,
        rmse=math.sqrt(squares / values),
        r2=1 - squares / spread if spread else None,
    )


def _iou(pairs: Sequence[Pair], channels: int) -> float | None:
    """Return the mean over the classes there are; of one channel, that of what is in the mask."""
    import numpy as np

    both, either = np.zeros(max(2, channels)), np.zeros(max(2, channels))
    for _, found, want in pairs:
        if found.size % channels:
            continue
        one, other = _classes(found, channels), _classes(want, channels)
        for number in np.unique(np.concatenate([one, other])):
            both[number] += np.sum((one == number) & (other == number))
            either[number] += np.sum((one == number) | (other == number))
    if channels == 1:
        both, either = both[1:], either[1:]
    there = either > 0
    return float(np.mean(both[there] / either[there])) if there.any() else None


def _classes(values: Any, channels: int) -> Any:
    """Return the class of each pixel; of one channel, 1 from MASKED on."""
    if channels == 1:
        return (values >= MASKED).astype(int)
    return values.reshape(-1, channels).argmax(axis=1)
