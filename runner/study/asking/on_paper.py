"""What is known of a study before its board, its model and its data: by the study's own checks.

A lab asks it when a job is submitted, for what is wrong on paper is not waited for. It is late with
its imports: only the study that is asked for is read.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinybench.scratch import scratch

from ...results.defaults import DEFAULT_BOARD
from ...results.words import request_of
from .options import BLOCKS, LAYER, RATES, Value

Said = Mapping[str, Value | Sequence[str]]


@dataclass(frozen=True)
class Paper:
    """A study as it is asked for; `said`: its options, each of its kind as in `options`."""

    said: Said
    task: str | None = None
    board: str | None = None
    """A kind of board; None: one that is not known yet."""
    emulate: bool = False
    model: bool = False
    """Whether one's own is sent with it ..."""
    csv: bool = False
    """... or rows of one's own."""

    def text(self, name: str, otherwise: str = "") -> str:
        """Return an option as it was typed."""
        return str(self.said.get(name, otherwise))

    def whole(self, name: str, otherwise: int = 1) -> int:
        """Return an option that is a whole number."""
        return int(str(self.said.get(name, otherwise)))

    def words(self, name: str, otherwise: str = "") -> tuple[str, ...]:
        """Return an option that is a list with commas between."""
        return tuple(word.strip() for word in self.text(name, otherwise).split(","))

    def numbers(self, name: str, otherwise: str = "") -> tuple[float, ...]:
        """Return an option that is a list of numbers."""
        return tuple(float(word) for word in self.words(name, otherwise))


def insist_on_paper(study: str, of: Paper) -> None:
    """Raise UsageError for a study that could be done on no board, with no model and no data.

    Its options are of their kinds, as `insist_options` says.
    """
    _CHECKS[study](of)
    if "shards" in of.said:
        from ..shards import insist_shards

        words = {"board": of.board or DEFAULT_BOARD, "emulate": of.emulate}
        insist_shards(of.whole("shards"), words)


def _noise(of: Paper) -> None:
    from ..noise.asked import OPTIONS, amounts_of, insist_noise
    from ..subject import ANY_METRIC, task_for

    noise = of.text("noise", "gaussian")
    amounts = amounts_of(noise, {name: of.numbers(name) for name in OPTIONS if name in of.said})
    insist_noise(noise, amounts, of.whole("trials"))
    if of.task is not None:
        task_for(of.task, ANY_METRIC)


def _classic(of: Paper) -> None:
    from ..classic.classic import insist_threads
    from ..rows import task_to_learn

    insist_threads(of.whole("threads"))
    if of.task is not None:
        task_to_learn(of.task, beside=True)


def _compress(of: Paper) -> None:
    from ..compress.asked import HIDDEN, METHODS, insist_compress, insist_ways, keeps_layers
    from ..rows import task_to_learn
    from ..subject import ANY_METRIC, task_for

    layers = keeps_layers(of.task, layers=bool(of.said.get("layers")), model=of.model)
    if of.task is not None and layers:
        insist_ways(of.words("methods", ",".join(METHODS)), of.numbers("rates", RATES))
        task_for(of.task, ANY_METRIC)
        return
    insist_compress(
        of.words("methods", ",".join(METHODS)), of.numbers("rates", RATES),
        of.whole("hidden", HIDDEN), of.whole("trials"),
        of.whole("width") if "width" in of.said else None,
        tables=of.csv or bool(of.said.get("tables")),
    )  # fmt: skip
    if of.task is not None:
        task_to_learn(of.task)


def _sparsity(of: Paper) -> None:
    from ..sparsity.matrices import insist_shape, made_name
    from ..sparsity.pruned import block_of
    from ..sparsity.sparsity import SCHEMES, insist_layers, insist_sparsity, insist_together
    from ..subject import SINGLE, task_for

    flags = {name: bool(of.said.get(name)) for name in ("convolutions", "windows")}
    of_task = of.model or "limit" in of.said or any(of.said.get(n) for n in ("mend", "learn"))
    out_c, in_c = map(int, of.text("shape", LAYER).split("x"))
    shape = out_c, in_c
    insist_together(of.task, shape if "shape" in of.said else None, of_task=of_task, **flags)
    blocks = [block_of(word) for word in of.words("blocks", BLOCKS)]
    rates = insist_sparsity(of.numbers("rates", RATES), blocks)
    if of.task is not None:
        task_for(of.task, SINGLE)
        return
    insist_shape(shape)
    schemes = of.words("scheme", ",".join(SCHEMES[:1]))
    insist_layers([(made_name(shape), shape)], rates, schemes, blocks)


def _quantisation(of: Paper) -> None:
    from ..subject import ANY_METRIC, task_for

    if of.task is not None:
        task_for(of.task, ANY_METRIC)


def _sweep(of: Paper) -> None:
    by = of.said.get("by", ())
    said = {name: value for name, value in of.said.items() if name in _OF_RUN}
    said |= {"emulate": of.emulate, **({} if of.task is None else {"task": of.task})}
    texts = (by,) if isinstance(by, str) else tuple(map(str, by)) if isinstance(by, list) else ()
    _insist_sweep(texts, of.whole("repeats"), of.board, tuple(sorted(said.items())))


_OF_RUN = ("profile", "mode", "limit")


@functools.lru_cache(maxsize=256)
def _insist_sweep(
    by: tuple[str, ...], repeats: int, board: str | None, said: tuple[tuple[str, Any], ...]
) -> None:
    """Look at each level, once for all jobs that vary the same."""
    from ..sweep.asked import insist_factors
    from ..sweep.factors import factor, insist_levels

    factors = [factor(text) for text in by]
    insist_factors(factors, repeats)
    words: dict[str, Any] = {**dict(said), "board": board or DEFAULT_BOARD}
    asked: dict[str, Any] = {"task": "kws", **words}
    request_of(**asked)
    if board is None:  # keys are those of a board, and it may be any
        factors = [one for one in factors if one.key is None]
    with scratch() as tried:
        insist_levels(factors, words, tried, here=False)


_CHECKS: dict[str, Callable[[Paper], None]] = {
    "noise": _noise,
    "classic": _classic,
    "compress": _compress,
    "sparsity": _sparsity,
    "quantisation": _quantisation,
    "sweep": _sweep,
}
