"""Output stages with less to compute give what the short form gives, or are not taken."""

import numpy as np
import pytest

from tinybench.models.compiler.output_stage import DEPTHWISE_SHIFT, FRACTION, folded, with_powers


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


def filters(rng: np.random.Generator, rights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return short stages of these right shifts as of a depthwise layer with ReLU, and weights."""
    count = len(rights)
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    bias_x2 = 2 * rng.integers(-60_000, 60_000, count)
    rounding = (1 << rights >> 1) - (128 << rights)
    short = np.stack([bias_x2, multiplier, rounding, rights], axis=1)
    return short, rng.integers(-128, 128, (count, 9))


@pytest.mark.parametrize("right", [3, 4, 6, 8, 9, 10, 11, 13, 16, 22])
def test_one_shift_for_all_channels_gives_the_same(right: int) -> None:
    """Of each sum that nine weights can have, whether the multiplier loses bits or not."""
    rng = np.random.default_rng(right)
    for _ in range(6):
        short, rows = filters(rng, np.array([right]))
        stage = with_powers(short, rows, (-128, 127))
        assert stage is not None or right == 10  # there, sums are fine and many
        if stage is None:
            continue
        ((bias, multiplier, rounding, power),) = stage
        sums = np.arange(-128 * np.abs(rows).sum(), 128 * np.abs(rows).sum())[None]
        assert np.abs((sums << power) + bias).max() < 1 << 31
        assert np.abs(rows << power).max() <= 1 << 15
        found = (((sums << power) + bias) * multiplier >> 32) + rounding >> DEPTHWISE_SHIFT
        want = outputs(short, sums, (-128, 127))
        np.testing.assert_array_equal(np.clip(found, -128, 127), want)


def test_channels_whose_weights_have_no_room_have_none() -> None:
    """The multiplier is too great, so that the weights would have to be; small ones may."""
    short, rows = filters(np.random.default_rng(1), np.array([5, 1]))
    assert with_powers(short, rows, (-128, 127)) is None
    assert with_powers(short, rows // 5, (-128, 127)) is not None
