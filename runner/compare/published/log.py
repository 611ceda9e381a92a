"""The answers of a run beside those of a published accuracy log, input by input."""

from pathlib import Path

import msgspec

from tinybench.errors import ProtocolError, UsageError
from tinybench.plural import counted

from ...audit import eembc, runner13
from ...audit.evidence import Evidence
from ...audit.text import lines, shown
from ...build.task import load_task
from ...dut.inference import answered
from ...results.result import Answer, Result
from ...results.score import arg_max

HEAD_LINES = 40
SHOWN = 20
"""Inputs that differ and are listed."""

Rows = list[tuple[float, ...]]
"""The outputs of each inference on one input."""


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """An input that was answered otherwise."""

    input: str
    inferences: int
    """... of it that differ; of an input with one, 1."""
    largest: float
    """Largest difference of an output."""
    ours: str
    """Outputs of the first inference that differs."""
    published: str
    other_class: bool
    """Whether the largest output is another one."""


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A run and a log beside each other."""

    log: str
    decimals: int
    """Answers were compared to so many, the fewest that either has."""
    compared: int
    """Inputs that both have answered."""
    alike: int
    differing: list[Differing]
    """All of them, in the order of the run."""
    only_ours: list[str]
    only_published: list[str]

    @property
    def same(self) -> bool:
        """Whether both have the same inputs with the same answers."""
        return self.alike == self.compared and not (self.only_ours or self.only_published)


def beside(result: Result, log: Path) -> Beside:
    """Compare a run's answers with a log.txt, of any round, or a results.json of v1.3.

    Raises UsageError for what is no such log, or a run without answers.
    """
    answers = result.accuracy.answers if result.accuracy else []
    if not answers:
        raise UsageError(f"this run of {result.task} has no answers: run --mode accuracy or all")
    evidence = _read(log)
    published: dict[str, Rows] = {}
    for one in evidence.inferred:
        published.setdefault(one.input, []).append(one.outputs)
    width = load_task(result.task).result_count
    decimals = min(max(one.decimals for one in evidence.inferred), _decimals(answers))
    differing: list[Differing] = []
    compared = 0
    for answer in answers:
        if answer.input not in published:
            continue
        compared += 1
        found = _differing(answer.input, _rows(answer, width), published[answer.input], decimals)
        if found is not None:
            differing.append(found)
    names = {answer.input for answer in answers}
    return Beside(
        log=shown(log.name),
        decimals=decimals,
        compared=compared,
        alike=compared - len(differing),
        differing=differing,
        only_ours=[answer.input for answer in answers if answer.input not in published],
        only_published=[name for name in published if name not in names],
    )


def words(found: Beside) -> list[str]:
    """Return what a comparison has found, a line each."""
    said = [
        f"{found.alike} of {found.compared} inputs are answered as in {found.log}, to "
        f"{found.decimals} decimals"
    ]
    classes = sum(one.other_class for one in found.differing)
    if found.differing:
        said.append(f"{len(found.differing)} are answered otherwise, {classes} with another class:")
    for one in found.differing[:SHOWN]:
        many = f" in {one.inferences} inferences" if one.inferences > 1 else ""
        said.append(
            f"  {one.input}{many}: up to {one.largest:.{found.decimals}f} off; "
            f"ours [{one.ours}], published [{one.published}]"
        )
    if len(found.differing) > SHOWN:
        said.append(f"  and {len(found.differing) - SHOWN} more")
    for names, where in (
        (found.only_ours, "the run"),
        (found.only_published, "the log"),
    ):
        if names:
            said.append(f"in {where} only: {counted(len(names), 'input')}, such as {names[0]}")
    if not found.compared:
        said.append("not one input is in both: are they of the same task and list?")
    return [shown(line) for line in said]


def _read(log: Path) -> Evidence:
    """Return what a log says. Raises UsageError when it says nothing."""
    if not log.is_file():
        raise UsageError(f"{log}: there is no such file; give a published log.txt or results.json")
    try:
        if log.suffix == ".json":
            evidence = runner13.read_json(log)
        else:
            head = "\n".join(line for line, _ in zip(lines(log), range(HEAD_LINES), strict=False))
            old = eembc.is_eembc(head)
            evidence = eembc.read_log(log) if old else runner13.read_log(log)
    except (OSError, ValueError) as error:
        raise UsageError(f"{log}: cannot be read: {shown(str(error))}") from error
    evidence.inferred = [one for one in evidence.inferred if one.outputs]  # the others say nothing
    if not evidence.inferred:
        raise UsageError(
            f"{log}: no inference in it; give the log.txt, or results.json, of a published "
            "accuracy mode"
        )
    return evidence


def _decimals(answers: list[Answer]) -> int:
    words = (word for answer in answers for word in answer.results.split(","))
    return max(len(word.strip().partition(".")[2]) for word in words)


def _rows(answer: Answer, width: int) -> Rows:
    try:
        values = answered(answer.results)
    except ProtocolError as error:
        raise UsageError(f"{answer.input}: the run's answer is no list of numbers") from error
    return [tuple(values[at : at + width]) for at in range(0, len(values), width)]


def _differing(name: str, ours: Rows, published: Rows, decimals: int) -> Differing | None:
    """Return how the answers to one input differ; None where they do not.

    Less than a step of the last digit is no difference: firmware rounds or cuts off.
    """
    step = 10.0**-decimals * (1 - 1e-6)
    pairs = list(zip(ours, published, strict=False))
    other = [
        (own, their)
        for own, their in pairs
        if len(own) != len(their)
        or any(abs(a - b) >= step for a, b in zip(own, their, strict=True))
    ]
    lacking = abs(len(ours) - len(published))
    if not other and not lacking:
        return None
    own, their = other[0] if other else (ours[0], published[0])
    return Differing(
        input=name,
        inferences=len(other) + lacking,
        largest=max((abs(a - b) for p in other for a, b in zip(*p, strict=False)), default=0.0),
        ours=_text(own, decimals),
        published=_text(their, decimals),
        other_class=any(arg_max(a) != arg_max(b) for a, b in other if len(a) == len(b)),
    )


def _text(values: tuple[float, ...], decimals: int) -> str:
    return ",".join(f"{value:.{decimals}f}" for value in values)
