"""Read results.json and log.txt of the MLPerf Tiny v1.3 runner.

Ref: mlcommons/tiny, benchmark/runner/main.py and script.py.
"""

import re
from dataclasses import replace
from pathlib import Path

import msgspec

from tinybench import read
from tinybench.files import read_bytes

from .evidence import MAX_INFERENCES, Evidence, Inferred, Stream, parse_outputs
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
_PROBLEM = re.compile(r"\bERROR\b|\[WATCHDOG\]|Traceback")


class _Infer(msgspec.Struct, frozen=True):
    results: list[float] = []
    elapsed_time: float | None = None
    iterations: int = 1
    wav_file: str | None = None
    detection_windows: list[tuple[float, float]] = []
    detections: list[int] = []


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
            )
        elif len(found.inferred) < MAX_INFERENCES:
            name = entry.file or ""
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
    name, segment, iterations = "", 0, 1
    runtime_s: float | None = None
    ticks: dict[str, list[float]] = {"start": [], "stop": []}
    ticking = ""
    for line in lines(path):
        found.undecodable += line.count(REPLACED)
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
        elif match := _RUNTIME.search(line):
            runtime_s = _float(match[1])
        elif match := _RESULTS.search(line) or _RAW_RESULTS.search(line):
            outputs = parse_outputs(match[1])
            if outputs is None:
                found.fault("results that are no numbers", line)
            elif len(found.inferred) < MAX_INFERENCES:
                span = None if runtime_s is None else round(runtime_s * 1e6)
                found.inferred.append(
                    Inferred(name, segment, iterations, span, outputs[0], max(outputs[1], DECIMALS))
                )
        elif line.startswith(BEGINS):
            earlier, found.inferred = found.inferred or earlier, []
            asked_earlier, found.asked = found.asked or asked_earlier, []
            found.captured = []
        else:
            ticking = ""
            _said(found, line)
    found.inferred = found.inferred or earlier
    found.asked = found.asked or asked_earlier
    if found.stream is not None:
        starts_s, stops_s = tuple(ticks["start"]), tuple(ticks["stop"])
        found.stream = replace(found.stream, starts_s=starts_s, stops_s=stops_s)
    return found


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
