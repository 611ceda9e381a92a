"""An output stage of one product gives what the short form gives, or is not taken."""

import numpy as np
import pytest

from tinybench.models.compiler.output_stage import FRACTION, folded


def outputs(short: np.ndarray, sums: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """Return what `output_blocked` of firmware/kernels/blocked.h makes of sums."""
    bias_x2, multiplier, rounding, right = (column[:, None] for column in short.T)
    x = ((bias_x2 + 2 * sums) * multiplier + (1 << 31)) >> 32
    return np.clip((x + (x >> 63) + rounding) >> right, *limits)


def outputs_folded(stage: np.ndarray, sums: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """Return what `output_folded` makes of them."""
    addend, multiplier, _, right = (column[:, None] for column in stage.T)
    return np.clip((((sums << FRACTION) + addend) * multiplier >> 32) >> right, *limits)


def channels(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return short stages with outputs from -128 on, where halves are clamped, and their ends."""
    most = rng.integers(1000, 1 << 15, count)
    least = -rng.integers(1000, 1 << 15, count)
    right = rng.integers(1, 9, count)
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    bias_x2 = rng.integers(-(1 << 15), 1 << 15, count)
    rounding = (1 << right >> 1) - (128 << right)
    return np.stack([bias_x2, multiplier, rounding, right], axis=1), least, most


@pytest.mark.parametrize("limits", [(-128, 127), (-128, -3)])
def test_every_sum_gives_the_same(limits: tuple[int, int]) -> None:
    """Of each channel that has outputs between its limits, all sums that can be."""
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(30):
        short, least, most = channels(rng, 1)
        stage = folded(short, least, most, limits)
        if stage is None:
            continue
        sums = np.arange(least[0], most[0] + 1)[None]
        want = outputs(short, sums, limits)
        found += len(np.unique(want)) > 10
        np.testing.assert_array_equal(outputs_folded(stage, sums, limits), want)
    assert found > 15


def test_dead_channels_keep_their_value() -> None:
    """A channel of no weights is its rounding, whatever another one is."""
    short = np.array([[0, 0, -77, 0], [12, 3 << 29, (1 << 7) - (128 << 8), 8]])
    least, most = np.array([0, -9000]), np.array([0, 99000])
    stage = folded(short, least, most, (-128, 127))
    assert stage is not None
    assert outputs_folded(stage, np.zeros((2, 1), np.int64), (-128, 127))[0, 0] == -77


@pytest.mark.parametrize("case", ["halves", "wide", "unreached"])
def test_what_no_line_goes_through_is_not_taken(case: str) -> None:
    """Halves below zero that go down, sums beyond 24 bits, a multiplier of zero with weights."""
    short, least, most = channels(np.random.default_rng(7), 1)
    if case == "halves":
        short[0] = (0, (1 << 30) + 12345, 2, 2)
    elif case == "wide":
        most[0] = 1 << 24
    else:
        short[0, 1] = 0
    assert folded(short, least, most, (-128, 127)) is None
