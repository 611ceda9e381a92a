"""Read results.json and log.txt of the MLPerf Tiny v1.3 runner.

Ref: mlcommons/tiny, benchmark/runner/main.py and script.py.
"""

import math
import re
from dataclasses import replace
from pathlib import Path

import msgspec

from tinybench import read
from tinybench.files import read_bytes

from ..dut.inference import MICROS_WRAP
from .evidence import (
    GARBLED,
    MAX_INFERENCES,
    Evidence,
    Inferred,
    Stream,
    parse_list,
    parse_outputs,
)
from .text import NO_RESULT, REPLACED, lines

JSON_LIMIT_B = 32 << 20
"""Twice the largest known; numbers take many times their text in memory."""
TICK_S = 1e-5
"""Of the interface board, which prints its ticks as if they were seconds."""
DECIMALS = 3
"""Of stock firmware; JSON drops trailing zeros."""

BEGINS = "Logging initialized."
"""First line of a log; a later one is another run in the same file."""

_FILE = re.compile(r"Loading file (.+?) segment (\d{1,9})\s*\Z")
_RUN = re.compile(r"Running inference with (\d{1,9})/(\d{1,9}) \(warmup/measured\)")
_RUNTIME = re.compile(r"ulp-mlperf:\s+Runtime\s*:\s*([0-9.]{1,20}) sec")
_RESULTS = re.compile(r"m-results\s*:\s*\[([^\]]*)\]")
_RAW_RESULTS = re.compile(r"m-results-\[([^\]]*)\]")
_MODEL = re.compile(r"Device model retrieved: (\S{1,40})")
_CAPTURED = re.compile(r"^(?:Captured )?samples:(\d{1,12}) timestamps:(\d{1,9})\s*\Z")
_UNDECODABLE = re.compile(r"undecodeable byte", re.IGNORECASE)
_DETECTIONS = re.compile(r"^\[(\d{1,9}(?:, ?\d{1,9})*)\]\s*\Z")
_TICKS = re.compile(r"Duty cycle (start|stop) times")
_NUMBERS = re.compile(r"^(?:RX:)?\s*((?:\d{1,9},\s*)+)")
_HOST = re.compile(r"^(\d{2})(\d{2})\.(\d{2})(\d{2})(\d{2}) ulp-mlperf: ")
"""Month, day, hour, minute and second."""
_PROBLEM = re.compile(r"\bERROR\b|\[WATCHDOG\]|Traceback")


class _Infer(msgspec.Struct, frozen=True):
    results: list[float] = []
    start_time: float | None = None
    end_time: float | None = None
    elapsed_time: float | None = None
    throughput: float | None = None
    iterations: int = 1
    wav_file: str | None = None
    detection_windows: list[tuple[float, float]] = []
    detections: list[int] = []
    length_sec: float | None = None


class _Duty(msgspec.Struct, frozen=True):
    start_times_s: list[float] = []
    stop_times_s: list[float] = []


class _Entry(msgspec.Struct, frozen=True):
    file: str | None = None
    classes: str | int | None = None
    class_: str | int | None = msgspec.field(default=None, name="class")
    infer: _Infer | None = None
    dutycycle: _Duty | None = None
    power: object = None
    """A trace, which the importers judge; only its length is looked at here."""
    error: str | None = None


def read_json(path: Path) -> Evidence:
    """Return what results.json says; raises OSError, and ValueError with what is wrong with it."""
    raw = read_bytes(path, JSON_LIMIT_B)
    try:
        entries = read.read_json(raw, type=list[_Entry] | _Entry)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a result of the v1.3 runner: {error}") from error
    found = Evidence(session="v1.3 runner")
    seen: dict[str, int] = {}
    for entry in [entries] if isinstance(entries, _Entry) else entries:
        if entry.error is not None:
            found.fault("an error of the runner", entry.error)
        if isinstance(entry.power, dict):
            held = [entry.power.get(key) for key in ("samples", "timestamps")]
            samples, edges = (len(one) if isinstance(one, list) else 0 for one in held)
            found.captured.append((samples, edges))
        infer = entry.infer
        if infer is None:
            continue
        if infer.wav_file is not None:
            duty = entry.dutycycle or _Duty()
            found.stream = Stream(
                tuple(infer.detections),
                tuple(infer.detection_windows),
                tuple(duty.start_times_s),
                tuple(duty.stop_times_s),
                infer.length_sec,
            )
        elif len(found.inferred) < MAX_INFERENCES:
            name = entry.file or ""
            _itself(found, name, infer)
            number = seen[name] = seen.get(name, -1) + 1
            found.inferred.append(
                Inferred(
                    name,
                    number,
                    infer.iterations,
                    None if infer.elapsed_time is None else round(infer.elapsed_time),
                    tuple(infer.results),
                    max((_decimals(x) for x in infer.results), default=0),
                    _label(entry.class_),
                )
            )
    return found


def _itself(found: Evidence, name: str, infer: _Infer) -> None:
    """Note where an entry contradicts itself; and the DUT's clock, where it has it."""
    start_us, end_us, elapsed_us = infer.start_time, infer.end_time, infer.elapsed_time
    if start_us is not None and end_us is not None:
        if len(found.spans_us) < MAX_INFERENCES and 0 <= max(start_us, end_us) < 2**63:
            found.spans_us.append((round(start_us), round(end_us)))
        between_us = end_us - start_us
        if between_us < 0:
            between_us %= MICROS_WRAP
        if elapsed_us is not None and abs(elapsed_us - between_us) > 1:
            claimed = f"{elapsed_us * 1e-6:.6f} s for {name}"
            said = f"{between_us * 1e-6:.6f} s from its start to its end"
            found.contrary.append(("run time", (claimed, said)))
    if infer.throughput and elapsed_us:
        rate_per_s = infer.iterations / (elapsed_us * 1e-6)
        if not math.isclose(infer.throughput, rate_per_s, rel_tol=1e-6):
            claimed = f"{infer.throughput:.3f} inf./s for {name}"
            said = f"{rate_per_s:.3f} inf./s from iterations and run time"
            found.contrary.append(("throughput", (claimed, said)))


def _decimals(value: float) -> int:
    text = repr(value)
    return max(DECIMALS, len(text.partition(".")[2]) if "e" not in text else 0)


def _label(text: str | int | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def read_log(path: Path) -> Evidence:
    """Return what log.txt says: inferences with their runtime to the millisecond, and faults.

    Of a log that was appended to, the last run with inferences counts. Raises OSError.
    """
    found = Evidence(session="v1.3 runner")
    earlier: list[Inferred] = []
    asked_earlier: list[tuple[str, int]] = []
    found.host_step_s = 1.0
    clock = _HostClock()
    running = False
    name, segment, iterations = "", 0, 1
    runtime_s: float | None = None
    ticks: dict[str, list[float]] = {"start": [], "stop": []}
    ticking = ""
    for line in lines(path):
        found.undecodable += line.count(REPLACED)
        if running and (at_s := clock.read(line)) is not None:
            found.stamp(0, at_s)
            running = False
        if match := _TICKS.search(line):
            ticking = match[1]
        elif ticking and (match := _NUMBERS.match(line)):
            ticks[ticking] += [
                int(number) * TICK_S for number in match[1].split(",") if number.strip()
            ]
        elif match := _FILE.search(line):
            name, segment, runtime_s = match[1], int(match[2]), None
        elif match := _RUN.search(line):
            iterations = int(match[2])
            found.ask(name, iterations)
            running = True
        elif match := _RUNTIME.search(line):
            runtime_s = _float(match[1])
        elif match := _RESULTS.search(line) or _RAW_RESULTS.search(line):
            span_us = None if runtime_s is None else round(runtime_s * 1e6)
            parse = parse_list if match.re is _RESULTS else parse_outputs
            one = Inferred(name, segment, iterations, span_us, (), 0)
            _answer(found, one, parse(match[1]), line)
        elif line.startswith(BEGINS):
            earlier, found.inferred = found.inferred or earlier, []
            asked_earlier, found.asked = found.asked or asked_earlier, []
            found.captured, found.stamps, running = [], [], False
        else:
            ticking = ""
            _said(found, line)
    found.inferred = found.inferred or earlier
    found.asked = found.asked or asked_earlier
    if found.stream is not None:
        starts_s, stops_s = tuple(ticks["start"]), tuple(ticks["stop"])
        found.stream = replace(found.stream, starts_s=starts_s, stops_s=stops_s)
    return found


def _answer(
    found: Evidence, one: Inferred, outputs: tuple[tuple[float, ...], int] | None, line: str
) -> None:
    """Take an inference with its outputs; None: they cannot be read."""
    if outputs is None:
        found.fault(GARBLED, line)
    elif len(found.inferred) < MAX_INFERENCES:
        decimals = max(outputs[1], DECIMALS)
        found.inferred.append(replace(one, outputs=outputs[0], decimals=decimals))


class _HostClock:
    """The seconds of a log whose lines have day and time; it may run over midnight."""

    def __init__(self) -> None:
        self._days = 0
        self._last: tuple[int, int] | None = None

    def read(self, line: str) -> float | None:
        """Return the seconds since the first day began; None for a line without its time."""
        match = _HOST.match(line)
        if match is None:
            return None
        month, day, hour, minute, second = (int(word) for word in match.groups())
        if self._last not in (None, (month, day)):
            self._days += 1  # a run lasts hours, and prints a line in each
        self._last = (month, day)
        return self._days * 86400.0 + hour * 3600 + minute * 60 + second


def _said(found: Evidence, line: str) -> None:
    """Take what else the runner prints."""
    if match := _MODEL.search(line):
        if match[1] not in found.models:
            found.models.append(match[1])
    elif match := _CAPTURED.match(line):
        if len(found.captured) < MAX_INFERENCES:
            found.captured.append((int(match[1]), int(match[2])))
    elif match := _DETECTIONS.match(line):
        found.stream = Stream(tuple(int(x) for x in match[1].split(",")))
    elif _UNDECODABLE.search(line):
        found.undecodable += 1
    elif line.startswith(NO_RESULT):
        found.rehearsal = line[:200]
    elif line.startswith("Retrying "):
        found.retries += 1
    elif _PROBLEM.search(line):
        found.fault("an error of the runner", line)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
