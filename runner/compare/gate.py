"""Differences of metrics, and gates on them: changes that may not be."""

import re
import statistics
from collections.abc import Sequence

import msgspec

from tinybench.declare import nearest
from tinybench.errors import UsageError

from .metrics import METRICS, UNITS, Metric


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One metric, old and new, in the SI unit of METRICS."""

    task: str
    board: str
    metric: str
    unit: str
    label: str
    """"emulated" or "modelled", or empty for a measurement."""
    old: float | None
    new: float | None
    difference: float | None
    relative: float | None
    """Of the old value; None where that is 0."""
    real: bool | None
    """Whether it is more than noise; None where too few windows tell."""
    why: str


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A change that may not be: beyond `limit`, a share of the old value or in SI units."""

    text: str
    metric: str
    sign: int
    """1: more than the limit fails; -1: less."""
    limit: float
    relative: bool


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that failed, and where."""

    gate: str
    task: str
    board: str
    found: str


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that is undecided: the windows are too noisy to see the change that it asks about."""

    gate: str
    task: str
    board: str
    found: str


def parse_gate(text: str) -> Gate:
    """Return a gate such as "latency>2%", "accuracy<-0.5pt" or "flash>1KiB".

    Raises UsageError with what would be right.
    """
    match = re.fullmatch(
        r"\s*([a-z_0-9]+)\s*([<>])\s*([+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(\S*)\s*", text
    )
    examples = "'latency>2%', 'accuracy<-0.5pt', 'flash>1KiB' or 'instructions>0'"
    if match is None:
        raise UsageError(f"--fail-on '{text}': give a metric, < or >, and a change: {examples}")
    name, sign, number, unit = match.groups()
    if name not in METRICS:
        raise UsageError(f"--fail-on '{text}': no metric '{name}': {nearest(name, METRICS)}")
    units = {"%": 0.01} | UNITS[METRICS[name]]
    if unit not in units:
        known = ", ".join(word or "no unit" for word in units)
        raise UsageError(f"--fail-on '{text}': the unit of a change of {name} is one of: {known}")
    limit = float(number) * units[unit]
    if limit and (limit > 0) != (sign == ">"):
        raise UsageError(
            f"--fail-on '{text}': it is true of no change at all; more is '>' with a positive "
            f"number, less is '<' with a negative one, as in {examples}"
        )
    return Gate(
        text=text.strip(),
        metric=name,
        sign=1 if sign == ">" else -1,
        limit=limit,
        relative=unit == "%",
    )


def too_noisy(gate: Gate, old: Metric, new: Metric) -> str:
    """Return why a change of the size that a gate asks about would not be seen; "" where it would.

    The rank sum test of five windows against five tells them apart where hardly one of them lies
    among the others: where a change is as large as the windows of a run differ.
    """
    if old.exact or new.exact or not old.value:
        return ""
    limit = abs(gate.limit if gate.relative else gate.limit / old.value)
    spread = max(_spread(old.samples), _spread(new.samples))
    if spread <= limit:
        return ""
    return (
        f"the windows of a run differ by {spread:.2%}, so that a change of {limit:.2%} cannot be "
        "seen; run it again with nothing else on the line or the computer, or allow more"
    )


def _spread(samples: Sequence[float]) -> float:
    """Return how far windows differ, as a share of the middle one."""
    middle = statistics.median(samples) if samples else 0.0
    return (max(samples) - min(samples)) / middle if middle else 0.0


def failures_of(gate: Gate, differences: list[Difference]) -> list[Failure]:
    """Return where a gate fails: beyond its limit and not known to be noise, or not measured."""
    lines = [line for line in differences if line.metric == gate.metric and line.old is not None]
    if not lines:
        raise UsageError(
            f"--fail-on '{gate.text}': BASE has no {gate.metric} of what is compared, so this "
            "could never fail; run that mode, or leave it out"
        )
    failures = []
    for line in lines:
        change = line.relative if gate.relative else line.difference
        if line.new is None:
            found = f"HEAD has no {gate.metric}"
        elif change is None:  # a percentage of nothing: any growth is beyond it
            if not line.difference or line.difference * gate.sign <= 0:
                continue
            found = f"{line.old:g} became {line.new:g}"
        elif (change - gate.limit) * gate.sign > 0 and line.real is not False:
            unit = "" if line.unit == "1" else f" {line.unit}"
            found = f"{change:+.3%}" if gate.relative else f"{change:+.6g}{unit}"
        else:
            continue
        failures.append(Failure(gate=gate.text, task=line.task, board=line.board, found=found))
    return failures
