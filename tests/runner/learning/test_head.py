"""Heads that learn: their gradients, many at once as each alone."""

import numpy as np
import pytest

from tinybench.runner.learning.head import Head, drawn, scores, slopes, top1


@pytest.mark.parametrize("hidden", [0, 5])
def test_gradients_are_those_of_small_differences(hidden: int) -> None:
    """Of the mean cross-entropy, weight by weight, in float64 steps of float32 weights."""
    head = Head(3, 4, hidden)
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (6, 3)).astype(np.float32)
    labels = rng.integers(0, 4, 6)
    weights = (drawn(head, 1) + rng.normal(0, 0.3, head.size)).astype(np.float32)
    found, losses = slopes(head, weights, values, labels)
    assert losses.shape == (6,)
    for place in range(head.size):
        step = np.zeros(head.size, np.float32)
        step[place] = 1e-2
        up, down = (slopes(head, weights + s, values, labels)[1].mean() for s in (step, -step))
        assert found[place] == pytest.approx((up - down) / 2e-2, abs=2e-3)


@pytest.mark.parametrize("hidden", [0, 5])
def test_many_at_once_are_as_each_alone(hidden: int) -> None:
    """To the bit: a client's update does not depend on who else learns."""
    head = Head(7, 3, hidden)
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, (4, 6, 7)).astype(np.float32)
    labels = rng.integers(0, 3, (4, 6))
    weights = rng.normal(0, 1, (4, head.size)).astype(np.float32)
    together, _ = slopes(head, weights, values, labels)
    for n in range(4):
        alone, _ = slopes(head, weights[n : n + 1], values[n : n + 1], labels[n : n + 1])
        assert (together[n] == alone[0]).all()


def test_what_is_not_finite_is_not_right() -> None:
    """A head of NaN tells nothing, whatever the label is."""
    head = Head(2, 2)
    values, labels = np.ones((3, 2), np.float32), np.zeros(3, int)
    assert top1(head, np.zeros(head.size, np.float32), values, labels) == 1
    assert top1(head, np.full(head.size, np.nan, np.float32), values, labels) == 0
    assert scores(head, drawn(head, 1), values).shape == (3, 2)
    assert head.size_b == 4 * 6
