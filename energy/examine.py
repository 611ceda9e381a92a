"""What is known of a trace: our analysis, others' rules beside it, and what was published."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from tinybench.errors import UsageError
from tinybench.mlperf_tiny import WINDOW_MIN_S, WINDOWS

from .analysis import Analysis, Window, analyse
from .importers.published import Published, read_published, read_throughput, same
from .methods import METHODS, RuleResult, RuleWindow
from .pairing import debounced
from .trace import Edge, Infer, Trace

OWN = "tinybench"
CLOCK_MAX_PPM = 20_000.0
"""The worst oscillator inside a microcontroller; more is another setting."""


class Compared(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A window by a published rule, beside ours of the same infer and what was published."""

    window: RuleWindow
    own: int | None
    """Number of our window that overlaps it; None where there is none."""
    own_difference_uj: float | None
    """Ours less theirs, of the window's energy."""
    published_uj: str | None
    reproduced: bool | None


class ByRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A published rule's figures."""

    method: str
    windows: list[Compared]
    median_uj: float | None
    own_difference_uj: float | None
    """Ours less theirs, of the median energy of an inference."""
    published_median_uj: str | None
    reproduced: bool | None
    """The median and every window are those that were published; None without published ones."""


class Examination(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of a trace, in one document."""

    trace: str
    monitor: str
    modelled: bool
    rate_hz: float
    samples: int
    length_s: float
    voltage_v: float | None
    note: str
    windows_by: Literal["edges", "hand", "threshold"]
    """What made the windows; those that no edge of the timing pin made are no MLPerf result."""
    threshold: float | None
    """Of windows by threshold: in A, or in W where samples are power or energy."""
    mlperf: bool
    """Its windows are those of the timing pin."""
    tinybench: Analysis
    rules: list[ByRule]
    performance_skew_ppm: float | None
    """By how much an inference is longer by the DUT's clock, in the published performance run of
    the same system, than by the monitor's; None where there is none, or it ran otherwise."""
    against_rules: list[str]
    """What the run rules object to, though the measurement may be sound."""


def parse_window(text: str) -> tuple[float, float]:
    """Return the bounds of a window such as "1.5:11.5", in s. Raises UsageError."""
    try:
        start_s, stop_s = (float(part) for part in text.split(":"))
    except ValueError:
        start_s = stop_s = math.nan
    if not 0 <= start_s < stop_s < math.inf:
        raise UsageError(f"--window {text}: give FROM:TO in s since the first sample, as 1.5:11.5")
    return start_s, stop_s


def told(
    trace: Trace,
    iterations: int | None,
    marks: int | None,
    voltage_v: float | None,
    windows: Sequence[tuple[float, float]] = (),
) -> Trace:
    """Return the trace with what the user says of it: each where the trace itself does not.

    `windows` by hand are told to a sample; they, and those of `segmented`, leave its edges aside.
    """
    head = trace.head
    if windows:
        half_s = 0.5 / head.rate_hz
        by_hand = [
            (Edge(start_s, None, half_s), Edge(stop_s, None, half_s))
            for start_s, stop_s in sorted(windows)
        ]
        trace = replace(trace, windows=by_hand, windows_by="hand")
    if trace.windows:
        trace = replace(trace, infers=[Infer(iterations or 0)] * len(trace.windows))
    if marks is not None:
        head = msgspec.structs.replace(head, marks=marks)
    if voltage_v is not None and head.voltage_v is None and not head.voltage_measured:
        head = msgspec.structs.replace(head, voltage_v=voltage_v)
    infers = list(trace.infers)
    if iterations is not None and not infers:
        infers = [Infer(iterations)] * ((len(debounced(trace.edges)) - head.marks) // 2)
    elif iterations is not None:
        infers = [msgspec.structs.replace(infer, iterations=iterations) for infer in infers]
    return replace(trace, head=head, infers=infers)


def examine(
    trace: Trace,
    methods: list[str],
    published: Published | None = None,
    throughput_per_s: float | None = None,
) -> Examination:
    """Analyse a trace by our method and by others beside it.

    `methods` are names of METHODS; empty means the one that the trace was published with.
    `throughput_per_s` is by the DUT's clock, of a performance run. Raises UsageError for another
    name, TraceError as `analyse` does.
    """
    for method in methods:
        if method not in (*METHODS, OWN):
            raise UsageError(f"there is no method '{method}': {OWN}, {', '.join(METHODS)}")
    names = methods or ([trace.head.method] if trace.head.method in METHODS else [])
    own = analyse(trace)
    with np.errstate(invalid="ignore", over="ignore"):
        rules = [
            _beside(METHODS[name](trace), own, published if name == trace.head.method else None)
            for name in names
            if name != OWN
        ]
    return Examination(
        trace=trace.name,
        monitor=" ".join(filter(None, (trace.head.monitor, trace.head.serial))),
        modelled=trace.head.modelled,
        rate_hz=trace.head.rate_hz,
        samples=trace.count,
        length_s=trace.count / trace.head.rate_hz,
        voltage_v=trace.head.voltage_v,
        note=trace.head.note,
        windows_by=trace.windows_by,
        threshold=trace.threshold,
        mlperf=trace.windows_by == "edges",
        tinybench=own,
        rules=rules,
        performance_skew_ppm=_performance_skew_ppm(own, throughput_per_s),
        against_rules=[f"its {not_by_pin(trace.windows_by)}"]
        if trace.windows
        else _against_rules(own, rules),
    )


def not_by_pin(windows_by: str) -> str:
    """Return what is to be said wherever figures of windows are that no edge made."""
    return f"windows are by {windows_by}, not by the timing pin: never an MLPerf result"


def published_beside(path: Path) -> Published | None:
    """Return the figures of the results.txt beside a trace, where there is one."""
    return read_published((path if path.is_dir() else path.parent) / "results.txt")


def throughput_beside(path: Path) -> float | None:
    """Return the throughput of the performance run beside a published energy run."""
    folder = path if path.is_dir() else path.parent
    return read_throughput(folder.resolve().parent / "performance" / "results.txt")


def _performance_skew_ppm(own: Analysis, throughput_per_s: float | None) -> float | None:
    if throughput_per_s is None:
        return None
    skews_ppm = [
        (window.iterations / throughput_per_s / window.monitor_s - 1) * 1e6
        for window in own.windows
        if window.iterations and window.monitor_s
    ]
    skew_ppm = statistics.median(skews_ppm) if skews_ppm else None
    # Beyond what a clock is off, the performance run had another clock rate or firmware.
    return skew_ppm if skew_ppm is not None and abs(skew_ppm) < CLOCK_MAX_PPM else None


def _against_rules(own: Analysis, rules: list[ByRule]) -> list[str]:
    found = []
    if len(own.windows) != WINDOWS:
        found.append(f"{len(own.windows)} windows, the rules want {WINDOWS}")
    for window in own.windows:
        if window.monitor_s is not None and window.monitor_s < WINDOW_MIN_S:
            found.append(
                f"window {window.number} lasts {window.monitor_s:.3f} s, the rules want at least "
                f"{WINDOW_MIN_S:g} s"
            )
    for rule in rules:
        for beside in (beside for beside in rule.windows if beside.own is None):
            window = beside.window
            said = f"window {window.number} of the {rule.method} rule is none of ours"
            if window.elapsed_s < WINDOW_MIN_S:
                said += f" and lasts {window.elapsed_s:.3f} s"
            found.append(said)
    return found


def _beside(rule: RuleResult, own: Analysis, published: Published | None) -> ByRule:
    windows = []
    for place, window in enumerate(rule.windows):
        ours = _overlapping(window, own.windows)
        energy_j = ours.energy_j if ours else None
        printed = each = None
        if published is not None and place < len(published.energy_uj):
            printed, each = published.energy_uj[place], published.per_inference_uj[place]
        windows.append(
            Compared(
                window=window,
                own=ours.number if ours else None,
                own_difference_uj=None if energy_j is None else energy_j * 1e6 - window.energy_uj,
                published_uj=printed,
                reproduced=None
                if printed is None or each is None
                else same(window.energy_uj, printed) and same(window.per_inference_uj, each),
            )
        )
    reproduced = None
    if published is not None:
        reproduced = (
            len(published.energy_uj) == len(windows)
            and all(window.reproduced for window in windows)
            and same(rule.median_uj, published.median_uj)
        )
    difference_uj = None
    if own.median_j is not None and rule.median_uj is not None and own.per_inference:
        difference_uj = own.median_j * 1e6 - rule.median_uj
    return ByRule(
        method=rule.method,
        windows=windows,
        median_uj=rule.median_uj,
        own_difference_uj=difference_uj,
        published_median_uj=published.median_uj if published else None,
        reproduced=reproduced,
    )


def _overlapping(window: RuleWindow, ours: list[Window]) -> Window | None:
    """Return our window that shares at least half of this one's time."""
    for own in ours:
        if own.start_s is None or own.stop_s is None:
            continue
        shared_s = min(own.stop_s, window.stop_s) - max(own.start_s, window.start_s)
        if shared_s > 0.5 * (window.stop_s - window.start_s):
            return own
    return None
