"""Compute the figures of one run again, and put each beside what was published."""

import math
import statistics
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from tinybench.energy.importers import open_any
from tinybench.energy.importers.published import same
from tinybench.energy.methods import METHODS, RuleResult
from tinybench.energy.trace import Infer
from tinybench.errors import TinybenchError
from tinybench.plural import counted

from ..results.score import correct
from ..streaming.score import RECORDING_S, RULES_TAIL_S, RUNNER_TAIL_S
from ..streaming.verdict import Judged, judge
from . import metrics
from .evidence import Inferred
from .labels import LabelList, Labels, label_in_name
from .printed import Printed, half, positive
from .read import Read
from .result import Figure
from .text import FILE_LIMIT_B, shown

SINGLE = 2.0**-23
"""Relative step of single precision."""
TIE_SHARE = 0.05
"""Of a last digit; what lies farther from the middle of two is no tie."""
TRACE_TEXT_LIMIT_B = 32 << 20
"""Of what the importers of traces read at once; samples themselves are mapped, not read."""


def agrees(value: float | None, printed: str) -> bool:
    """Return whether a value prints like this; figures with all digits may differ in the last."""
    if value is None:
        return False
    if same(value, printed):
        return True
    # A runner in single precision may round a tie in the last digit the other way.
    step = 2 * half(printed)
    slack = step / 2 + min(SINGLE * abs(value), TIE_SHARE * step)
    if abs(value - float(printed)) <= slack:
        return True
    all_digits = len(printed.partition(".")[2]) > 9 or "e" in printed.lower()
    return all_digits and math.isclose(value, float(printed), rel_tol=1e-12)


def figure(
    name: str, unit: str, value: float | None, printed: str, source: str, repeats: bool = False
) -> Figure:
    """Return a figure with as many decimals as the published one.

    `repeats`: the value is from other printed figures, and proves nothing where it agrees.
    """
    decimals = len(printed.partition(".")[2])
    found = Figure(
        name=name,
        unit=unit,
        published=printed,
        recomputed=None if value is None else f"{value:.{decimals}f}",
        reproduced=None if value is None else agrees(value, printed),
        source=source,
    )
    return as_printed(found) if repeats else found


def as_printed(one: Figure) -> Figure:
    """Return a figure that was computed from printed ones: it may differ, but is not reproduced."""
    if not one.reproduced:
        return one
    return msgspec.structs.replace(one, reproduced=None, as_printed=True)


def best_list(inferred: Sequence[Inferred], lists: Sequence[LabelList]) -> LabelList | None:
    """Return the list that a run has used: whole, or its beginning, or most of; else the first."""
    names = {one.input for one in inferred}

    def likeness(one: LabelList) -> tuple[bool, bool, int]:
        beginning = set(list(one.labels)[: len(names)])
        return names == one.labels.keys(), names == beginning, len(names & one.labels.keys())

    return max(lists, key=likeness, default=None)


def classes(inferred: Sequence[Inferred], known: LabelList | None) -> list[int | None]:
    """Return the class of each input: by the official list, the file itself, or its name."""
    found = []
    for one in inferred:
        label = known.labels.get(one.input) if known else None
        if label is None:
            label = one.label if one.label is not None else label_in_name(one.input)
        found.append(label)
    return found


def of_accuracy(run: Read, known: LabelList | None) -> Iterator[Figure]:
    """Yield top-1 and AUC by the method of the run's round."""
    printed = run.printed
    if not (printed.top1_percent or printed.auc):
        return
    found = scores(run, known)
    top1, auc, source = found if found else (None, None, "the answers or their labels are missing")
    if printed.top1_percent:
        percent = None if top1 is None else top1 * 100
        yield figure("top-1", "%", percent, printed.top1_percent, source)
    if printed.auc:
        yield figure("AUC", "", auc, printed.auc, source)


def scores(run: Read, known: LabelList | None) -> tuple[float, float | None, str] | None:
    """Return top-1 (0..1), AUC and their source; None without answers, or where one has no class.

    A file with several answers has their mean.
    """
    inferred = [one for one in run.evidence.inferred if one.outputs]
    labels = classes(inferred, known)
    if not inferred or any(label is None for label in labels):
        return None
    width = len(inferred[0].outputs)
    if any(len(one.outputs) != width for one in inferred):
        return None
    sums: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    label_of: dict[str, int] = {}
    for one, label in zip(inferred, labels, strict=True):
        outputs = one.outputs if run.eembc else metrics.normalised(one.outputs)
        if one.input in sums:
            sums[one.input] = [a + b for a, b in zip(sums[one.input], outputs, strict=True)]
        else:
            sums[one.input] = list(outputs)
        counts[one.input] = counts.get(one.input, 0) + 1
        label_of[one.input] = label if label is not None else -1
    means = [[value / counts[name] for value in row] for name, row in sums.items()]
    truth = list(label_of.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers that no DUT would print
        if width == 1:
            top1 = metrics.top1_anomaly([row[0] for row in means], truth)
        else:
            top1 = correct(means, truth) / len(means)
        auc = metrics.auc_eembc(means, truth) if run.eembc else metrics.auc_v13(means, truth)
    how = "101 thresholds" if run.eembc else "exact AUC"
    return top1, auc, f"{counted(len(means), 'input')} in {run.source}, {how}"


def of_performance(run: Read) -> Iterator[Figure]:
    """Yield the throughput of the windows and their median."""
    printed = run.printed
    timed = [one for one in run.evidence.inferred if one.elapsed_us]
    rates = [one.iterations / ((one.elapsed_us or 1) * 1e-6) for one in timed]
    source = f"{counted(len(rates), 'window')} in {run.source}"
    # A v1.3 log has milliseconds only, results.txt all digits; some logs lack windows.
    rough = not run.eembc and not run.source.endswith(".json")
    stated = _stated_rates(printed)
    of_median, repeats = rates, False
    if stated and (rough or len(rates) < len(printed.performance)):
        repeats = not _logged(run, len(stated))
        of_median, source = (
            stated,
            f"{counted(len(stated), 'window')} as printed in {run.printed_in}",
        )
    if printed.performance and timed and not rough:
        pairs = list(zip(printed.performance, timed, rates, strict=False))
        right = sum(
            (w.iterations in (None, one.iterations))
            and (not w.throughput_per_s or agrees(rate, w.throughput_per_s))
            and (not w.runtime_s or agrees((one.elapsed_us or 0) / 1e6, w.runtime_s))
            for w, one, rate in pairs
        )
        yield Figure(
            name="windows",
            unit="",
            published=str(len(printed.performance)),
            recomputed=str(right),
            reproduced=right == len(printed.performance) == len(timed),
            source=f"{counted(len(timed), 'window')} in {run.source}",
        )
    if printed.throughput_per_s:
        median = statistics.median(of_median) if of_median else None
        yield figure("throughput", "inf./s", median, printed.throughput_per_s, source, repeats)


def _logged(run: Read, count: int) -> bool:
    """Return whether the log times each window, beside another file that has the figure."""
    for name, printed in run.statements:
        if name == run.log_name != run.printed_in:
            return sum(bool(w.iterations and w.runtime_s) for w in printed.performance) == count
    return False


def _stated_rates(printed: Printed) -> list[float]:
    """Return the throughput of the printed windows, in 1/s; none unless all have one."""
    found = []
    for window in printed.performance:
        rate, runtime_s = positive(window.throughput_per_s), positive(window.runtime_s)
        if rate is None and window.iterations and runtime_s:
            rate = window.iterations / runtime_s
        if rate is None:
            return []
        found.append(rate)
    return found


def of_energy(run: Read) -> tuple[list[Figure], RuleResult | None, str]:
    """Return the energy of the windows and its median, the windows, and why there are none."""
    printed = run.printed
    rule, why = _rule(run)
    found: list[Figure] = []
    if rule is not None:
        source = f"{counted(len(rule.windows), 'window')} of the trace, {rule.method} rule"
        if printed.energy:
            pairs = list(zip(printed.energy, rule.windows, strict=False))
            right = sum(
                (not w.energy_uj or agrees(own.energy_uj, w.energy_uj))
                and (not w.per_inference_uj or agrees(own.per_inference_uj, w.per_inference_uj))
                for w, own in pairs
            )
            found.append(
                Figure(
                    name="windows",
                    unit="",
                    published=str(len(printed.energy)),
                    recomputed=str(right),
                    reproduced=right == len(printed.energy) == len(rule.windows),
                    source=source,
                )
            )
        if printed.energy_uj:
            found.append(figure("energy", "uJ/inf.", rule.median_uj, printed.energy_uj, source))
    elif printed.energy_uj:
        found.append(_of_printed_energy(printed, why))
    return found, rule, why


def _of_printed_energy(printed: Printed, why: str) -> Figure:
    """Return the median over the printed windows, as near as their digits allow."""
    each: list[tuple[float, float]] = []
    for window in printed.energy:
        own, total_uj = positive(window.per_inference_uj), positive(window.energy_uj)
        if total_uj and window.iterations:
            each.append((total_uj / window.iterations, half(window.energy_uj) / window.iterations))
        elif own:
            each.append((own, half(window.per_inference_uj)))
    source = f"{counted(len(each), 'window')} as printed; {why}"
    if not each or len(each) != len(printed.energy):
        return figure("energy", "uJ/inf.", None, printed.energy_uj, source)
    median_uj = statistics.median(uj for uj, _ in each)
    found = figure("energy", "uJ/inf.", median_uj, printed.energy_uj, source)
    # The runners rounded the windows and the median apart from each other.
    slack_uj = max(half_uj for _, half_uj in each) + half(printed.energy_uj)
    near = abs(median_uj - float(printed.energy_uj)) <= slack_uj * (1 + 1e-9)
    return as_printed(msgspec.structs.replace(found, reproduced=near))


def _rule(run: Read) -> tuple[RuleResult | None, str]:
    """Return the windows by the run's own rule, from its samples; or why not."""
    place = run.place
    path = place.trace or place.json
    if path is None:
        return None, "no trace is published"
    beside = [path, *place.logs, *place.tables]
    if place.trace is not None:
        beside.append(path.with_name(path.name.removesuffix("-energy.bin") + "-timestamps.json"))
    # The importers look for these names by themselves.
    beside += [path.with_name(name) for name in ("log.txt", "results.txt")]
    for file in beside:
        limit_b = FILE_LIMIT_B if file == place.trace else TRACE_TEXT_LIMIT_B
        if why := _unfit(file, limit_b):
            return None, f"{shown(file.name)} {why}"
    try:
        with open_any(path) as trace:
            name = trace.head.method
            if name not in METHODS:
                return None, "the trace is of no published rule"
            # Of logs by other names, which the importer does not look for.
            infers = [Infer(one.iterations, one.input) for one in run.evidence.inferred]
            infers = trace.infers or infers
            if len(run.log.asked) == len(infers):  # the log, not the file that repeats the claim
                infers = [
                    msgspec.structs.replace(infer, iterations=iterations)
                    for infer, (_, iterations) in zip(infers, run.log.asked, strict=True)
                ]
            return METHODS[name](replace(trace, infers=infers)), ""
    except (TinybenchError, OSError, ValueError) as error:
        return None, shown(str(error))


def _unfit(file: Path, limit_b: int) -> str:
    """Return why a file is not read; empty for one that is fit, or not there."""
    if file.is_symlink():
        return "is a link, which is not followed"
    if not file.exists():
        return ""
    if not file.is_file():
        return "is no plain file"
    return f"has more than {limit_b >> 20} MiB" if file.stat().st_size > limit_b else ""


def judged_stream(
    run: Read, labels: Labels, windows_s: Sequence[tuple[float, float]]
) -> Judged | None:
    """Return the readings of a streaming run, as published and without its clock's drift.

    None where the detections, or the times of the words, are not at hand.
    """
    stream = run.evidence.stream
    if stream is None or not stream.detections_ms:
        return None
    times_s = stream.windows_s or tuple(windows_s) or labels.stream_windows()
    if not times_s:
        return None
    timed = metrics.duty(stream.starts_s, stream.stops_s)
    elapsed = [positive(window.runtime_s) for window in run.printed.energy]
    return judge(
        stream.detections_ms,
        times_s,
        length_s=stream.length_s or RECORDING_S,
        period_s=timed[1] if timed else positive(run.printed.period_s),
        elapsed_s=elapsed[0] if elapsed else None,
    )


def of_stream(run: Read, judged: Judged | None) -> list[Figure]:
    """Return detections, duty cycle and throughput of a streaming run."""
    printed, stream = run.printed, run.evidence.stream
    found: list[Figure] = []
    if printed.stream is not None:
        published = "TP {} FN {} FP {}".format(*printed.stream)
        recomputed, source = None, "the detections, or the times of the words, are missing"
        if stream is not None and judged is not None:
            texts = {RULES_TAIL_S: str(judged.rules), RUNNER_TAIL_S: str(judged.runner)}
            chosen = next((tail for tail, one in texts.items() if one == published), RULES_TAIL_S)
            recomputed = texts.pop(chosen)
            ((other, text),) = texts.items()
            source = (
                f"{len(stream.detections_ms) - 1} detections in {run.source}, until "
                f"{chosen:g} s after a word; until {other:g} s: {text}"
            )
            if judged.source:
                source += (
                    f"; until {RULES_TAIL_S:g} s without the playback clock's drift "
                    f"({judged.drift}): {judged.rules_corrected}"
                )
        found.append(
            Figure(
                name="detections",
                unit="",
                published=published,
                recomputed=recomputed,
                reproduced=None if recomputed is None else recomputed == published,
                source=source,
            )
        )
    duty = metrics.duty(stream.starts_s, stream.stops_s) if stream else None
    source = "the times of the inferences are not published"
    if stream and duty:
        starts, stops = len(stream.starts_s), len(stream.stops_s)
        source = f"{min(starts, stops)} inferences in {run.source}"
        if starts != stops:
            source += f", which began {starts} times and ended {stops} times"
    for name, unit, text, at in (
        ("duty cycle", "", printed.duty_cycle, 0),
        ("period", "s", printed.period_s, 1),
        ("throughput", "inf./s", printed.stream_throughput_per_s, 2),
    ):
        if text:
            found.append(figure(name, unit, duty[at] if duty else None, text, source))
    return found
