"""Figures of the long tests, gathered in build/soak.json."""

import fcntl
import json
from collections.abc import Iterable

from tests import ROOT
from tests.bench.figures import Figure

OUT = ROOT / "build" / "soak.json"


def record(name: str, value: float, must: float, *, unit: str = "1", better: str) -> None:
    """Put one figure into build/soak.json and keep the others; several tests may do so at once.

    `better` is "lower" or "higher": the side of `must` on which `value` should be.
    """
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        figures = json.loads(text) if text else {}
        figures[name] = {"value": value, "unit": unit, "must": must, "better": better}
        file.truncate(0)
        file.write(json.dumps(dict(sorted(figures.items())), indent=2) + "\n")


def hold(figures: Iterable[Figure]) -> None:
    """Record figures of `make bench`, and fail, naming them, where some are not what they must be.

    There a figure that is missed is marked, and nothing fails.
    """
    missed = list[str]()
    for one in figures:
        if one.must is not None:
            record(one.name, one.value, one.must, unit=one.unit, better=one.better)
        if one.missed:
            missed.append(f"{one.name} is {one.value:.4g}, must be {one.must:.4g}: {one.where}")
    assert not missed, "; ".join(missed)
