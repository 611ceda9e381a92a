"""Read a log of EEMBC's runner, rounds v0.5 to v1.2, whatever else the DUT printed into it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ..dut.inference import MICROS_WRAP, elapsed_us
from .evidence import (
    GARBLED,
    MAX_INFERENCES,
    NOISE,
    SHUFFLED,
    WRONG_SIZE,
    Evidence,
    Inferred,
    parse_outputs,
)
from .text import REPLACED, lines

_LOAD = re.compile(r'Command "bloadp?\b(.*)\Z')
_FILE = re.compile(r'([^"\\/]+?)"?(?:\s+(\d{1,9})\s+(\d{1,9}))?"?\s*\Z')
_INFER = re.compile(r'Command "(?:io )?dut infer (\d{1,9})\b')
_HOST = re.compile(r"^(\d{1,9}\.\d{3}) \w+: ")
_DONE = "m-infer-done"
_START = re.compile(r"m-infer-start-(\d{1,9})")
_LAP = re.compile(r"m-lap-us-(\d{1,20})(?!\d)")
_RESULTS = re.compile(r"m-results-\[([^\]]*)\]")
_BROKEN = re.compile(r"results?-?\[|m-res|sults-?\[?\d|\d,\d?\.\d{2,},\d?\.\d{2,}")
"""What is left of an answer whose bytes were lost on the line."""
_MODEL = re.compile(r"m-model-\[([^\]]*)\]")
_SESSION = re.compile(r"m-bmark-run-name\[([^\]]*)\]")
_DUT_ERROR = re.compile(r"(?:dut: |\[dut\]: ).*?(?<!\w)(e-\[.*)")
_SIZE = re.compile(r"Input db has (\d{1,9}) elemented, expected (\d{1,9})")
WORDS = ("m-", "Command", "e-[", "Input db", "sults", REPLACED)
"""A line without any of these says nothing; far faster to see than by patterns."""


def is_eembc(head: str) -> bool:
    """Return whether a log that begins like this is EEMBC's."""
    return any(word in head for word in ("sequencer:", "session:", "parser:", "m-sequenc"))


@dataclass(slots=True)
class _State:
    """Where in the log the reader is."""

    found: Evidence
    name: str = ""
    offset: int = 0
    infers: tuple[str, int] = ("", 0)
    """Input and offset that were loaded when the `infer` came."""
    asked: int | None = None
    """Iterations of the `infer` that has no answer yet."""
    started: int | None = None
    """... as the DUT repeated them."""
    laps_us: list[int] = field(default_factory=list)
    times_s: list[float | None] = field(default_factory=list)
    """The host's clock at each lap, where the line has it."""
    earlier: list[Inferred] = field(default_factory=list)
    done: bool = False
    """Whether it said that it is done, without two time stamps before."""
    garbled: str = ""
    """A line since the `infer` that looks like what is left of its answer."""


def read_log(path: Path) -> Evidence:
    """Return what the log says; a DUT's text may stand before any answer in its line.

    Raises OSError.
    """
    state = _State(Evidence())
    found = state.found
    for line in lines(path):
        if REPLACED in line:
            found.undecodable += line.count(REPLACED)
        if "m-lap-us-" in line:
            _stamp(found, line)
        if not any(word in line for word in WORDS):
            continue
        if state.asked is not None and _answer(state, line):
            continue
        if not _command(state, line):
            _said(state, line)
        if len(found.inferred) > MAX_INFERENCES:
            found.fault("more inferences than any official set has", line)
            break
    _unanswered(state, "end of the log")
    found.inferred = found.inferred or state.earlier
    return found


def _answer(state: _State, line: str) -> bool:
    """Take what the DUT prints during an `infer`; return whether the line has its results."""
    if match := _START.search(line):
        state.started, state.laps_us, state.times_s = int(match[1]), [], []
        state.done = False
    if _DONE in line:
        state.done = len(state.laps_us) < 2
    for lap in _LAP.findall(line):
        if state.done and " io: m-lap" not in line:  # an interface board tells of edges late
            state.found.fault(SHUFFLED, line)
        host = _HOST.match(line)
        state.laps_us.append(int(lap))
        state.times_s.append(float(host[1]) if host else None)
    match = _RESULTS.search(line)
    if match is None:
        if 'Command "' not in line and (REPLACED in line or _BROKEN.search(line)):
            state.garbled = state.garbled or line
        return False
    if state.started is not None and state.started != state.asked:
        state.found.fault("another number of iterations than was asked for", line)
    outputs = parse_outputs(match[1])
    if outputs is None:
        state.garbled = line
        _unanswered(state, line)
    else:
        _inferred(state, outputs)
    return True


def _inferred(state: _State, outputs: tuple[tuple[float, ...], int]) -> None:
    """Take an inference with its answer, and wait for the next."""
    state.found.inferred.append(
        Inferred(
            *state.infers,
            state.started or state.asked or 0,
            _elapsed_us(state.laps_us),
            outputs[0],
            outputs[1],
            host_us=_between_us(state.times_s),
        )
    )
    state.asked, state.started, state.laps_us, state.times_s = None, None, [], []
    state.garbled, state.done = "", False


def _unanswered(state: _State, line: str) -> None:
    """Say that an `infer` has no answer, or one that cannot be read; its time counts all the same.

    A single inference without its answer is not one: the runner asks again, or an input is missing.
    """
    if state.asked is None:
        return
    if state.garbled:
        state.found.fault(GARBLED, state.garbled)
    else:
        state.found.fault("an infer without an answer", line)
    if state.garbled and state.asked > 1 and len(state.laps_us) > 1:
        _inferred(state, ((), 0))
    state.asked, state.garbled = None, ""


def _stamp(found: Evidence, line: str) -> None:
    """Take the DUT's clock beside the host's."""
    lap, host = _LAP.search(line), _HOST.match(line)
    if lap and host:
        found.stamp(int(lap[1]), float(host[1]))


def _command(state: _State, line: str) -> bool:
    """Take a command of the host; return whether the line is one."""
    if match := _LOAD.search(line):
        if file := _FILE.search(match[1]):
            state.name, state.offset = file[1].split(" ")[-1].rstrip('"'), int(file[2] or 0)
        else:
            state.found.fault("a load without a file", line)
    elif match := _INFER.search(line):
        _unanswered(state, line)
        state.asked, state.started = int(match[1]), None
        state.infers = state.name, state.offset
        state.laps_us, state.times_s, state.done = [], [], False
    elif match := _SESSION.search(line):
        state.found.session = match[1][:80]
        if state.found.inferred:  # a log that was appended to: the last session is what counts
            state.earlier, state.found.inferred, state.asked = state.found.inferred, [], None
            state.found.stamps = []
    else:
        return False
    return True


def _said(state: _State, line: str) -> None:
    """Take what else the DUT says."""
    if match := _MODEL.search(line):
        if match[1] not in state.found.models:
            state.found.models.append(match[1][:40])
    elif match := _SIZE.search(line):
        if match[1] != match[2]:  # some firmware says so of every input
            state.found.fault(WRONG_SIZE, line)
    elif match := _DUT_ERROR.search(line):
        begun = state.name or state.asked is not None
        state.found.fault("an error of the DUT" if begun else NOISE, match[1])


def _elapsed_us(laps_us: list[int]) -> int | None:
    """Return the time between the last two time stamps; some DUTs count more than 32 bits."""
    if len(laps_us) < 2:
        return None
    start_us, stop_us = laps_us[-2:]
    if max(start_us, stop_us) >= MICROS_WRAP:
        return stop_us - start_us if stop_us >= start_us else None
    return elapsed_us(start_us, stop_us)


def _between_us(times_s: list[float | None]) -> int | None:
    """Return the host's time between the last two time stamps, where both have one."""
    if len(times_s) < 2:
        return None
    start_s, stop_s = times_s[-2:]
    return None if start_s is None or stop_s is None else round((stop_s - start_s) * 1e6)
