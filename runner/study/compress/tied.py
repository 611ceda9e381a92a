"""A net of embedding tables and one hidden layer, whose weights are tied: trained, made int8."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..layers.layer import MOST
from ..rows import Floats
from .robe import Robe, index

BATCH, STEP = 32, 0.02
EPOCHS, EPOCHS_LEAST, TURNS = 60, 20, 6000
"""How often all rows are learnt from; rows that are many less often, in about so many steps."""
DECAY = 1e-4
"""Of the entries, each step, against weights that grow for the training rows alone."""
RANGE = 4.0
"""Of the entries of tables: what a row holds is an entry of that size, and an int8 input as is."""
UNKNOWN_SHARE = 0.02
"""Of values that are taken for unknown ones in learning, so that those rows are learnt, too."""
SLICE = 1 << 22
"""Values of a first layer's inputs, of so many rows as they are, that are held at a time."""
ALL = slice(None)
Places = npt.NDArray[np.int64]
Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Shapes = tuple[tuple[int, int], ...]
"""Of all tables, [rows][width], and of the layers: both of a net that is trained here."""


@dataclass(frozen=True)
class Ties:
    """Which entry each weight is; weights of one entry are the same, times a factor.

    Weights are those of all embedding tables, [rows][width], which may have no row, and those of
    the layers, [outputs][inputs] each. Tables share no entry with layers.
    """

    places: tuple[Places, ...]
    groups: npt.NDArray[np.int64]
    """Of each entry, which scale it has as int8: 0, that of tables; else its layer's, or a common
    one."""
    zeros: int = 0
    """So many entries at the end are 0 and stay so."""


@dataclass(frozen=True)
class Net:
    """A trained net, of floats."""

    ties: Ties
    entries: Floats
    biases: tuple[Floats, Floats]
    factors: tuple[float, float, float]
    """Of tables and layers: a weight is its entry times that."""


@dataclass(frozen=True)
class IntNet:
    """The same on a board: int8 inputs and weights, sums of 32 bits."""

    ties: Ties
    entries: Int8
    biases: tuple[Int32, Int32]
    multiplier: int
    shift: int
    """From sums of the first layer to inputs of the second: sum * multiplier * 2^-shift."""


@dataclass(frozen=True)
class Inputs:
    """What nets are given, row by row."""

    rows: Places
    """[rows][columns]: which row of all tables each category is."""
    numbers: Int8
    """[rows][features]."""
    firsts: Places
    """[columns]: the row of each table that stands for values it has not."""

    def of(self, which: npt.NDArray[np.intp]) -> "Inputs":
        """Return some of the rows."""
        return Inputs(self.rows[which], self.numbers[which], self.firsts)


def untied(shapes: Shapes) -> Ties:
    """Return ties of a net in which each weight is its own entry."""
    sizes = [rows * columns for rows, columns in shapes]
    each = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    places = tuple(place.reshape(shape) for place, shape in zip(each, shapes, strict=True))
    return Ties(places, np.repeat(np.arange(len(sizes)), sizes))


def ties_of(of: Robe, shapes: Shapes) -> Ties:
    """Return the ties of a net whose tables share an array, or whose layers do.

    Rows of a layer come behind those of the one before. What shares none is behind the array.
    """
    which, row, begin = shrunk(shapes), 0, of.size
    places, groups = list[Places](), [np.full(of.size, which[0])]
    for n, (rows, columns) in enumerate(shapes):
        if n in which:
            places.append(index(of, row + np.arange(rows)[:, None], np.arange(columns)))
            row += rows
        else:
            places.append(begin + np.arange(rows * columns).reshape(rows, columns))
            groups.append(np.full(rows * columns, n))
            begin += rows * columns
    return Ties(tuple(places), np.concatenate(groups))


def drawn(ties: Ties, seed: int) -> Net:
    """Return a net of random entries."""
    (hidden, features), classes = ties.places[1].shape, len(ties.places[2])
    entries = np.random.default_rng(seed).normal(0, 1, len(ties.groups))
    return Net(
        ties, _zeroed(entries, ties), (np.zeros(hidden), np.zeros(classes)),
        (1 / RANGE, (2 / features) ** 0.5, (1 / hidden) ** 0.5),
    )  # fmt: skip


def trained(
    net: Net, inputs: Inputs, labels: npt.NDArray[np.intp], seed: int, epochs: int | None = None
) -> Net:
    """Return a net that has learnt rows: cross-entropy, by Adam.

    So often, or as EPOCHS says. Ref: Kingma and Ba, Adam, arXiv 1412.6980.
    """
    numbers = inputs.numbers.astype(np.float64) / MOST
    rng, count = np.random.default_rng(seed), len(labels)
    turns, epochs = _turns(count, epochs)
    ties, (tables, *layers) = net.ties, net.ties.places
    flat = np.concatenate([place.ravel() for place in layers])
    split, shapes = layers[0].size, [place.shape for place in layers]
    most = np.where(ties.groups == 0, RANGE, np.inf)
    looked_up = inputs.rows.shape[1] * tables.shape[1]
    own, of_own = np.unique(flat, return_inverse=True)
    state = [net.entries.copy(), *(bias.copy() for bias in net.biases)]
    moments = [(np.zeros_like(one), np.zeros_like(one)) for one in state]
    order = np.arange(count)
    for turn in range(epochs * turns):
        if turn % turns == 0:
            order = rng.permutation(count)
        batch = order[turn % turns * BATCH :][:BATCH]
        x, entries = numbers[batch], state[0]
        at = np.zeros((len(batch), 0), np.int64)
        if looked_up:
            rows = inputs.rows[batch]
            rows = np.where(rng.random(rows.shape) < UNKNOWN_SHARE, inputs.firsts, rows)
            at = tables[rows].reshape(len(batch), looked_up)
            x = np.hstack((entries[at] * net.factors[0], x))
        first = entries[flat[:split]].reshape(shapes[0]) * net.factors[1]
        second = entries[flat[split:]].reshape(shapes[1]) * net.factors[2]
        hidden = np.maximum(x @ first.T + state[1], 0)
        scores = hidden @ second.T + state[2]
        wrong = np.exp(scores - scores.max(axis=1, keepdims=True))
        wrong /= wrong.sum(axis=1, keepdims=True)
        wrong[np.arange(len(batch)), labels[batch]] -= 1
        wrong /= len(batch)
        back = wrong @ second * (hidden > 0)
        by_weight = np.concatenate(
            [(back.T @ x).ravel() * net.factors[1], (wrong.T @ hidden).ravel() * net.factors[2]]
        )
        which: Places | slice = ALL
        if looked_up:  # of large tables a step reaches few entries: the others stay as they are
            by_input = back @ first[:, :looked_up] * net.factors[0]
            near, reached = np.unique(at.ravel(), return_inverse=True)
            which = np.concatenate((own, near))
            slopes = np.bincount(of_own, by_weight), np.bincount(reached, by_input.ravel())
            slope = np.concatenate(slopes, dtype=np.float64)
        else:
            slope = np.asarray(np.bincount(flat, by_weight, len(entries)), np.float64)
        rate = STEP * 0.5 * (1 + np.cos(np.pi * turn / (epochs * turns)))
        _step(entries, moments[0], which, slope, rate, turn + 1)
        _step(state[1], moments[1], ALL, back.sum(axis=0), rate, turn + 1)
        _step(state[2], moments[2], ALL, wrong.sum(axis=0), rate, turn + 1)
        entries[which] *= 1 - DECAY
        if looked_up:
            entries[which] = np.clip(entries[which], -most[which], most[which])
        _zeroed(entries, ties)
    return replace(net, entries=state[0], biases=(state[1], state[2]))


def _turns(count: int, epochs: int | None) -> tuple[int, int]:
    """Return how many batches rows are, and how often all of them are learnt from."""
    turns = max(1, -(-count // BATCH))
    return turns, epochs or max(EPOCHS_LEAST, min(EPOCHS, TURNS // turns))


def _step(
    of: Floats,
    moments: tuple[Floats, Floats],
    which: Places | slice,
    slope: Floats,
    rate: float,
    turn: int,
) -> None:
    """Let some of the values that learn take a step of Adam."""
    mean, square = moments
    mean[which] += 0.1 * (slope - mean[which])
    square[which] += 0.001 * (slope**2 - square[which])
    spread = np.sqrt(square[which] / (1 - 0.999**turn)) + 1e-8
    of[which] -= rate * mean[which] / (1 - 0.9**turn) / spread


def _zeroed(entries: Floats, ties: Ties) -> Floats:
    if ties.zeros:
        entries[-ties.zeros :] = 0
    return entries


def shrunk(shapes: Shapes) -> tuple[int, ...]:
    """Return which matrices take less flash: tables, or layers where there are none."""
    return (0,) if shapes[0][0] else tuple(range(1, len(shapes)))


def pruned(net: Net, rate: float) -> Net:
    """Return a net, to be trained again, of 1 weight in `rate` of what shrinks: the largest."""
    kept, which = list[Places](), shrunk(shapes_of(net.ties))
    for n, place in enumerate(net.ties.places):
        most = np.argsort(-np.abs(net.entries[place.ravel()]), kind="stable")
        count = round(place.size / rate) if n in which else place.size
        kept.append(place.ravel()[np.sort(most[:count])])
    left = np.concatenate(kept)
    renamed = np.full(len(net.entries), len(left))
    renamed[left] = np.arange(len(left))
    groups = np.append(net.ties.groups[left], 0)
    ties = Ties(tuple(renamed[place] for place in net.ties.places), groups, zeros=1)
    return replace(net, ties=ties, entries=np.append(net.entries[left], 0.0))


def palettised(net: Net, bits: int) -> Net:
    """Return a net, to be trained again, of 2^bits different weights in each that shrinks.

    Those are the means of k-means, begun with quantiles. Ref: Han, Mao and Dally, arXiv 1510.00149.
    """
    size, which = 1 << bits, shrunk(shapes_of(net.ties))
    places, entries = list[Places](), list[Floats]()
    for n, place in enumerate(net.ties.places):
        weights, begin = net.entries[place], sum(map(len, entries))
        if n not in which:
            places.append(begin + np.arange(place.size).reshape(place.shape))
            entries.append(weights.ravel())
            continue
        means = np.quantile(weights, (np.arange(size) + 0.5) / size)
        codes = _nearest(weights, means)
        for _ in range(20):
            sums = np.bincount(codes.ravel(), weights.ravel(), size)
            counts = np.bincount(codes.ravel(), minlength=size)
            means = np.where(counts > 0, sums / np.maximum(counts, 1), means)
            codes = _nearest(weights, means)
        places.append(codes + begin)
        entries.append(means)
    groups = np.repeat(np.arange(len(entries)), [len(one) for one in entries])
    ties = Ties(tuple(places), groups)
    return replace(net, ties=ties, entries=np.concatenate(entries))


def _nearest(weights: Floats, means: Floats) -> Places:
    return np.asarray(np.abs(weights[..., None] - means).argmin(axis=-1), np.int64)


def shapes_of(ties: Ties) -> Shapes:
    """Return the shapes of tables and of layers."""
    return tuple((len(place), place.shape[1]) for place in ties.places)


def as_ints(net: Net, inputs: Inputs) -> IntNet:
    """Return a net as a board has it; `inputs` are what its inner range is found by."""
    ties, scales = net.ties, np.full(3, RANGE / MOST)
    for group in (1, 2):
        most = np.abs(net.entries[ties.groups == group]).max(initial=0.0)
        scales[group] = (most or 1.0) / MOST
    entries = np.rint(net.entries / scales[ties.groups]).astype(np.int8)
    steps = [float(scales[1]), float(scales[ties.groups.max()])]
    first = net.entries[ties.places[1]] * net.factors[1]
    most = 0.0
    for some in _slices(entries[ties.places[0]], inputs):
        sums = some / MOST @ first.T + net.biases[0]
        most = max(most, float(sums.max(initial=0.0)))
    hidden_step = (most or 1.0) / MOST
    sum_step = steps[0] * net.factors[1] / MOST
    second_step = steps[1] * net.factors[2] * hidden_step
    fraction, exponent = np.frexp(sum_step / hidden_step)
    shift = 30 - int(exponent)
    multiplier = int(np.ldexp(fraction, 30))
    return IntNet(
        ties, entries,
        (_biases(net.biases[0] / sum_step), _biases(net.biases[1] / second_step)),
        multiplier, shift,
    )  # fmt: skip


def _slices(tables: Int8, inputs: Inputs) -> Iterator[npt.NDArray[np.int64]]:
    """Yield what the first layer is given: rows of tables one after the other, then numbers.

    So many rows at a time that all of them, which may be gigabytes, are never held together.
    """
    wide = inputs.rows.shape[1] * tables.shape[1] + inputs.numbers.shape[1]
    count = max(1, SLICE // wide)
    for at in range(0, len(inputs.rows), count):
        rows = inputs.rows[at : at + count]
        looked_up = tables[rows].reshape(len(rows), -1)
        yield np.hstack((looked_up, inputs.numbers[at : at + count])).astype(np.int64)


def _biases(values: Floats) -> Int32:
    return np.clip(np.rint(values), -(1 << 30), 1 << 30).astype(np.int32)


def weights(net: IntNet) -> tuple[Int8, ...]:
    """Return the weights of tables and of layers, one by one."""
    return tuple(net.entries[place] for place in net.ties.places)


def answers(net: IntNet, inputs: Inputs) -> npt.NDArray[np.intp]:
    """Return the classes of rows, by the integers that a board computes."""
    tables, *layers = weights(net)
    first, second = (one.astype(np.int64) for one in layers)
    half, found = 1 << (net.shift - 1), [np.zeros(0, np.intp)]
    for some in _slices(tables, inputs):
        sums = some @ first.T + net.biases[0]
        wide = (sums * net.multiplier + half) >> net.shift
        hidden = np.where(sums <= 0, 0, np.minimum(wide, MOST))
        found.append((hidden @ second.T + net.biases[1]).argmax(axis=1))
    return np.concatenate(found)
