"""What a DUT answered, as its transcript has it: read piece by piece, however long it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinybench.errors import ProtocolError
from tinybench.transport.transcript import entries

from ..dut import frames
from ..dut.frame_link import read_result_frame
from ..dut.inference import elapsed_us
from ..dut.reply import plain_results

Inferred = tuple[int, int, str]
"""Iterations, microseconds and results of an `infer`."""

_START = b"m-infer-start-"
_TEXT = re.compile(
    rb"m-infer-start-([0-9]{1,10})(?![0-9])[^\n]*\n(.*?)m-results-\[([^\]]*)\]", re.DOTALL
)
_LAP = re.compile(rb"m-lap-us-([0-9]{1,19})")
_NAME = re.compile(rb"m-name-dut-\[([^\r\n]*)\]")
_CAPS = re.compile(rb"m-caps-\[([^\r\n]*)\]")
_ASKED = re.compile(rb"infer ([0-9]{1,10}) ([0-9]{1,10})%")
_BOOTED = re.compile(rb"m-init-done|m-timestamp-mode-")
_RESULT = bytes([frames.RESULT])
_PENDING_MAX_B = 1 << 20
"""Of an answer, or a frame, that has begun."""
_REQUEST_MAX_B = 64
"""Of an INFER frame on the line; longer ones carry data."""


@dataclass(frozen=True)
class Lap:
    """An answered `infer` between the two clocks: the DUT's stamps, and when the host heard it."""

    iterations: int
    elapsed_us: int
    results: str
    end_us: int | None
    """The DUT's clock at the end; None where the DUT prints no time stamps."""
    answered_s: float
    """When the answer was whole, on the transcript's clock."""
    asked_s: float | None
    """When it was asked for; None where that is not known, or it was asked for twice."""
    warmup: int
    epoch: int
    """Which of the spans it is in, in each of which the DUT's clock ran on."""

    @property
    def inferred(self) -> Inferred:
        """What was inferred."""
        return self.iterations, self.elapsed_us, self.results


def introduced(path: Path) -> tuple[set[str], set[str]]:
    """Return what a DUT called itself, and what it said that it can do: at the beginning.

    Raises RunFolderError.
    """
    text = b""
    for _, to, data in entries(path):
        text += data if to == "host" else b""
        if len(text) > _PENDING_MAX_B:
            break
    names, caps = (
        {found.decode("utf-8", "replace") for found in pattern.findall(text)}
        for pattern in (_NAME, _CAPS)
    )
    return names, {" ".join(words.split()) for words in caps}


def inferred(path: Path) -> Iterator[Inferred]:
    """Yield what a DUT answered, as text or in frames. Raises RunFolderError."""
    return (lap.inferred for lap in laps(path))


def laps(path: Path) -> Iterator[Lap]:
    """Yield what a DUT answered, as text or in frames, and when. Raises RunFolderError."""
    return (one for one in said(path) if isinstance(one, Lap))


def said(path: Path) -> Iterator[Lap | tuple[str, bytes]]:
    """Yield each entry, as whom it went to and its bytes, then the laps that are whole with it.

    Raises RunFolderError.
    """
    text, block, sent = b"", bytearray(), bytearray()
    epoch = 0
    asked: dict[int | None, list[tuple[float, int]]] = {}
    """When, and with what warm-up; by the request's number, None for text."""

    def lap(number: int | None, inferred: Inferred, end_us: int | None, t_s: float) -> Lap:
        asks = asked.pop(number, [])
        asked_s, warmup = asks[0] if len(asks) == 1 else (None, 0)
        return Lap(*inferred, end_us, t_s, asked_s, warmup, epoch)

    for t_s, to, data in entries(path):
        yield to, data
        if to == "port":
            epoch += 1
            asked.clear()
        elif to == "dut":
            epoch += b"name%" in data  # the DUT is looked for anew: it may have been reset
            for match in _ASKED.finditer(data):
                asked.setdefault(None, []).append((t_s, int(match[2])))
            for number, warmup in _requests(_blocks(sent, data)):
                asked.setdefault(number, []).append((t_s, warmup))
        elif to == "host":
            epoch += _BOOTED.search(data) is not None
            text += data
            while match := _TEXT.search(text):
                stamps = [int(stamp) for stamp in _LAP.findall(match[2])]
                answer = (
                    int(match[1]),
                    _between_us(stamps),
                    plain_results(match[3].decode("ascii", "replace")),
                )
                yield lap(None, answer, stamps[1] if len(stamps) == 2 else None, t_s)
                text = text[match.end() :]
            text = _begun(text)
            for frame in _frames(_blocks(block, data)):
                found = read_result_frame(frame)
                if found is not None:
                    answer = found.iterations, found.elapsed_us, found.results
                    yield lap(frame.number, answer, found.end_us, t_s)


def _between_us(stamps: list[int]) -> int:
    """Return the time between two stamps; 0 where there are not two, or their clock goes back."""
    try:
        return elapsed_us(stamps[0], stamps[1]) if len(stamps) == 2 else 0
    except ProtocolError:
        return 0


def _begun(text: bytes) -> bytes:
    """Return what may be the beginning of an answer, at the end of what was heard."""
    at = text.find(_START)
    if at < 0:
        return text[-len(_START) :]
    return text[at:] if len(text) - at <= _PENDING_MAX_B else text[-len(_START) :]


def _blocks(pending: bytearray, data: bytes) -> list[bytes]:
    """Return the blocks that are whole with `data`; the beginning of the next one is pending.

    Of a line that speaks text all is pending: it is added to in place, for there may be a million
    entries.
    """
    if b"\0" not in data:
        pending += data
        if len(pending) > 2 * _PENDING_MAX_B:
            del pending[:-_PENDING_MAX_B]
        return []
    *blocks, last = (bytes(pending) + data).split(b"\0")
    pending[:] = last[-_PENDING_MAX_B:]
    return blocks


def _requests(blocks: list[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the number and the warm-up of each request among the frames that were sent."""
    for block in blocks:
        frame = frames.decode(block) if len(block) <= _REQUEST_MAX_B else None
        if frame is not None and frame.kind == frames.INFER and len(frame.payload) >= 8:
            yield frame.number, int.from_bytes(frame.payload[4:8], "little")


def _frames(blocks: list[bytes]) -> Iterator[frames.Frame]:
    for block in blocks:
        if _RESULT not in block:  # an acknowledgement, as most are
            continue
        # A block that begins with text is what came before the first frame.
        frame = frames.decode(block) or frames.decode(block.rpartition(b"\r\n")[2])
        if frame is not None and frame.kind == frames.RESULT:
            yield frame
