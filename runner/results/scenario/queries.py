"""Queries that were answered, many of them: kept as columns, some thirty bytes each."""

from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from . import Kind, Query

KINDS: tuple[Kind, ...] = ("query", "repeated", "known", "unseen", "answer")


class Queries:
    """A list of queries that only grows; each is made anew when it is asked for."""

    def __init__(self, queries: Iterable[Query] = ()) -> None:
        """Begin with some."""
        self._ends = array("q")
        """Of each query, behind its last inference."""
        self._host_us = array("q")
        self._kinds = array("b")
        self._samples = array("i")
        """Of each inference, as the next two."""
        self._device_us = array("q")
        self._answers = array("i")
        self._texts: dict[str, int] = {}
        """Answers, numbered: a DUT that computes has one to each input."""
        for query in queries:
            self.append(query)

    def append(self, query: Query) -> None:
        """Keep one more."""
        self._samples.extend(query.samples)
        self._device_us.extend(query.device_us)
        for text in query.results:
            self._answers.append(self._texts.setdefault(text, len(self._texts)))
        self._host_us.append(query.host_us)
        self._kinds.append(KINDS.index(query.kind))
        self._ends.append(len(self._samples))

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Query]:
        texts, start = list(self._texts), 0
        for end, host_us, kind in zip(self._ends, self._host_us, self._kinds, strict=True):
            yield Query(
                self._samples[start:end].tolist(),
                self._device_us[start:end].tolist(),
                host_us,
                [texts[number] for number in self._answers[start:end]],
                KINDS[kind],
            )
            start = end

    @property
    def texts(self) -> list[str]:
        """The different answers, in the order in which they first came."""
        return list(self._texts)

    def columns(self, kind: Kind) -> "Columns":
        """Return those of one kind as columns."""
        ends = np.array(self._ends, dtype=np.int64)
        starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
        wanted = np.array(self._kinds, dtype=np.int8) == KINDS.index(kind)
        inferences = np.repeat(wanted, ends - starts)
        counts = (ends - starts)[wanted]
        return Columns(
            counts,
            np.array(self._host_us, dtype=np.int64)[wanted],
            np.array(self._samples, dtype=np.int64)[inferences],
            np.array(self._device_us, dtype=np.int64)[inferences],
            np.array(self._answers, dtype=np.int64)[inferences],
        )


class Columns:
    """Queries of one kind: `counts` and `host_us` are (queries), the others (inferences)."""

    def __init__(
        self,
        counts: NDArray[np.int64],
        host_us: NDArray[np.int64],
        samples: NDArray[np.int64],
        device_us: NDArray[np.int64],
        answers: NDArray[np.int64],
    ) -> None:
        """`counts`: inferences of each query; `answers`: numbers of their texts."""
        self.counts, self.host_us = counts, host_us
        self.samples, self.device_us, self.answers = samples, device_us, answers

    @property
    def query_us(self) -> NDArray[np.int64]:
        """Of each query, the time of its inferences together, by the DUT's clock: (queries)."""
        sums = np.concatenate(([0], np.cumsum(self.device_us)))
        ends = np.cumsum(self.counts)
        return sums[ends] - sums[ends - self.counts]
