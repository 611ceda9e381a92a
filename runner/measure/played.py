"""Let a DUT hear a recording that an interface board plays to it, by the official protocol.

The board plays a file of its card over I2S, and notes by its own timer when the DUT's wake-word pin
fell (milliseconds, of which the first marks the beginning) and when its processing pin was high
(ticks of 10 us, of the first 100 frames). Firmware of ours tells of all frames, how long they took
and what was lost. All doubts are said; nothing is judged.

Ref: mlcommons/tiny, benchmark/runner (script.py) and benchmark/interface.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.wake.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from tinybench.declare import nearest
from tinybench.errors import ProtocolError, UsageError

from ..dut.client import Dut
from ..dut.interface_board import InterfaceBoard
from ..dut.reply import shown_lines
from ..results.stream import PERIOD_S
from ..streaming.verdict import doubts as doubts_of
from .listen import ANSWER_S

TICK_S = 10e-6
"""Of the board's timer."""
PERIODS_KEPT = 100
"""Frames whose processing it notes."""
UNHEARD_FRAMES = 5
"""At the end of a recording, which the board stops to play before the last ones are heard."""
SLOW_MOST = 0.01
"""What a board's audio clock is slower than its timer at most; seen were 0.24 %."""
DRIFT_UNSURE = 5e-4
"""How far its clock over a recording is from that of the first frames; seen were 0.37e-3."""
STALL = 1.25
"""A frame that begins so many periods after the one before it has waited for sound."""
ASIDE_S = 10.0
"""What a recording may take longer than it lasts. Ref: script.py."""
SETTLE_S = 0.25
"""Between the end of a recording and `stop`. Ref: script.py."""
LIST_S = 20.0
"""For the board to print a list: 10,000 detections take 7 s at 115200 baud."""
LIST_TRIES = 4
"""Times that a list is asked for until two are the same."""
TOLD_MOST_S = 60.0
"""For the DUT to tell the output of each frame: at 9600 baud 20 minutes of them take four."""
OUTPUT_B = 6
"""Characters of an output."""
LENGTH_MOST_S = 4 * 3600.0

_HEARD = re.compile(r"m-heard-\[([0-9]{1,10}) ([0-9]{1,10})\]")
_BUSY = re.compile(r"m-busy-\[([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10})\]")
_SOUND = re.compile(r"m-sound-\[([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10})\]")
_OVERFLOWN = (1 << 32) - 1
_ROW = re.compile(r"([0-9]{1,10}),")
_TICKS = re.compile(r"\s*(?:[0-9]{1,10}\s*(?:,\s*|\Z))*")
_OUTPUTS = re.compile(r"\[([-0-9, ]*)\]\s*\Z")
T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """What firmware of ours says of all frames of a stream."""

    frames: int
    outside: int
    """Features beyond int8."""
    busy_s: float
    """On all frames together, by the DUT's clock."""
    longest_s: float
    late: int
    """Frames that took longer than their period."""
    elapsed_s: float
    """From the first frame's last sample to the last one's."""
    lost: int
    """Frames, to an overrun or a disturbed clock."""
    stalls: int
    """Times that sound stood still."""

    @property
    def duty(self) -> float:
        """Share of the time that the DUT worked, by its own clock over all frames."""
        period_s = self.elapsed_s / (self.frames - 1) if self.frames > 1 else PERIOD_S
        return self.busy_s / max(1, self.frames) / (period_s or PERIOD_S)


@dataclass(frozen=True)
class Played:
    """What an interface board noted of a DUT that heard a recording; times by the board's timer."""

    detections_ms: tuple[int, ...]
    """As noted; the first marks the beginning."""
    starts_s: NDArray[np.float64]
    stops_s: NDArray[np.float64]
    """When the processing pin rose and fell, of the first frames; of equal length."""
    activations: NDArray[np.int8] | None
    """(frames, 1): output 0 of each frame, where the DUT tells it."""
    told: Told | None
    """Where the firmware is ours."""
    play_s: float
    """What the recording took, by this computer's clock."""
    doubts: tuple[str, ...]
    """What makes this no result; each says what was seen, and what to look at."""

    @property
    def detections_s(self) -> list[float]:
        """Detections after the one that marks the beginning, counted from it."""
        return [(at_ms - self.detections_ms[0]) / 1000 for at_ms in self.detections_ms[1:]]

    @property
    def elapsed_us(self) -> NDArray[np.int64]:
        """(periods,): how long the first frames were processed."""
        return np.round((self.stops_s - self.starts_s) * 1e6).astype(np.int64)

    @property
    def period_s(self) -> float | None:
        """Mean period of the first frames; None of less than two."""
        return float(np.diff(self.starts_s).mean()) if len(self.starts_s) > 1 else None

    @property
    def processing_s(self) -> float | None:
        """Mean time of processing one of the first frames; None without any."""
        return float((self.stops_s - self.starts_s).mean()) if len(self.starts_s) else None

    @property
    def duty(self) -> float | None:
        """Share of their time that the first frames were processed, as published results have."""
        period_s, processing_s = self.period_s, self.processing_s
        return processing_s / period_s if period_s and processing_s is not None else None


def on_card(board: InterfaceBoard, name: str) -> str:
    """Return the name of a recording as the board's card has it; raises UsageError if it has not.

    Raises DeadlineError when the board is silent.
    """
    files = [line.strip() for line in board.command("ls", LIST_S)]
    if not files:
        raise UsageError("the interface board's card is empty, or there is none in it")
    for there in files:
        if there.casefold() == name.casefold():
            return there
    raise UsageError(f"{name} is not on the interface board's card: {nearest(name, files)}")


def play(
    board: InterfaceBoard,
    dut: Dut,
    name: str,
    length_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
    wraps: bool = False,
) -> Played:
    """Play a recording of a board's card, of `length_s`, to a DUT that hears it over I2S.

    `dut` is behind the board or beside it, without the fast link, after its handshake. `wraps`: of
    firmware of ours, features beyond int8 go around. Raises UsageError for a recording that is not
    on the card, ProtocolError for a DUT that does not hear or a board that does not play,
    DeadlineError for either that is silent.
    """
    if not 0 < length_s <= LENGTH_MOST_S:
        raise UsageError(
            f"{name}: a recording of {length_s:g} s cannot be played; up to {LENGTH_MOST_S:g} s can"
        )
    name = on_card(board, name)
    dut.command("stop quiet" if _is_ours(dut) else "stop", ANSWER_S)
    _start(dut, wraps)
    board.command("record_detections")
    began_s = clock()
    said = board.command(f"play {name}", length_s * (1 + SLOW_MOST) + ASIDE_S)
    play_s = clock() - began_s
    rest(SETTLE_S)
    stopped = _stop(dut, length_s, board.byte_s)
    if "succeeded." not in said:
        raise ProtocolError(
            f"the interface board does not play {name}: {shown_lines(said)}. It plays 16 kHz, 16 "
            "bits, two channels, with a plain header of 44 bytes: tinybench prepare sww writes that"
        )
    detections_ms = _agreed(board, "print_detections", _detections)
    starts, stops = _agreed(board, "print_dutycycle", _periods)
    count = min(len(starts), len(stops))
    told = _told(stopped)
    found = Played(
        detections_ms=tuple(detections_ms),
        starts_s=np.array(starts[:count], np.float64) * TICK_S,
        stops_s=np.array(stops[:count], np.float64) * TICK_S,
        activations=_activations(stopped),
        told=told,
        play_s=play_s,
        doubts=(),
    )
    said_of = [*doubts_of(detections_ms, (), length_s), *_of_periods(starts, stops)]
    said_of += _of_sound(found, length_s)
    return Played(**{**vars(found), "doubts": tuple(said_of)})


def _is_ours(dut: Dut) -> bool:
    return dut.can(f"stream-{HOP_SAMPLES}")


def _start(dut: Dut, wraps: bool) -> None:
    """Begin a stream. Raises ProtocolError when the DUT does not listen to sound by itself."""
    lines = dut.command(
        "start wraps" if wraps and _is_ours(dut) else "start", ANSWER_S, beside=True
    )
    if _is_ours(dut) and "They come by themselves." not in lines:
        raise ProtocolError(
            "the firmware hears uploads only, and no sound that comes by itself: build it for a "
            f"board with I2S. It said to 'start%': {shown_lines(lines)}"
        )
    if any(line.startswith("e-[") or "gnoring" in line or "nrecognized" in line for line in lines):
        raise ProtocolError(
            f"the DUT does not begin a stream at 'start%': {shown_lines(lines)}. Is it firmware of "
            "the streaming wake word? Reset it, and try again"
        )


def _stop(dut: Dut, length_s: float, byte_s: float) -> list[str]:
    """End the stream; firmware of ours is asked for its outputs only where that takes no minutes.

    Stock firmware prints them or not, as it likes.
    """
    outputs_s = length_s / PERIOD_S * OUTPUT_B * byte_s
    if _is_ours(dut) and outputs_s > TOLD_MOST_S:
        return dut.command("stop quiet", ANSWER_S, beside=True)
    return dut.command("stop", ANSWER_S + 2 * outputs_s, beside=True)


def _agreed(board: InterfaceBoard, command: str, parse: Callable[[Sequence[str]], T | None]) -> T:
    """Return a list that the board has printed twice alike; it keeps it until the next recording.

    Raises ProtocolError when no two are.
    """
    seen: list[T] = []
    lines: list[str] = []
    for _ in range(LIST_TRIES):
        lines = board.command(command, LIST_S)
        found = parse(lines)
        if found is not None and found in seen:
            return found
        if found is not None:
            seen.append(found)
    raise ProtocolError(
        f"the interface board was asked {LIST_TRIES} times for '{command}', and no two replies "
        f"were alike, or as they must be; the last: {shown_lines(lines)}. Look at its cable"
    )


def _detections(lines: Sequence[str]) -> list[int] | None:
    """Read `print_detections`; None for anything else."""
    if not lines or lines[0] != "Detection Timestamps (ms)":
        return None
    rows = [_ROW.fullmatch(line.strip()) for line in lines[1:]]
    return [int(row[1]) for row in rows if row] if all(rows) else None


def _periods(lines: Sequence[str]) -> tuple[list[int], list[int]] | None:
    """Read `print_dutycycle`: ticks at which processing began, and ended; None for anything else.

    It says seconds, and means ticks.
    """
    heads = [at for at, line in enumerate(lines) if line.startswith("Duty cycle ")]
    if len(heads) != 2 or heads[0] != 0:
        return None
    if "start times" not in lines[0] or "stop times" not in lines[heads[1]]:
        return None
    found = []
    for part in (lines[1 : heads[1]], lines[heads[1] + 1 :]):
        text = " ".join(part)
        if _TICKS.fullmatch(text) is None:
            return None
        found.append([int(word) for word in text.replace(",", " ").split()])
    return found[0], found[1]


def _told(lines: Sequence[str]) -> Told | None:
    heard, busy, sound = (
        next(filter(None, map(pattern.fullmatch, lines)), None)
        for pattern in (_HEARD, _BUSY, _SOUND)
    )
    if heard is None or busy is None or sound is None:
        return None
    frames, busy_us, longest_us, late = map(int, busy.groups())
    _, elapsed_us, lost, stalls = map(int, sound.groups())
    if _OVERFLOWN in (busy_us, elapsed_us):
        raise ProtocolError("the stream was too long for the DUT's sums of microseconds")
    return Told(
        frames=frames,
        outside=int(heard[2]),
        busy_s=busy_us * 1e-6,
        longest_s=longest_us * 1e-6,
        late=late,
        elapsed_s=elapsed_us * 1e-6,
        lost=lost,
        stalls=stalls,
    )


def _activations(lines: Sequence[str]) -> NDArray[np.int8] | None:
    """Read the outputs of all frames behind `target activations:`; None where there are none.

    Raises ProtocolError for a list that is none of int8.
    """
    at = next((at for at, one in enumerate(lines) if one.startswith("target activations:")), None)
    if at is None:
        return None
    match = _OUTPUTS.fullmatch(" ".join(lines[at + 1 :]).strip())
    words = match[1].replace(",", " ").split() if match else ["?"]
    try:
        values = [int(word) for word in words]
    except ValueError:
        values = [128]
    if any(not -128 <= value <= 127 for value in values):
        raise ProtocolError(
            f"the DUT's list of activations is none of int8: {shown_lines(lines[at:])}"
        )
    return np.array(values, np.int8).reshape(-1, 1)


def _of_periods(starts: Sequence[int], stops: Sequence[int]) -> list[str]:
    """Return what is wrong with the first frames' processing."""
    if not starts and not stops:
        return ["the processing pin never rose: look at its wire, with proc_hi and proc_lo"]
    if len(starts) != len(stops):
        return [
            f"the processing pin rose {len(starts)} times and fell {len(stops)} times: edges were "
            "missed, or the pin was high at the beginning"
        ]
    edges = [tick for pair in zip(starts, stops, strict=True) for tick in pair]
    if any(later < earlier for earlier, later in pairwise(edges)):
        return ["the processing pin's times are out of order: edges were missed"]
    late = [
        (later - earlier) * TICK_S
        for earlier, later in pairwise(starts)
        if (later - earlier) * TICK_S > STALL * PERIOD_S
    ]
    if late:
        return [
            f"of the first {len(starts)} frames {len(late)} began late, up to {max(late):.3f} s "
            "after the one before: sound stood still, or frames were lost"
        ]
    return []


def _of_sound(found: Played, length_s: float) -> list[str]:
    """Return what says that not all of the recording was heard, or that it stood still."""
    said = []
    period_s = found.period_s or PERIOD_S
    slow = period_s / PERIOD_S if abs(period_s / PERIOD_S - 1) <= SLOW_MOST else 1 + SLOW_MOST
    due_s = length_s * slow
    if found.play_s > due_s + DRIFT_UNSURE * length_s + SETTLE_S:
        said.append(
            f"the recording lasts {due_s:.2f} s by the board's clock and took {found.play_s:.2f} s "
            "to play: it stood still. Look at the interface board's card"
        )
    told = found.told
    if told is None:
        return said
    if told.lost or told.stalls:
        said.append(
            f"sound was lost: {told.lost} frames by the DUT's count of overruns, and {told.stalls} "
            "times it stood still. Look at the I2S wires and the time of a frame"
        )
    due = int(length_s * SAMPLE_RATE_HZ) // HOP_SAMPLES
    if not due - UNHEARD_FRAMES <= told.frames <= due:
        said.append(
            f"the DUT heard {told.frames} frames of a recording that has {due}: sound was lost, or "
            "the clock ran before"
        )
    return said
