"""Rule on the figures of a result: each follows from the others, and none is out of this world."""

from collections.abc import Iterator
from typing import get_args

from ..results import score
from ..results.request import Mode
from ..results.result import Result
from .rule import RULES, Rule, Ruling

FIGURES = Rule("figures", RULES + ", results can be reproduced")
WANTED = "latency, VIPS and VOPS as computed from answers and windows"
EDITED = "the stored result was changed after the run: run it again"
RELATIVE = 1e-9


def rulings(result: Result) -> Iterator[Ruling]:
    """Yield what is wrong with the figures of a result, as far as it says of itself."""
    modes = get_args(Mode)
    if result.mode not in modes:
        yield FIGURES.broken(f"a mode: {', '.join(modes)}", result.mode, EDITED)
    try:
        wrong = [f"{name} {has}, not {found}" for name, has, found in _computed(result)]
    except ArithmeticError as error:
        wrong = [f"cannot be computed: {error}"]
    found = "; ".join(wrong) if wrong else "they are"
    yield FIGURES.judged(not wrong, WANTED, found, EDITED)


def _computed(result: Result) -> Iterator[tuple[str, object, object]]:
    """Yield each figure that is not what is computed: its name, what it is, what it would be."""
    accuracy, performance = result.accuracy, result.performance
    if performance is not None:
        again = score.performance(performance.windows, 0)
        if again is not None and not _close(performance.latency_s, again.latency_s):
            yield "latency", performance.latency_s, again.latency_s
    valid = score.valid_per_second(accuracy, performance, result.model.macs)
    for name, has, found in zip(("VIPS", "VOPS"), (result.vips, result.vops), valid, strict=True):
        if has is not None and (found is None or not _close(has, found)):
            yield name, has, found


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= RELATIVE * abs(other)
