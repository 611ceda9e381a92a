"""A net of one hidden layer whose weights are entries of a table, trained and made int8."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..rows import Floats

EPOCHS, BATCH, STEP = 60, 32, 0.02
DECAY = 1e-4
"""Of the entries, each step, against weights that grow for the training rows alone."""
MOST = 127
Places = npt.NDArray[np.int64]
Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Ties:
    """Which entry of a table each weight is; weights of one entry are the same, times a factor."""

    places: tuple[Places, Places]
    """[hidden][features] and [classes][hidden]."""
    groups: npt.NDArray[np.int64]
    """Of each entry, which scale it has as int8: that of its layer, or a common one."""
    zeros: int = 0
    """So many entries at the end are 0 and stay so."""


@dataclass(frozen=True)
class Net:
    """A trained net, of floats."""

    ties: Ties
    entries: Floats
    biases: tuple[Floats, Floats]
    factors: tuple[float, float]
    """Of the layers: a weight is its entry times that."""


@dataclass(frozen=True)
class IntNet:
    """The same on a board: int8 inputs and weights, sums of 32 bits."""

    ties: Ties
    entries: Int8
    biases: tuple[Int32, Int32]
    multiplier: int
    shift: int
    """From sums of the first layer to inputs of the second: sum * multiplier * 2^-shift."""


def untied(features: int, hidden: int, classes: int) -> Ties:
    """Return ties of a net in which each weight is its own entry."""
    first, second = hidden * features, classes * hidden
    places = np.arange(first + second)
    return Ties(
        (places[:first].reshape(hidden, features), places[first:].reshape(classes, hidden)),
        np.repeat([0, 1], [first, second]),
    )


def drawn(ties: Ties, seed: int) -> Net:
    """Return a net of random entries."""
    (hidden, features), classes = ties.places[0].shape, len(ties.places[1])
    entries = np.random.default_rng(seed).normal(0, 1, len(ties.groups))
    return Net(
        ties, _zeroed(entries, ties), (np.zeros(hidden), np.zeros(classes)),
        ((2 / features) ** 0.5, (1 / hidden) ** 0.5),
    )  # fmt: skip


def trained(
    net: Net, values: Int8, labels: npt.NDArray[np.intp], seed: int, epochs: int = EPOCHS
) -> Net:
    """Return a net that has learnt rows [rows][features]: cross-entropy, by Adam.

    Ref: Kingma and Ba, Adam, arXiv 1412.6980.
    """
    x_all = values.astype(np.float64) / MOST
    rng, count = np.random.default_rng(seed), len(labels)
    turns = max(1, -(-count // BATCH))
    flat, ties = np.concatenate([place.ravel() for place in net.ties.places]), net.ties
    split, shapes = net.ties.places[0].size, [place.shape for place in net.ties.places]
    state = [net.entries.copy(), *(bias.copy() for bias in net.biases)]
    means, squares = [np.zeros_like(one) for one in state], [np.zeros_like(one) for one in state]
    order = np.arange(count)
    for turn in range(epochs * turns):
        if turn % turns == 0:
            order = rng.permutation(count)
        batch = order[turn % turns * BATCH :][:BATCH]
        x, entries = x_all[batch], state[0]
        first = entries[flat[:split]].reshape(shapes[0]) * net.factors[0]
        second = entries[flat[split:]].reshape(shapes[1]) * net.factors[1]
        hidden = np.maximum(x @ first.T + state[1], 0)
        scores = hidden @ second.T + state[2]
        wrong = np.exp(scores - scores.max(axis=1, keepdims=True))
        wrong /= wrong.sum(axis=1, keepdims=True)
        wrong[np.arange(len(batch)), labels[batch]] -= 1
        wrong /= len(batch)
        back = wrong @ second * (hidden > 0)
        by_weight = np.concatenate(
            [(back.T @ x).ravel() * net.factors[0], (wrong.T @ hidden).ravel() * net.factors[1]]
        )
        slopes = [np.bincount(flat, by_weight, len(entries)), back.sum(axis=0), wrong.sum(axis=0)]
        rate = STEP * 0.5 * (1 + np.cos(np.pi * turn / (epochs * turns)))
        for n, slope in enumerate(slopes):
            means[n] += 0.1 * (slope - means[n])
            squares[n] += 0.001 * (slope**2 - squares[n])
            spread = np.sqrt(squares[n] / (1 - 0.999 ** (turn + 1))) + 1e-8
            state[n] -= rate * means[n] / (1 - 0.9 ** (turn + 1)) / spread
        state[0] = _zeroed(state[0] * (1 - DECAY), ties)
    return replace(net, entries=state[0], biases=(state[1], state[2]))


def _zeroed(entries: Floats, ties: Ties) -> Floats:
    if ties.zeros:
        entries[-ties.zeros :] = 0
    return entries


def pruned(net: Net, rate: float) -> Net:
    """Return a net, to be trained again, of 1 weight in `rate` of each layer: the largest."""
    kept = list[Places]()
    for place, shape in zip(net.ties.places, _shapes(net), strict=True):
        most = np.argsort(-np.abs(net.entries[place.ravel()]), kind="stable")
        kept.append(place.ravel()[np.sort(most[: round(shape[0] * shape[1] / rate)])])
    left = np.concatenate(kept)
    renamed = np.full(len(net.entries), len(left))
    renamed[left] = np.arange(len(left))
    groups = np.append(net.ties.groups[left], 0)
    ties = Ties((renamed[net.ties.places[0]], renamed[net.ties.places[1]]), groups, zeros=1)
    return replace(net, ties=ties, entries=np.append(net.entries[left], 0.0))


def palettised(net: Net, bits: int) -> Net:
    """Return a net, to be trained again, whose layers have 2^bits different weights each.

    Those are the means of k-means, begun with quantiles. Ref: Han, Mao and Dally, arXiv 1510.00149.
    """
    size = 1 << bits
    places, entries = list[Places](), list[Floats]()
    for layer, place in enumerate(net.ties.places):
        weights = net.entries[place]
        means = np.quantile(weights, (np.arange(size) + 0.5) / size)
        codes = _nearest(weights, means)
        for _ in range(20):
            sums = np.bincount(codes.ravel(), weights.ravel(), size)
            counts = np.bincount(codes.ravel(), minlength=size)
            means = np.where(counts > 0, sums / np.maximum(counts, 1), means)
            codes = _nearest(weights, means)
        places.append(codes + layer * size)
        entries.append(means)
    ties = Ties((places[0], places[1]), np.repeat([0, 1], size))
    return replace(net, ties=ties, entries=np.concatenate(entries))


def _nearest(weights: Floats, means: Floats) -> Places:
    return np.asarray(np.abs(weights[..., None] - means).argmin(axis=-1), np.int64)


def _shapes(net: Net) -> list[tuple[int, ...]]:
    return [place.shape for place in net.ties.places]


def as_ints(net: Net, values: Int8) -> IntNet:
    """Return a net as a board has it; `values` are what its inner range is found by."""
    groups, scales = net.ties.groups, np.zeros(2)
    for group in range(2):
        most = np.abs(net.entries[groups == group]).max(initial=0.0)
        scales[group] = (most or 1.0) / MOST
    steps = scales[groups]
    entries = np.rint(net.entries / steps).astype(np.int8)
    layers = [float(steps[place.ravel()[0]]) for place in net.ties.places]
    if net.ties.zeros:  # an entry of 0 has no scale of its own
        layers = [float(scales[0]), float(scales[1])]
    first = net.entries[net.ties.places[0]] * net.factors[0]
    hidden = np.maximum(values.astype(np.float64) / MOST @ first.T + net.biases[0], 0)
    hidden_step = (float(hidden.max(initial=0.0)) or 1.0) / MOST
    sum_step = layers[0] * net.factors[0] / MOST
    second_step = layers[1] * net.factors[1] * hidden_step
    fraction, exponent = np.frexp(sum_step / hidden_step)
    shift = 30 - int(exponent)
    multiplier = int(np.ldexp(fraction, 30))
    return IntNet(
        net.ties, entries,
        (_biases(net.biases[0] / sum_step), _biases(net.biases[1] / second_step)),
        multiplier, shift,
    )  # fmt: skip


def _biases(values: Floats) -> Int32:
    return np.clip(np.rint(values), -(1 << 30), 1 << 30).astype(np.int32)


def weights(net: IntNet) -> tuple[Int8, Int8]:
    """Return the weights of both layers, one by one."""
    return net.entries[net.ties.places[0]], net.entries[net.ties.places[1]]


def answers(net: IntNet, values: Int8) -> npt.NDArray[np.intp]:
    """Return the classes of rows, by the integers that a board computes."""
    first, second = (one.astype(np.int64) for one in weights(net))
    sums = values.astype(np.int64) @ first.T + net.biases[0]
    half = 1 << (net.shift - 1)
    hidden = np.where(sums <= 0, 0, np.minimum((sums * net.multiplier + half) >> net.shift, MOST))
    return (hidden @ second.T + net.biases[1]).argmax(axis=1)
