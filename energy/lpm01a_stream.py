"""Decodes the two streams of an LPM01A: bytes in any pieces to chunks.

Ref: ST UM2269 Rev 6, data formats 1 (ASCII) and 2 (binary).
"""

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .timeline import Samples, Timeline
from .trace import Chunk

NUMBER = rb"(\d{4})([+-]\d\d)"
"""Four digits, and a power of ten."""


class AsciiDecoder:
    """Bytes of an ASCII stream to chunks, in any pieces; never raises."""

    SAMPLE = re.compile(NUMBER)
    STAMP = re.compile(rb"TimeStamp:[ <>]*(\d+)s (\d+)ms, buff (\d+)%")
    EVENT = re.compile(rb"event (\d+) (?:ris|fal)")
    ENDS = (b"end", b"summary beg")
    LINE_MAX_B = 400
    STRANGE_MAX = 500
    """Unknown lines in a row after which this is no stream of samples."""
    UNSETTLED_MAX = 20_000
    """Samples without a time stamp; one is due after each thousand."""

    def __init__(self, rate_hz: float, start_s: float = 0.0) -> None:
        """`start_s`: when the first sample is, by the time stamps."""
        self.timeline = Timeline(rate_hz)
        self.ended = False
        self.failure = ""
        self._start_s = start_s
        self._tail = b""
        self._event: int | None = None
        self._strange = 0
        self._replies: list[str] = []

    def feed(self, data: bytes) -> None:
        """Decode the next bytes; those after the end are none of the stream."""
        if self.ended:
            return
        lines = (self._tail + data).replace(b"\0", b"").split(b"\n")
        self._tail = lines.pop()
        if len(self._tail) > self.LINE_MAX_B:
            self._take_strange()
            self._tail = self._tail[-self.LINE_MAX_B :]
        run: list[float] = []
        for raw in lines:
            line = raw.strip(b"\r ")
            match = self.SAMPLE.fullmatch(line)
            if match is not None:
                run.append(int(match[1]) * 10.0 ** int(match[2]))
                continue
            self._take_samples(run)
            run = []
            if line:
                self._other(line)
            if self.ended:
                return  # what follows is a summary: the least and the most, written as samples are
        self._take_samples(run)
        if self.timeline.unsettled > self.UNSETTLED_MAX:
            self._fail(f"no time stamp among {self.timeline.unsettled} samples")

    def take(self) -> Chunk | None:
        """Return what is settled since the last call."""
        return self.timeline.take()

    def replies(self) -> list[str]:
        """Return the answers to commands that came between the samples, and forget them."""
        replies, self._replies = self._replies, []
        return replies

    def finish(self) -> None:
        """Settle what is left; nothing comes after it."""
        self.timeline.finish()

    def _other(self, line: bytes) -> None:
        """Take a line that is no sample."""
        stamp = self.STAMP.fullmatch(line)
        event = self.EVENT.fullmatch(line)
        words = line.decode("latin-1")
        if stamp is not None:
            if not self.timeline.stamp(int(stamp[1]) + int(stamp[2]) / 1000 - self._start_s):
                self._fail("its time stamps contradict the number of its samples")
        elif event is not None:
            self._take_event(int(event[1]))
        elif line in self.ENDS or b"Acquisition completed" in line:
            self.ended = True
        elif re.search(r"\b(ack|err|error)\b|error: ", words):  # it may follow a cut line
            self._replies.append(words)
            self.timeline.suspect()
            if re.search("over|buffer|power.?down", words, re.IGNORECASE):
                self._fail(words)
        else:
            self._take_strange()

    def _take_samples(self, run: list[float]) -> None:
        if run:
            self.timeline.add(np.array(run, np.float32))
            self._strange = 0

    def _take_strange(self) -> None:
        """Note what is no sample and no known line."""
        self.timeline.suspect()
        self._strange += 1
        if self._strange > self.STRANGE_MAX:
            self._fail("what it sends are no samples; is its format ASCII?")

    def _take_event(self, number: int) -> None:
        """Note an edge; a number that is missing is an edge that is missing."""
        wanted = 0 if self._event is None else self._event + 1
        if number != wanted and not (wanted == 100 and number == 0):
            self.timeline.edges_lost()
        self._event = number
        self.timeline.edge()

    def _fail(self, why: str) -> None:
        self.failure = self.failure or why
        self.ended = True


class BinaryDecoder:
    """Bytes of a binary stream to chunks, in any pieces; never raises.

    Samples are verified between two time stamps: a lost byte costs the stretch it was in.
    """

    LENGTHS_B = {0xF3: 9, 0xF4: 4, 0xF6: 4, 0xF7: 6, 0xF8: 6, 0xF9: 5, 0xFA: 4, 0xFB: 4}
    TEXTS = (0xF1, 0xF2, 0xF5)
    """Records up to FF FF, of any length."""
    TEXT_MAX_B = 256
    LOOK_B = 4096
    STRAY_MAX_B = 1 << 22
    """Bytes without a valid time stamp after which this is no stream of an LPM01A."""

    def __init__(self, rate_hz: float) -> None:
        self.timeline = Timeline(rate_hz)
        self.ended = False
        self.failure = ""
        self._buffer = b""
        self._lost = True  # the acknowledgement of `start` comes first
        self._stray_b = 0
        self._words: list[Samples] = []

    def feed(self, data: bytes) -> None:
        """Decode the next bytes."""
        buffer = self._buffer + data if self._buffer else data
        octets = np.frombuffer(buffer, np.uint8)
        at = 0
        while not self.ended:
            if self._lost:
                found = self._resynchronise(buffer, at)
                if found is None:
                    at = max(at, len(buffer) - self.LENGTHS_B[0xF3] + 1)
                    break
                at = found
            at += self._samples(octets, at)
            if at + 1 >= len(buffer):
                break
            if buffer[at] >= 0xF0:
                length_b = self._record(buffer, at)
                if length_b == 0:
                    break
                at += length_b
        self._buffer = buffer[at:]

    def take(self) -> Chunk | None:
        """Return what is settled since the last call."""
        return self.timeline.take()

    def replies(self) -> list[str]:
        """Return nothing: answers to commands cannot be told from samples."""
        return []

    def finish(self) -> None:
        """Settle what is left; nothing comes after it."""
        if not self.ended:
            self.timeline.distrust()
        self.timeline.finish()

    def _samples(self, octets: NDArray[np.uint8], at: int) -> int:
        """Take the samples from `at` to the next record; return their length in bytes."""
        high = octets[at : at + self.LOOK_B : 2]
        special = high >= 0xF0
        words = int(special.argmax()) if special.any() else len(high)
        words = min(words, (len(octets) - at) // 2)
        if words:
            self.timeline.add(_values()[octets[at : at + 2 * words].view(">u2")])
            self._stray(2 * words)
        return 2 * words

    def _record(self, buffer: bytes, at: int) -> int:
        """Take the record at `at`; return its length, 0 when more bytes are needed."""
        length_b = self._length_b(buffer, at)
        if length_b == 0:
            return 0
        if length_b < 0 or buffer[at + length_b - 2 : at + length_b] != b"\xff\xff":
            self._lost = True
            self.timeline.distrust()
            return 1
        kind, body = buffer[at + 1], buffer[at + 2 : at + length_b - 2]
        if kind == 0xF3:
            self._stray_b = 0
            if not self.timeline.stamp(int.from_bytes(body[:4], "big") / 1000):
                self._fail("its time stamps contradict the number of its samples")
        elif kind == 0xF4:
            self.ended = True
        elif kind == 0xF5:
            self._fail("overcurrent: the DUT takes more than the instrument can supply")
        elif kind == 0xF6:
            self._fail("the DUT's supply went down")
        elif kind == 0xF1:
            self._fail(body.decode("latin-1").strip("\0\r\n "))
        return length_b

    def _length_b(self, buffer: bytes, at: int) -> int:
        """Return the length of the record at `at`; 0 when it is not all there, -1 when none is."""
        kind = buffer[at + 1]
        if buffer[at] != 0xF0:
            return -1
        left_b = len(buffer) - at
        if kind in self.TEXTS:
            end = buffer.find(b"\xff\xff", at + 2, at + self.TEXT_MAX_B)
            if end < 0:
                return 0 if left_b < self.TEXT_MAX_B else -1
            return end + 2 - at
        length_b = self.LENGTHS_B.get(kind, -1)
        return length_b if length_b <= left_b else 0

    def _resynchronise(self, buffer: bytes, at: int) -> int | None:
        """Return where the next time stamp or end begins, at or after `at`."""
        start = at
        while (found := buffer.find(b"\xf0", at)) >= 0:
            length_b = {0xF3: 9, 0xF4: 4}.get(buffer[found + 1] if found + 1 < len(buffer) else 0)
            if length_b and buffer[found + length_b - 2 : found + length_b] == b"\xff\xff":
                self._lost = False
                return found
            at = found + 1
        self._stray(len(buffer) - start)
        return None

    def _stray(self, count_b: int) -> None:
        self._stray_b += count_b
        if self._stray_b > self.STRAY_MAX_B:
            self._fail("no time stamp in what it sends; is its format binary?")

    def _fail(self, why: str) -> None:
        self.failure = self.failure or why
        self.ended = True


@cache
def _values() -> Samples:
    """Return the value of every word: 12 bits of mantissa, 4 of a negative power of 16."""
    word = np.arange(1 << 16)
    return ((word & 0xFFF) * 16.0 ** -(word >> 12)).astype(np.float32)
