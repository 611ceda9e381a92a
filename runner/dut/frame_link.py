"""The fast upload: frames in flight as far as the DUT can hold them, only lost ones sent again.

Ref: docs/link.md. Every frame has a CRC-32, and so has the whole input: an inference runs on what
was sent or not at all, and its answer arrives whole or not at all.
"""

import re
import struct
import time
import zlib
from dataclasses import dataclass

from tinybench.errors import DeadlineError, ProtocolError

from . import frames
from .frames import Frame
from .inference import Inference, elapsed_us, parse_results
from .line import Line, Patience, Tally
from .reply import READY, Said, shown

ANSWER_B = 400
"""Bytes of an answer, for its deadline."""
ROUNDS = 16
"""Times that an upload is completed before it is given up."""
SILENCES = 2
"""Deadlines that may pass in it."""

_CAP = re.compile(r"frames-([0-9]{1,3})-([0-9]{1,5})-([0-9]{1,6})")
_INFER = struct.Struct("<III")
_ACK = struct.Struct("<I")
_RESULT = struct.Struct("<III")
_REFUSED = struct.Struct("<Bi")


@dataclass(frozen=True)
class Offer:
    """What the firmware's `caps` say of its frames."""

    payload_b: int
    """Data bytes of a full frame."""
    window_b: int
    """Bytes on the line that the DUT holds while it is busy."""


def offer(caps: tuple[str, ...]) -> Offer | None:
    """Return what `caps` offer; None for firmware without frames, or with those of another time."""
    for word in caps:
        match = _CAP.fullmatch(word)
        if match is not None and int(match[1]) == frames.VERSION:
            found = Offer(int(match[2]), int(match[3]))
            if 0 < found.payload_b <= found.window_b:
                return found
    return None


class FrameLink:
    """Frames on a line, in `frames` mode; raises ProtocolError or DeadlineError on any doubt."""

    def __init__(self, line: Line, patience: Patience, offered: Offer, tally: Tally) -> None:
        self._line = line
        self._patience = patience
        self._offer = offered
        self._tally = tally
        self._held: bytes | None = None
        self._upload = 0
        self._request = 0
        self._blocks: list[bytes] = []
        self._acked: set[int] = set()
        self._serials: dict[int, int] = {}
        self._serial = 0

    @property
    def chunk_b(self) -> int:
        """Data bytes of a full frame."""
        return self._offer.payload_b

    def doubted(self) -> None:
        """Forget what the DUT holds."""
        self._held = None

    def infer(self, data: bytes, iterations: int, warmup: int, timeout_s: float) -> Inference:
        """Run inferences on an input, which is uploaded unless the DUT holds it.

        `timeout_s` bounds the inferences. The request follows the data without a pause, so that a
        short input costs one round trip. Raises ProtocolError or DeadlineError on any doubt.
        """
        if data != self._held:
            self._begin(data)
        self._request = (self._request + 1) % 65536
        counts = _INFER.pack(iterations, warmup, zlib.crc32(data))
        infer = frames.encode(Frame(frames.INFER, self._upload, self._request, counts))
        silences = 0
        for attempt in range(ROUNDS):
            self._tally.resent_frames += attempt > 0  # the request
            answer = self._answer(timeout_s) if self._send_missing(infer) else None
            if answer is None:
                silences += 1
            elif answer.kind == frames.RESULT:
                self._held = data
                return _inference(answer, iterations, warmup)
            if silences == SILENCES:
                break
        raise DeadlineError(
            f"no answer to an upload and 'infer {iterations} {warmup}': {len(self._acked)} of "
            f"{len(self._blocks)} frames have arrived; unfinished on the line: "
            f"{shown(self._line.unread())!r}"
        )

    def leave(self) -> None:
        """Go back to text mode. Raises DeadlineError when the DUT does not confirm."""
        self._line.send(LEAVE)
        deadline_s = time.monotonic() + self._reply_s(ANSWER_B)
        lines: list[Said] = []
        while not lines or lines[-1].word != READY:
            try:
                lines.append(self._line.said(deadline_s, "LEAVE", lines))
            except ProtocolError:
                continue  # late frames, up to the first line of text

    def _begin(self, data: bytes) -> None:
        """Cut an input into frames of a new upload."""
        self._held = None
        self._upload = self._upload % 255 + 1
        size_b = self._offer.payload_b
        pieces = [data[start : start + size_b] for start in range(0, len(data), size_b)]
        self._blocks = [
            frames.encode(Frame(frames.DATA, self._upload, number, piece))
            for number, piece in enumerate(pieces)
        ]
        self._acked = set()
        self._serials = {}

    def _send_missing(self, infer: bytes) -> bool:
        """Send what the DUT lacks, and then the request; False when acknowledgements stop coming.

        Never more than the DUT's window is in flight. The line keeps the order: a frame that was
        sent before one that arrived, and has not arrived, is lost.
        """
        missing = [n for n in range(len(self._blocks)) if n not in self._acked]
        self._tally.resent_frames += sum(n in self._serials for n in missing)
        self._serials = {}
        while True:
            burst = b""
            in_flight_b = sum(len(self._blocks[n]) for n in self._serials)
            while missing and in_flight_b + len(self._blocks[missing[0]]) <= self._offer.window_b:
                number = missing.pop(0)
                self._serial += 1
                self._serials[number] = self._serial
                burst += self._blocks[number]
                in_flight_b += len(self._blocks[number])
            last = not missing and in_flight_b + len(infer) <= self._offer.window_b
            if last:
                burst += infer
            if burst:
                self._line.send(burst)
            if last:
                return True
            deadline_s = time.monotonic() + self._reply_s(2 * in_flight_b + ANSWER_B)
            frame = self._frame(deadline_s)
            if frame is None:
                return False
            if frame.kind == frames.ACK:
                missing += self._lost(frame)

    def _lost(self, ack: Frame) -> list[int]:
        """Note what an acknowledgement confirms; return the frames that it shows to be lost."""
        if ack.upload != self._upload or len(ack.payload) != _ACK.size:
            return []
        (bits,) = _ACK.unpack(ack.payload)
        arrived = set(range(ack.number))
        arrived |= {ack.number + 1 + k for k in range(32) if bits >> k & 1}
        new = arrived & self._serials.keys()
        self._acked |= arrived
        if not new:
            return []
        latest = max(self._serials[number] for number in new)
        lost = [
            number
            for number, serial in self._serials.items()
            if serial < latest and number not in arrived
        ]
        for number in [*new, *lost]:
            del self._serials[number]
        self._tally.resent_frames += len(lost)
        return lost

    def _answer(self, timeout_s: float) -> Frame | None:
        """Return the answer to the request: RESULT, or REFUSED for want of frames; None if none.

        Raises ProtocolError when it is refused for another reason.
        """
        in_flight_b = sum(len(self._blocks[number]) for number in self._serials)
        deadline_s = time.monotonic() + timeout_s + self._reply_s(2 * in_flight_b + ANSWER_B)
        while True:
            frame = self._frame(deadline_s)
            if frame is None:
                return None
            if frame.kind == frames.ACK:
                self._lost(frame)
            elif (frame.upload, frame.number) != (self._upload, self._request):
                continue  # of an earlier request
            elif frame.kind == frames.RESULT:
                return frame
            elif frame.kind == frames.REFUSED:
                _insist_incomplete(frame)
                return frame

    def _frame(self, deadline_s: float) -> Frame | None:
        """Return the next whole frame; None when none comes in time. Damaged ones are dropped.

        Raises ProtocolError when the DUT talks text: it has restarted.
        """
        while True:
            block = self._line.block(deadline_s)
            if block is None:
                return None
            # A firmware that talks may have done so before its answer.
            frame = frames.decode(block) or frames.decode(block.rpartition(b"\n")[2])
            if frame is not None:
                return frame

    def _reply_s(self, bytes_b: int) -> float:
        return self._patience.reply_s + bytes_b * self._line.byte_s


LEAVE = b"name\0" + frames.encode(Frame(frames.LEAVE, 0, 0))
"""Ends frames mode, whatever was sent before it.

To a DUT in text mode it is the beginning of a command. Stock firmware reads that up to the zero; an
empty one would crash it, so a name comes first.
"""


def _insist_incomplete(frame: Frame) -> None:
    """Return when an upload is refused for want of frames. Raises ProtocolError otherwise."""
    if len(frame.payload) != _REFUSED.size:
        raise ProtocolError(f"a REFUSED frame of {len(frame.payload)} bytes")
    reason, detail = _REFUSED.unpack(frame.payload)
    if reason == frames.INCOMPLETE:
        return
    said = {
        frames.OTHER_INPUT: "it holds another input than was sent",
        frames.BAD_COUNT: "it takes no such counts",
        frames.ENGINE_FAILED: f"e-[Inference failed with {detail}]",
    }
    raise ProtocolError(f"the DUT refuses 'infer': {said.get(reason, f'reason {reason}')}")


def read_result_frame(frame: Frame) -> Inference | None:
    """Return what a RESULT frame says; None where it is damaged."""
    try:
        iterations, start_us, end_us = _RESULT.unpack_from(frame.payload)
        results = frame.payload[_RESULT.size :].decode("ascii")
    except (struct.error, UnicodeDecodeError):
        return None
    return Inference(iterations, elapsed_us(start_us, end_us), results, end_us)


def _inference(frame: Frame, iterations: int, warmup: int) -> Inference:
    """Read a RESULT. Raises ProtocolError when it answers something else."""
    found = read_result_frame(frame)
    if found is None:
        raise ProtocolError(f"a RESULT frame of {len(frame.payload)} bytes that cannot be read")
    if found.iterations != iterations:
        raise ProtocolError(
            f"{found.iterations} inferences answered, where {iterations} were asked for"
        )
    try:
        parse_results(found.results)
    except ProtocolError as error:
        raise ProtocolError(f"'infer {iterations} {warmup}': {error}") from None
    return found
