"""Which sample each query asks for, and when it arrives: for a seed, the order of LoadGen.

LoadGen draws with C++'s std::mt19937 and the distributions of its wheels' library, libstdc++; what
these draw is a matter of that library, and is drawn here the same way.
Ref: mlcommons/inference, loadgen/loadgen.cc, GenerateLoadableSets and GenerateQueries.
"""

import math
from collections.abc import Iterator

import numpy as np

WORD = 1 << 32
"""Values of one draw of a Mersenne Twister."""
BLOCK = 1024
"""Draws made at a time."""


class Twister:
    """A generator whose words are those of std::mt19937 for the same seed, below 2^32."""

    def __init__(self, seed: int) -> None:
        """Begin with a seed; its lower 32 bits count, as in C++."""
        self._words = _words(seed % WORD)

    def word(self) -> int:
        """Return the next word."""
        return next(self._words)

    def below(self, end: int) -> int:
        """Return a number of 0 up to `end` - 1, each as likely.

        Ref: Lemire, "Fast random integer generation in an interval", ACM TOMACS 29, 2019.
        """
        product = self.word() * end
        if product % WORD < end:
            least = (WORD - end) % end
            while product % WORD < least:
                product = self.word() * end
        return product // WORD

    def share(self) -> float:
        """Return a number of [0, 1) from two words, as std::generate_canonical makes a double."""
        low, high = self.word(), self.word()
        found = (low + high * WORD) / (WORD * WORD)
        return math.nextafter(1.0, 0.0) if found >= 1.0 else found

    def shuffle(self, count: int) -> list[int]:
        """Return 0 up to `count` - 1 in random order; two swaps are drawn at once, while they fit.

        Ref: libstdc++, std::shuffle for a generator of many values.
        """
        order = list(range(count))
        if count < 2 or WORD // count < count:
            for at in range(1, count):
                _swap(order, at, self.below(at + 1))
            return order
        at = 1
        if count % 2 == 0:
            _swap(order, at, self.below(2))
            at += 1
        while at < count:
            both = self.below((at + 1) * (at + 2))
            _swap(order, at, both // (at + 2))
            _swap(order, at + 1, both % (at + 2))
            at += 2
        return order


def samples(count: int, streams: int, min_queries: int, seed: int) -> Iterator[list[int]]:
    """Yield, without end, the samples of each query, of a set of `count` that is loaded whole.

    `streams` samples a query; `min_queries` decides how much LoadGen has drawn before. `seed`:
    LoadGen's for the set and for the samples.
    """
    loaded = Twister(seed).shuffle(count)
    loaded += [loaded[at % count] for at in range(streams - 1)]
    draws = Twister(seed)
    draws.shuffle(-(-count // streams))
    for _ in range(0, min_queries, len(loaded)):
        draws.shuffle(len(loaded))
    while True:
        first = draws.below(count)
        yield loaded[first : first + streams]


def batch(count: int, seed: int) -> Iterator[list[int]]:
    """Yield, without end, the samples of the offline scenario's one query, each by itself.

    LoadGen repeats the whole set, in the order in which it was loaded.
    """
    loaded = Twister(seed).shuffle(count)
    while True:
        yield from ([number] for number in loaded)


def gaps(count: int, seed: int) -> np.ndarray:
    """Return (count) times between arrivals of a Poisson process whose mean is 1."""
    draws = Twister(seed)
    return np.array([-math.log(1 - draws.share()) for _ in range(count)])


def arrivals_s(mean_gaps: np.ndarray, rate_per_s: float) -> np.ndarray:
    """Return when queries arrive at a rate, by `gaps`: the first at 0, in whole nanoseconds."""
    each_ns = np.floor(mean_gaps[:-1] / rate_per_s * 1e9)
    return np.concatenate(([0.0], np.cumsum(each_ns))) * 1e-9


def _swap(order: list[int], one: int, other: int) -> None:
    order[one], order[other] = order[other], order[one]


def _words(seed: int) -> Iterator[int]:
    generator = np.random.RandomState(seed)
    while True:
        yield from generator.randint(0, WORD, BLOCK, dtype=np.uint32).tolist()
