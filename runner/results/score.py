"""Scores of a task from the DUT's answers: which class, how many right, which median."""

import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import compress
from typing import Any, NamedTuple

from msgspec.structs import replace

from tinybench.errors import ProtocolError

from ..dut.inference import all_answered
from .expected import beside
from .result import Accuracy, Answer, Clock, Expected, Performance, Result, Window

MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)
"""Standard deviation of a median beside that of a mean, of normal values."""
TOP = 5
"""Of the largest outputs, for top-5."""
TIMERS_US = (10, 100, 1000, 10_000)
"""Resolutions that a DUT's timer may have, besides 1 us."""


def arg_max(values: Sequence[float]) -> int:
    """Return the index of the largest value; the first one where several are equally large."""
    return values.index(max(values))


def correct(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> int:
    """Return how many outputs have their largest value at the label's index.

    `outputs` is (inputs, classes); one without values is not right.
    Ref: MLPerf Tiny Rules, accuracy metric top-1.
    """
    return sum(_right(outputs, labels))


def _right(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> list[bool]:
    pairs = zip(outputs, labels, strict=True)
    return [bool(out) and out.index(max(out)) == label for out, label in pairs]


def among(outputs: Sequence[Sequence[float]], labels: Sequence[int], most: int) -> int:
    """Return how many outputs have fewer than `most` values before the one at the label's index.

    Of equal values the first one is before the others, as in `arg_max`.
    """
    return sum(
        label < len(out)
        and sum(v > out[label] or (v == out[label] and i < label) for i, v in enumerate(out)) < most
        for out, label in zip(outputs, labels, strict=True)
    )


def recalls(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> list[float | None]:
    """Return the share of right ones among the inputs of each class; None without any."""
    return _recalls(_right(outputs, labels), labels, max(map(len, outputs)))


def _recalls(found: Sequence[bool], labels: Sequence[int], classes: int) -> list[float | None]:
    asked, right = Counter(labels), Counter(compress(labels, found))
    count = max(max(asked) + 1, classes)
    return [right[n] / asked[n] if n in asked else None for n in range(count)]


class Scored(NamedTuple):
    """What outputs are worth by a task's metric; of the others, None."""

    right: list[bool] | None
    """Of each input, by top-1."""
    auc: float | None
    expected: Expected | None


def scored(
    outputs: Sequence[Sequence[float]],
    labels: Sequence[int],
    wanted: Sequence[tuple[str, Any]],
    metric: str,
    tolerance: float = 0.0,
    channels: int = 1,
) -> Scored:
    """Score outputs by a task's metric, which `Task.metric` explains.

    Of each input there are the outputs, none without an answer; the label; and its name with the
    outputs that are expected of it. A run and a study are scored here.
    """
    held = metric in ("exact", "regression", "iou")
    return Scored(
        _right(outputs, labels) if metric == "top1" else None,
        auc(_means(outputs, labels), labels) if metric == "auc" else None,
        beside(wanted, outputs, metric, tolerance, channels) if held else None,
    )


def accuracy(
    answers: list[Answer], metric: str, tolerance: float = 0.0, channels: int = 1
) -> Accuracy:
    """Return the score of at least one answer by a task's metric, which `Task.metric` explains.

    The score of a file with several inputs is the mean over them. An input without an answer is
    not right; where scores are ranked, it ranks behind all others of its kind. Raises ProtocolError
    when an answer is no list of numbers, or has no time.
    """
    outputs = all_answered([answer.results for answer in answers])
    labels = [answer.label for answer in answers]
    untimed = next((answer.input for answer in answers if not answer.elapsed_us), None)
    if untimed is not None:
        raise ProtocolError(f"the answer to {untimed} has no time: run it again")
    latencies_s = [us * 1e-6 for answer in answers for us in answer.elapsed_us]
    # An inference that took 0 us was not timed: the DUT's timer is coarser than it is long.
    timed = all(latencies_s)
    p50_s, p90_s, p99_s = (
        percentile(latencies_s, percent) if timed else None for percent in (50, 90, 99)
    )
    wanted = [(answer.input, answer.expected) for answer in answers]
    found, area, expected = scored(outputs, labels, wanted, metric, tolerance, channels)
    right = None if found is None else sum(found)
    classes = max(map(len, outputs))
    return Accuracy(
        count=len(answers),
        unanswered=sum(not values for values in outputs),
        top1=None if right is None else right / len(answers),
        correct=right,
        auc=area,
        latency_p50_s=p50_s,
        latency_p90_s=p90_s,
        latency_p99_s=p99_s,
        answers=list(answers),
        scored=metric != "none",
        top5=among(outputs, labels, TOP) / len(answers)
        if found is not None and classes > TOP
        else None,
        recalls=[] if found is None else _recalls(found, labels, classes),
        expected=expected,
    )


def _means(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> list[float]:
    """Return the score of each file; one without an answer ranks behind all others of its kind."""
    return [
        statistics.fmean(values) if values else (-math.inf if label else math.inf)
        for values, label in zip(outputs, labels, strict=True)
    ]


def as_stored(found: Accuracy, stored: Accuracy | None) -> Accuracy:
    """Return a score with what a stored one has: those of older versions have no recalls."""
    if stored is None or stored.recalls:
        return found
    return replace(found, top5=None, recalls=[])


def figures(found: Accuracy) -> dict[str, float]:
    """Return each score that there is: shares of 1, and errors in the unit of the outputs.

    "recall" is that of the class with the least, "exact" the share of golden outputs.
    """
    known = [recall for recall in found.recalls if recall is not None]
    held = found.expected
    exact = None if held is None or held.equal is None else held.equal / max(1, held.count)
    each = {
        "accuracy": found.auc if found.top1 is None else found.top1,
        "top5": found.top5,
        "recall": min(known, default=None),
        "exact": exact,
        "iou": held and held.iou,
        "r2": held and held.r2,
        "mae": held and held.mae,
        "rmse": held and held.rmse,
    }
    return {name: value for name, value in each.items() if value is not None}


def auc(scores: Sequence[float], labels: Sequence[int]) -> float | None:
    """Return the area under the ROC curve, 0..1; `labels` are 1 for anomalous, 0 for normal.

    The share of pairs (anomalous, normal) in which the anomalous one scores higher; equal scores
    count one half. None where one of the two kinds is missing.
    Ref: the definition of sklearn.metrics.roc_auc_score; Hanley and McNeil, Radiology 143, 1982.
    """
    import numpy as np

    anomalous = np.array([s for s, label in zip(scores, labels, strict=True) if label == 1])
    normal = np.sort([s for s, label in zip(scores, labels, strict=True) if label == 0])
    if not anomalous.size or not normal.size:
        return None
    below = np.searchsorted(normal, anomalous, side="left")
    equal = np.searchsorted(normal, anomalous, side="right") - below
    return float((below + equal / 2).sum() / (anomalous.size * normal.size))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that at least `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def vips(results: Sequence[tuple[float, float]]) -> float:
    """Return valid inferences per second: accuracy times throughput, summed over tasks.

    `results` are (accuracy 0..1, seconds an inference). Ref: Luo et al., AIoTBench, 2020.
    """
    return sum(accuracy / latency_s for accuracy, latency_s in results)


def vops(results: Sequence[tuple[float, float, float]]) -> float:
    """Return valid operations per second: accuracy times MACs per second, summed over tasks.

    `results` are (accuracy 0..1, seconds an inference, MACs). Ref: Luo et al., AIoTBench, 2020.
    """
    return sum(accuracy * macs / latency_s for accuracy, latency_s, macs in results)


def suite(results: Sequence[Result]) -> tuple[float, float]:
    """Return VIPS and VOPS over the results that have a top-1 and a latency."""
    parts = [
        (result.accuracy.top1, result.performance.latency_s, result.model.macs)
        for result in results
        if result.performance is not None
        and result.accuracy is not None
        and result.accuracy.top1 is not None
    ]
    known = [(top1, latency_s, macs) for top1, latency_s, macs in parts if macs is not None]
    return vips([(top1, latency_s) for top1, latency_s, _ in parts]), vops(known)


def latency_s(result: Result) -> float | None:
    """Return how long one inference takes on the board: measured, of an emulated one estimated."""
    if result.emulated:
        return None if result.cycles is None else result.cycles.bounds_s[1]
    return None if result.performance is None else result.performance.latency_s


def throughput_per_s(iterations: int, elapsed_us: int) -> float:
    """Return inferences per second of a window."""
    return iterations * 1e6 / elapsed_us


def median_throughput_per_s(windows: Sequence[Window]) -> float:
    """Return the median over windows; of an even number, the mean of the middle two."""
    return statistics.median(
        throughput_per_s(window.iterations, window.elapsed_us) for window in windows
    )


def timer_us(stamps_us: Sequence[int]) -> int:
    """Return the resolution of a DUT's timer, as the times it gave tell."""
    resolution_us = math.gcd(*stamps_us)
    return resolution_us if resolution_us in TIMERS_US else 1


def latency_uncertainty_s(windows: Sequence[Window], clocks: Sequence[Clock]) -> float | None:
    """Return the uncertainty (k = 2) of the median latency over windows; None without a clock.

    Three parts, added as squares: the spread of the windows (of a median, 1.25 times that of a
    mean), the resolution of the DUT's timer (both ends of a window, each rectangular), and what the
    DUT's clock is off this computer's (rectangular), with how sure that is.
    Ref: JCGM 100:2008 (GUM), 4.2.3, 4.3.7 and 5.1.2.
    """
    clocks = [clock for clock in clocks if clock.witness == "host"]
    if not clocks or not windows:
        return None
    each_s = [window.elapsed_us * 1e-6 / window.iterations for window in windows]
    latency_s = statistics.median(each_s)
    spread_s = median_spread_s(each_s)
    resolution_us = timer_us([window.elapsed_us for window in windows])
    timer_s = resolution_us * 1e-6 / math.sqrt(6) / min(window.iterations for window in windows)
    off = max(abs(clock.ratio - 1) for clock in clocks) / math.sqrt(3)
    sure = max(clock.uncertainty for clock in clocks) / 2
    return 2 * math.hypot(spread_s, timer_s, off * latency_s, sure * latency_s)


def median_spread_s(each_s: Sequence[float]) -> float:
    """Return the standard uncertainty of the median of times, by their spread; 0 of one."""
    if len(each_s) < 2:
        return 0.0
    return MEDIAN_TO_MEAN * statistics.stdev(each_s) / math.sqrt(len(each_s))


def spread(windows: Sequence[Window]) -> float:
    """Return how much faster the fastest window was than the slowest, as a share; 0 with one."""
    rates = [w.iterations / w.elapsed_us for w in windows if w.elapsed_us > 0 and w.iterations > 0]
    return max(rates) / min(rates) - 1 if rates else 0.0


def performance(
    windows: Sequence[Window], instruction_ns: int, clocks: Sequence[Clock] = ()
) -> Performance | None:
    """Return the score of timed windows; None without one.

    `instruction_ns`: emulated time of one instruction, 0 where time is measured; `clocks`: those of
    the boards, which the uncertainty of the latency needs.
    """
    if not windows:
        return None
    per_s = median_throughput_per_s(windows)
    instructions = round(1e9 / instruction_ns / per_s) if instruction_ns else None
    unsure_s = latency_uncertainty_s(windows, clocks)
    return Performance(per_s, 1 / per_s, instructions, list(windows), unsure_s)


def valid_per_second(
    accuracy: Accuracy | None, performance: Performance | None, macs: int | None
) -> tuple[float | None, float | None]:
    """Return VIPS and VOPS of one task, where it has an accuracy and a latency."""
    if accuracy is None or accuracy.top1 is None or performance is None:
        return None, None
    latency_s = performance.latency_s
    valid = vips([(accuracy.top1, latency_s)])
    return valid, None if macs is None else vops([(accuracy.top1, latency_s, macs)])


def time_base(instruction_ns: int, *, on_port: bool) -> str:
    """Return in words what time is; `instruction_ns` as in `performance`."""
    if instruction_ns:
        return f"emulated: one instruction is {instruction_ns} ns"
    return "clock of the board" if on_port else "clock of this computer"


def instruction_ns(time_base: str) -> int:
    """Return the emulated time of one instruction that such words say; 0 where time is measured."""
    said = _INSTRUCTION.fullmatch(time_base)
    return int(said[1]) if said else 0


_INSTRUCTION = re.compile(r"emulated: one instruction is ([1-9][0-9]{0,6}) ns")
