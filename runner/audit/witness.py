"""Hold what a run claims against its second witness: the log, and each other file that states it.

A results.json or results.txt repeats what is claimed; a figure computed from one proves nothing
about the other.
"""

import statistics
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import msgspec

from ..rules import RULES, Violation
from .evidence import Fact, Inferred
from .judging.run import equal
from .printed import Printed, PrintedWindow, half
from .read import Read
from .result import Figure
from .runner13 import TICK_S
from .text import shown

CLAUSE = RULES + ", results can be reproduced"
LOG_STEP_US = 1000
"""The v1.3 runner's log prints milliseconds."""
STATED = {
    "top-1": "top1_percent",
    "AUC": "auc",
    "energy": "energy_uj",
    "duty cycle": "duty_cycle",
    "period": "period_s",
}
WINDOW = {
    "runtime_s": "s",
    "throughput_per_s": "inf./s",
    "energy_uj": "uJ",
    "per_inference_uj": "uJ/inf.",
    "power": "",
}
"""Figures of a printed window, with their units."""


def figures(run: Read, found: Sequence[Figure]) -> list[Figure]:
    """Return the figures, those that another file contradicts as differing."""
    return [_against_log(run, _against_statements(run, one)) for one in found]


def judge(run: Read) -> Iterator[Violation]:
    """Yield each kind of fact that two files of the run state differently."""
    for name, facts in _facts(run):
        if facts:
            claimed, other = facts[0]
            more = f"; so {len(facts)} of its kind" if len(facts) > 1 else ""
            advice = "publish the files as the runner wrote them"
            yield Violation("files-differ", CLAUSE, f"{name}: {other}", f"{claimed}{more}", advice)


def _facts(run: Read) -> Iterator[tuple[str, list[Fact]]]:
    """Yield kinds of facts, each with those that differ."""
    if run.evidence is not run.log and run.log_name:
        yield from _stored_against_log(run)
    kinds = dict.fromkeys(kind for kind, _ in run.evidence.contrary)
    for kind in kinds:  # of one file with itself
        facts = [(shown(a), shown(b)) for of, (a, b) in run.evidence.contrary if of == kind]
        yield f"{kind} in {run.source}", facts
    stated = [(name, printed) for name, printed in run.statements if not printed.empty]
    for name, printed in stated[:1]:
        for other_name, other in stated[1:]:
            for windows, others in (
                (printed.performance, other.performance),
                (printed.energy, other.energy),
            ):
                yield "the printed window", _windows(name, windows, other_name, others)
    for name, printed in stated:
        yield "iterations of a window", _windows_against_log(run, name, printed)


def _stored_against_log(run: Read) -> Iterator[tuple[str, list[Fact]]]:
    """Yield where results.json and the log differ: inferences, traces and detections."""
    file, log = run.source, run.log_name
    stored = run.evidence.inferred
    asked = run.log.asked
    if stored and len(asked) == len(stored):
        yield (
            "iterations",
            [
                (
                    f"{one.iterations} for {shown(one.input)} in {file}",
                    f"{iterations} for {shown(name)} in {log}",
                )
                for one, (name, iterations) in zip(stored, asked, strict=True)
                if (one.input, one.iterations) != (name, iterations)
            ],
        )
    elif stored and asked and not (run.log.retries or run.log.faults):  # which are asked again
        yield "inferences", [(f"{len(stored)} in {file}", f"{len(asked)} in {log}")]
    if run.log.inferred and run.log.inferred is not stored:
        answers = {(one.input, one.offset): one for one in run.log.inferred}
        pairs = [(one, answers.get((one.input, one.offset))) for one in stored]
        both = [(one, other) for one, other in pairs if other is not None]
        yield (
            "run time",
            [
                (f"{_s(one)} for {shown(one.input)} in {file}", f"{_s(other)} in {log}")
                for one, other in both
                if one.elapsed_us is not None
                and other.elapsed_us is not None
                and abs(one.elapsed_us - other.elapsed_us) > LOG_STEP_US
            ],
        )
        yield (
            "outputs",
            [
                (f"{_outputs(one)} for {shown(one.input)} in {file}", f"{_outputs(other)} in {log}")
                for one, other in both
                if not equal(one, other)
            ],
        )
    if run.log.captured:
        counts = zip_longest(run.evidence.captured, run.log.captured, fillvalue=(0, 0))
        yield "the trace", [
            (f"{a[0]} samples and {a[1]} edges in trace {number} of {file}",
             f"{b[0]} and {b[1]} in {log}")
            for number, (a, b) in enumerate(counts, start=1)
            if a != b
        ]  # fmt: skip
    mine, theirs = run.evidence.stream, run.log.stream
    if mine and theirs and theirs.starts_s and theirs.stops_s:
        yield "start and stop of an inference", [
            (f"{a:.5f} s in {file}", f"{b:.5f} s in {log}")
            for ours, logged in (
                (mine.starts_s, theirs.starts_s), (mine.stops_s, theirs.stops_s)
            )
            for a, b in zip(ours, logged, strict=False)
            if abs(a - b) > TICK_S / 2
        ]  # fmt: skip
    if mine and theirs and mine.detections_ms != theirs.detections_ms:
        yield "detections", [
            (f"{len(mine.detections_ms)} time stamps in {file}, of which the first that differs is "
             f"{_first(mine.detections_ms, theirs.detections_ms)}",
             f"{len(theirs.detections_ms)} in {log}, "
             f"{_first(theirs.detections_ms, mine.detections_ms)}")
        ]  # fmt: skip


def _windows(
    name: str, windows: Sequence[PrintedWindow], other_name: str, others: Sequence[PrintedWindow]
) -> list[Fact]:
    """Return what two files print of the same window and is not the same."""
    by_number = {one.number: one for one in others}
    found: list[Fact] = []
    for one in windows:
        other = by_number.get(one.number)
        if other is None:
            continue
        if None not in (one.iterations, other.iterations) and one.iterations != other.iterations:
            found.append(
                (f"{one.iterations} inferences in window {one.number} of {name}",
                 f"{other.iterations} in {other_name}")
            )  # fmt: skip
        for key, unit in WINDOW.items():
            mine, theirs = getattr(one, key), getattr(other, key)
            if key == "power" and one.units.get("power") != other.units.get("power"):
                continue
            if not _same(mine, theirs):
                found.append(
                    (f"{mine} {unit} in window {one.number} of {name}",
                     f"{theirs} {unit} in {other_name}")
                )  # fmt: skip
    return found


def _windows_against_log(run: Read, name: str, printed: Printed) -> list[Fact]:
    """Return windows whose iterations are not those that the log says were run."""
    if name == run.log_name:
        return []
    windows = printed.performance or printed.energy
    ran = run.log.asked or [(one.input, one.iterations) for one in run.log.inferred]
    if len(windows) != len(ran):
        return []
    return [
        (f"{window.iterations} inferences in window {window.number} of {name}",
         f"{iterations} for {shown(input_)} in {run.log_name}")
        for window, (input_, iterations) in zip(windows, ran, strict=True)
        if window.iterations not in (None, iterations)
    ]  # fmt: skip


def _against_statements(run: Read, one: Figure) -> Figure:
    """Return the figure, differing where another file states it otherwise."""
    if one.reproduced is False:
        return one
    for name, printed in run.statements:
        other = _stated(printed, one)
        if name != run.printed_in and other and not _agree(one.published, other):
            return _differing(one, other, f"{name}, which states another than {run.printed_in}")
    return one


def _stated(printed: Printed, one: Figure) -> str:
    if one.name == "detections":
        return "TP {} FN {} FP {}".format(*printed.stream) if printed.stream else ""
    if one.name == "throughput":
        return printed.throughput_per_s or printed.stream_throughput_per_s
    return getattr(printed, STATED.get(one.name, ""), "")


def _against_log(run: Read, one: Figure) -> Figure:
    """Return the throughput, differing where the run times of the log give another.

    One that was computed from printed windows is reproduced where those of the log agree.
    """
    timed = [(o.iterations, o.elapsed_us) for o in run.log.inferred if o.elapsed_us]
    if one.name != "throughput" or one.reproduced is False or not timed or run.mode == "energy":
        return one
    windows = len(run.evidence.inferred) or len(run.printed.performance)
    if run.eembc or len(timed) != windows:
        return one  # of EEMBC's it was computed from the log already
    slack_us = LOG_STEP_US / 2
    low, value, high = (
        statistics.median(count / ((us + off_us) * 1e-6) for count, us in timed)
        for off_us in (slack_us, 0.0, -min(slack_us, min(us for _, us in timed) / 2))
    )
    step = half(one.published)
    if low - step <= float(one.published) <= high + step:
        if not one.as_printed or run.log_name == run.printed_in:
            return one
        source = f"{one.source}, and {len(timed)} run times in {run.log_name} to the millisecond"
        return msgspec.structs.replace(one, as_printed=False, reproduced=True, source=source)
    decimals = len(one.published.partition(".")[2])
    source = f"{len(timed)} windows in {run.log_name}"
    return _differing(one, f"{value:.{decimals}f}", source)


def _differing(one: Figure, value: str, source: str) -> Figure:
    return msgspec.structs.replace(
        one, recomputed=value, reproduced=False, as_printed=False, source=source
    )


def _agree(one: str, other: str) -> bool:
    return one == other if one.startswith("TP") else _same(one, other)


def _same(one: str, other: str) -> bool:
    """Return whether two printed numbers can be one number rounded twice; a missing one can."""
    if not one or not other:
        return True
    slack = half(one) + half(other)
    a, b = float(one), float(other)
    return a == b or abs(a - b) <= slack + 1e-12 * max(a, b)


def _s(one: Inferred) -> str:
    return f"{(one.elapsed_us or 0) * 1e-6:.3f} s"


def _outputs(one: Inferred) -> str:
    return "[" + ",".join(f"{value:.{one.decimals}f}" for value in one.outputs[:12]) + "]"


def _first(values: Sequence[int], others: Sequence[int]) -> str:
    at = next((n for n, (a, b) in enumerate(zip(values, others, strict=False)) if a != b), None)
    at = min(len(values), len(others)) if at is None else at
    return f"{values[at]} ms" if at < len(values) else "none"
