"""Learning as the firmware does it, in NumPy: the same operations on float32 in the same order.

Ref: firmware/train/learn.c, firmware/kernels/exponential.c.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .head import Floats
from .variant import Variant

F = np.float32
MASK = 0xFFFFFFFF
Words = npt.NDArray[np.uint32]


def exponential(x: Floats) -> Floats:
    """Return exp(x) for x <= 0 as the firmware's kernel has it; NaN stays."""
    clipped = np.where(x < F(-103.972084), F(-103.972084), x).astype(F)
    half = np.where(clipped < 0, F(-0.5), F(0.5))
    n = np.nan_to_num(clipped * F(1.44269504) + half).astype(np.int32)
    high = clipped - n.astype(F) * F(0.693145752)
    part = n.astype(F) * F(1.42860677e-6)
    rest = high - part
    low = (high - rest) - part
    square = rest * rest
    p = F(1.98412698e-4)
    for c in (1.38888889e-3, 8.33333333e-3, 4.16666667e-2, 1.66666667e-1):
        p = p * rest + F(c)
    value = F(1) + (rest + (square * F(0.5) + (square * rest * p + (low + low * rest))))
    small = n < -126
    scaled = value * np.ldexp(F(1), np.where(small, n + 64, n)).astype(F)
    scaled = np.where(small, scaled * F(2.0**-64), scaled)
    return np.where(x < F(-103.972084), F(0), scaled).astype(F)


def logarithm(x: np.float32) -> np.float32:
    """Return ln(x), x >= 1 or NaN, as the firmware's kernel has it."""
    if not np.isfinite(x):
        return x
    bits = (int(x.view(np.uint32)) + 0x3F800000 - 0x3F3504F3) & MASK
    n = F((bits >> 23) - 127)
    f = np.uint32((bits & 0x7FFFFF) + 0x3F3504F3).view(F) - F(1)
    s = f / (F(2) + f)
    z = s * s
    p = F(1.81818182e-1)
    for c in (2.22222222e-1, 2.85714286e-1, 4.00000000e-1, 6.66666667e-1):
        p = p * z + F(c)
    half = F(0.5) * f * f
    small = s * (half + z * p) + n * F(1.42860677e-6)
    return n * F(0.693145752) - ((half - small) - f)


class Hidden:
    """A layer with ReLU that learns before the head."""

    def __init__(self, weights: Floats) -> None:
        """Begin from weights [units][body], with biases of 0."""
        self._weights, self._gathered = weights.copy(), np.zeros_like(weights)
        self._biases, self._gathered_biases = np.zeros((2, len(weights)), F)

    def forward(self, given: Floats) -> Floats:
        """Return what the units give [units] of what the model gave [body]."""
        sums = np.cumsum(self._weights * given, axis=1, dtype=F)[:, -1] + self._biases
        return np.where(sums < 0, F(0), sums).astype(F)

    def add(self, slopes: Floats, given: Floats) -> None:
        """Gather the gradient: how the loss rises with each unit."""
        self._gathered += slopes[:, None] * given
        self._gathered_biases += slopes

    def step(self, rate: np.float32, momentum: np.float32) -> None:
        """Change the weights."""
        self._weights -= rate * self._gathered
        self._gathered *= momentum
        self._biases -= rate * self._gathered_biases
        self._gathered_biases *= momentum

    def parts(self) -> list[Floats]:
        """Return all that it has, as the firmware reads it out."""
        weights, gathered = self._weights.ravel(), self._gathered.ravel()
        return [weights, self._biases, gathered, self._gathered_biases]

    def load(self, values: Floats) -> None:
        """Go on from all that it had."""
        units, size = len(self._biases), self._weights.size
        ends = np.cumsum([size, units, size])
        weights, self._biases, gathered, self._gathered_biases = (
            one.copy() for one in np.split(values, ends)
        )
        shape = self._weights.shape
        self._weights, self._gathered = weights.reshape(shape), gathered.reshape(shape)


@dataclass
class Learner:
    """A head that learns in NumPy."""

    variant: Variant
    rate: float
    momentum: float
    batch: int
    seed: int
    weights: Floats = field(init=False)
    """[classes][features]; of ints the steps."""
    biases: Floats = field(init=False)
    gathered: Floats = field(init=False)
    """[rows][columns] that learn."""
    gathered_biases: Floats = field(init=False)
    hidden: "Hidden | None" = field(init=False)
    random: int = field(init=False)
    losses: np.float32 = field(init=False)
    saturated: int = 0

    def __post_init__(self) -> None:
        """Begin from the weights of the variant."""
        of = self.variant
        self.weights, self.biases = of.weights.astype(F), of.biases.astype(F)
        self.gathered = np.zeros((len(of.rows), len(of.columns)), F)
        self.gathered_biases = np.zeros(len(of.rows), F)
        self.hidden = None if of.hidden is None else Hidden(of.hidden)
        self.random = self.seed or 1
        self.losses = F(0)
        self._rows = np.array(of.rows, np.intp)
        self._part = np.ix_(self._rows, np.array(of.columns, np.intp))
        self._columns = np.array(of.columns, np.intp)

    def forward(self, features: Floats) -> tuple[Floats, Floats]:
        """Return logits and probabilities [classes] of features [features]."""
        products = self.weights * features
        # Along the features one by one: a sum of NumPy's would be pairwise.
        sums = np.cumsum(products, axis=1, dtype=F)[:, -1]
        if self.variant.bits != 32:
            sums = sums * self.variant.scales
        logits = (sums + self.biases).astype(F)
        each = exponential(logits - logits.max())
        return logits, each / np.cumsum(each, dtype=F)[-1]

    def add(self, given: Floats, label: int, data: bytes = b"") -> None:
        """Gather the gradient of one sample: what the model gave; `data`: its input as floats."""
        features = given if self.hidden is None else self.hidden.forward(given)
        logits, shares = self.forward(features)
        share = F(1) / F(self.batch)
        if self.variant.squared:
            errors = logits - np.frombuffer(data, "<f4")
            self.losses = self.losses + np.cumsum(errors * errors, dtype=F)[-1] / F(len(errors))
            errors *= F(2) / F(len(errors)) * share
        else:
            self.losses = self.losses + self._entropy(logits, label)
            errors = shares
            errors[label] -= F(1)
            errors *= share
        own = errors[self._rows]
        self.gathered += own[:, None] * features[self._columns]
        self.gathered_biases += own
        if self.hidden is not None:
            slopes = np.cumsum(errors[:, None] * self.weights, axis=0, dtype=F)[-1]
            self.hidden.add(np.where(features > 0, slopes, F(0)), given)

    def _entropy(self, logits: Floats, label: int) -> np.float32:
        greatest = logits.max()
        total = np.cumsum(exponential(logits - greatest), dtype=F)[-1]
        return logarithm(total) - (logits[label] - greatest)

    def step(self) -> float:
        """Change the weights by a batch; return its mean loss."""
        of, rate = self.variant, F(self.rate)
        loss, self.losses = self.losses * (F(1) / F(self.batch)), F(0)
        if self.hidden is not None:
            self.hidden.step(rate, F(self.momentum))
        rates = np.full(len(of.rows), rate, F)
        if of.bits != 32:
            rates = rate / of.scales[self._rows]
        moved = self.weights[self._part] - rates[:, None] * self.gathered
        if of.bits != 32:
            limit = (1 << (of.bits - 1)) - 1
            moved = moved + self._shares(moved.size).reshape(moved.shape)
            self.saturated = int(((moved >= limit + 1) | (moved < -limit)).sum())
            moved = np.clip(np.floor(moved), -limit, limit)
        self.weights[self._part] = moved
        self.gathered *= F(self.momentum)
        self.biases[self._rows] -= rate * self.gathered_biases
        self.gathered_biases *= F(self.momentum)
        return float(loss)

    def _shares(self, count: int) -> Floats:
        found = np.empty(count, F)
        state = self.random
        for i in range(count):
            state ^= state << 13 & MASK
            state ^= state >> 17
            state ^= state << 5 & MASK
            found[i] = (state >> 8) * 2.0**-24
        self.random = state
        return found

    def words(self) -> Words:
        """Return all of learning as the firmware reads it out."""
        of = self.variant
        weights = self.weights[self._part].ravel()
        first = weights.view(np.uint32) if of.bits == 32 else weights.astype(np.int32)
        rest = (self.biases[self._rows], self.gathered.ravel(), self.gathered_biases)
        parts = [] if self.hidden is None else [one.view(np.uint32) for one in self.hidden.parts()]
        parts += [first.astype(np.uint32), *(one.astype(F).view(np.uint32) for one in rest)]
        return np.concatenate([*parts, np.array([self.random], np.uint32)])

    def load(self, words: Words) -> None:
        """Go on from what `words` returned."""
        of = self.variant
        if self.hidden is not None:
            self.hidden.load(words[: of.hidden_words].view(F))
            words = words[of.hidden_words :]
        weights, rows = of.trained, len(of.rows)
        first = words[:weights]
        values = first.view(F) if of.bits == 32 else first.view(np.int32).astype(F)
        self.weights[self._part] = values.reshape(self.gathered.shape)
        reals = words[weights:-1].view(F)
        self.biases[self._rows] = reals[:rows]
        self.gathered = reals[rows : rows + weights].reshape(self.gathered.shape).copy()
        self.gathered_biases = reals[rows + weights :].copy()
        self.random = int(words[-1])
