"""A head that learns: softmax over features, or one small hidden layer before it; many at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
FLOAT_B = 4


@dataclass(frozen=True)
class Head:
    """The shape of a head; its weights are one vector, layer by layer, each [inputs + 1][outputs].

    The last row of a layer is its bias.
    """

    features: int
    classes: int
    hidden: int = 0
    """Units of the hidden layer, with ReLU; 0: there is none."""

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the layers."""
        if not self.hidden:
            return ((self.features + 1, self.classes),)
        return ((self.features + 1, self.hidden), (self.hidden + 1, self.classes))

    @property
    def size(self) -> int:
        """Weights in all."""
        return sum(rows * columns for rows, columns in self.layers)

    @property
    def size_b(self) -> int:
        """Bytes of these as float32: what crosses the link one way."""
        return FLOAT_B * self.size


def drawn(head: Head, seed: int) -> Floats:
    """Return weights to begin with [weights]: zeros of a softmax, else He's with zero biases."""
    if not head.hidden:
        return np.zeros(head.size, np.float32)
    rng = np.random.default_rng(seed)
    parts = []
    for rows, columns in head.layers:
        layer = rng.normal(0, (2 / (rows - 1)) ** 0.5, (rows, columns))
        layer[-1] = 0
        parts.append(layer.ravel())
    return np.concatenate(parts).astype(np.float32)


def layers_of(head: Head, weights: Floats) -> list[Floats]:
    """Return the layers [..., inputs + 1, outputs] of weights [..., weights]."""
    found, at = list[Floats](), 0
    for rows, columns in head.layers:
        part = weights[..., at : at + rows * columns]
        found.append(part.reshape(*weights.shape[:-1], rows, columns))
        at += rows * columns
    return found


def _apply(layer: Floats, values: Floats) -> Floats:
    return values @ layer[..., :-1, :] + layer[..., -1:, :]


def scores(head: Head, weights: Floats, values: Floats) -> Floats:
    """Return the scores [..., rows, classes] of values [..., rows, features], before softmax."""
    first, *more = layers_of(head, weights)
    found = _apply(first, values)
    return _apply(more[0], np.maximum(found, 0)) if more else found


def slopes(
    head: Head, weights: Floats, values: Floats, labels: npt.NDArray[Any]
) -> tuple[Floats, Floats]:
    """Return the gradients [..., weights] of the mean cross-entropy, and the losses [..., rows].

    `values` are [..., rows, features], `labels` [..., rows].
    """
    first, *more = layers_of(head, weights)
    summed = _apply(first, values)
    hidden = np.maximum(summed, 0)
    found = _apply(more[0], hidden) if more else summed
    found = found - found.max(axis=-1, keepdims=True)
    wrong = np.exp(found)
    total = wrong.sum(axis=-1, keepdims=True)
    at = labels[..., None]
    losses = np.log(total) - np.take_along_axis(found, at, -1)
    wrong /= total
    np.put_along_axis(wrong, at, np.take_along_axis(wrong, at, -1) - 1, -1)
    wrong /= np.float32(labels.shape[-1])
    parts = list[Floats]()
    if more:
        parts = _gradient(hidden, wrong)
        wrong = wrong @ np.swapaxes(more[0][..., :-1, :], -1, -2) * (summed > 0)
    return np.concatenate([*_gradient(values, wrong), *parts], axis=-1), losses[..., 0]


def _gradient(values: Floats, wrong: Floats) -> list[Floats]:
    """Return the gradients of a layer, weights and then biases, each as a vector."""
    slope = np.swapaxes(values, -1, -2) @ wrong
    return [slope.reshape(*slope.shape[:-2], -1), wrong.sum(axis=-2)]


def top1(head: Head, weights: Floats, values: Floats, labels: npt.NDArray[Any]) -> float:
    """Return the share of rows whose label has the largest score; what is not finite is not it."""
    found = scores(head, weights, values)
    return float(np.mean(np.isfinite(found).all(axis=-1) & (found.argmax(axis=-1) == labels)))
